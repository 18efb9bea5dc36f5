"""Maintenance: actions that cure or do not, parts, money, lock-out, and the crew's own repairs."""

import copy

import pytest
from pydantic import ValidationError

from demo_line.line import Line, LineState, load_definition
from demo_line.maintenance import Access, LockStep, MaintenanceDefinition, MaintenanceError
from demo_line.maintenance.workshop import MISALIGNMENT
from demo_line.packml import Command, Machine, State, UnitMode
from demo_line.plan import Phase

BEARING, REPLACE = "pump_bearing_outer_race", "replace_pump_bearing"


@pytest.fixture(scope="module")
def line() -> Line:
    return Line(load_definition())


@pytest.fixture
def state(line: Line) -> LineState:
    """A line on a Monday morning whose pump bearing is half worn."""
    state = line.start(1)
    line.add_fault(state, BEARING, 0.0)
    line.step(state, 1.0)
    state.conditions[BEARING].used = 0.85
    line.step(state, 1.0)
    state.work.stock |= {"bearing_6205": 40, "grease_h1": 40}
    return state


def run(line: Line, state: LineState, minutes: float) -> None:
    for _ in range(round(minutes)):
        line.step(state, 60.0)


def stop(line: Line, state: LineState, unit_id: str) -> None:
    line.command(state, unit_id, Command.STOP)
    for _ in range(5):
        line.step(state, 1.0)


def machine(line: Line, state: LineState, unit_id: str) -> Machine:
    machine_of = line.units[unit_id].machine
    assert machine_of is not None
    return machine_of(state.units[unit_id])


def lock(line: Line, state: LineState, unit_id: str) -> None:
    for step in LockStep:
        line.workshop.lock_out(state, unit_id, step)


def test_every_cure_is_an_action_and_every_action_cures_something(line: Line) -> None:
    """The faults' cures and the catalogue of actions name each other, and an action is done where the fault is."""
    cures = {(cure, fault.name) for fault in line.faults.values() for cure in fault.cures}
    assert {cure for cure, _ in cures} == set(line.workshop.actions)
    assert all(fault.cures for fault in line.faults.values())
    for cure, name in cures:
        action, fault = line.workshop.actions[cure], line.faults[name]
        if action.access is not Access.RUNNING:
            assert action.unit == fault.unit_id, (cure, name)


def test_every_machine_has_isolation_points_and_every_action_a_machine(line: Line) -> None:
    """Whoever works on a machine finds where to isolate it and what is stored in it."""
    with_machine = {unit_id for unit_id, unit in line.units.items() if unit.machine is not None}
    assert set(line.workshop.assets) <= set(line.units)
    assert with_machine <= set(line.workshop.assets)
    assert {action.unit for action in line.workshop.actions.values()} <= {"", *line.units}
    locked = [action.unit for action in line.workshop.actions.values() if action.access is Access.LOCKED_OUT]
    assert all(line.workshop.assets[unit_id].stored for unit_id in locked)


def test_the_right_repair_cures_after_its_time_and_costs(line: Line, state: LineState) -> None:
    """The severity is gone when the work is done, not before; parts and hours are paid; nobody is told of the cure."""
    stop(line, state, "MIX-10")
    lock(line, state, "MIX-10")
    job = line.workshop.act(state, REPLACE)
    assert job.safe
    assert job.ends_s - job.began_s == 150 * 60.0
    run(line, state, 140)
    assert state.around.severity[BEARING] > 0.5
    assert machine(line, state, "MIX-10").mode is UnitMode.MAINTENANCE
    run(line, state, 15)
    assert state.around.severity[BEARING] == 0.0
    assert state.conditions[BEARING].remaining_h() == float("inf")
    assert state.work.stock["bearing_6205"] == 39
    assert job.cost == pytest.approx(2 * 2.5 * 18.0 + 28.0 + 14.0)
    told = [event for event in state.around.events if event.kind == "work"]
    assert [event.text.rpartition(": ")[2] for event in told] == ["begun", "done"]
    assert not any("cure" in key for event in told for key in event.fields)
    line.workshop.unlock(state, "MIX-10")
    line.command(state, "MIX-10", Command.RESET)
    run(line, state, 2)
    assert machine(line, state, "MIX-10").state in (State.EXECUTE, State.SUSPENDED)


def test_a_wrong_repair_costs_and_leaves_the_fault(line: Line, state: LineState) -> None:
    """Cleaning the strainer does nothing for a bearing."""
    stop(line, state, "MIX-10")
    lock(line, state, "MIX-10")
    line.workshop.act(state, "clean_strainer")
    run(line, state, 30)
    assert state.around.severity[BEARING] > 0.5
    assert state.work.spent > 0.0
    assert [done.cured for done in state.work.done] == [()]


def test_hasty_work_is_faster_and_may_leave_the_fault_and_a_misalignment(line: Line, state: LineState) -> None:
    """Over many runs hasty work cures two of five bearings and leaves two of three couplings out of line."""
    stop(line, state, "MIX-10")
    lock(line, state, "MIX-10")
    outcomes = []
    for _ in range(30):
        again = copy.deepcopy(state)
        job = line.workshop.act(again, REPLACE, hasty=True)
        assert job.ends_s - job.began_s == pytest.approx(0.55 * 150 * 60.0)
        again.around.elapsed_s = job.ends_s
        line.workshop.step(again)
        state.draws["maintenance"] = again.draws["maintenance"]
        outcomes.append((again.around.severity[BEARING] == 0.0, again.around.severity[MISALIGNMENT] > 0.0))
    assert 5 <= sum(cured for cured, _ in outcomes) <= 20
    assert 14 <= sum(misaligned for _, misaligned in outcomes) <= 28


def test_a_misalignment_is_cured_by_aligning(line: Line, state: LineState) -> None:
    """What haste has left behind goes away with the laser, and only with it."""
    line.workshop._misalign(state, 0.0)
    severity = state.around.severity[MISALIGNMENT]
    assert 1.0 / 3.0 <= severity <= 2.0 / 3.0
    stop(line, state, "MIX-10")
    lock(line, state, "MIX-10")
    line.workshop.act(state, REPLACE)
    run(line, state, 155)
    assert state.around.severity[MISALIGNMENT] >= severity
    line.workshop.act(state, "align_pump")
    run(line, state, 65)
    assert state.around.severity[MISALIGNMENT] == 0.0


def test_lock_out_needs_a_machine_at_rest(line: Line, state: LineState) -> None:
    """A running machine is neither locked nor opened."""
    with pytest.raises(MaintenanceError, match="MIX-10 is EXECUTE; it can be locked out only when STOPPED or ABORTED"):
        line.workshop.lock_out(state, "MIX-10", LockStep.ISOLATE)
    with pytest.raises(MaintenanceError, match="MIX-10 is EXECUTE; stop it first: Replace the pump"):
        line.workshop.act(state, REPLACE)


@pytest.mark.parametrize(
    "steps", [(), (LockStep.ISOLATE,), tuple(LockStep)[:-1], (LockStep.LOCK, LockStep.ISOLATE, *tuple(LockStep)[2:])]
)
def test_work_without_a_complete_lock_out_is_unsafe(line: Line, state: LineState, steps: tuple[LockStep, ...]) -> None:
    """A machine that merely stands can be worked on, as in real life; that no lock held it is recorded."""
    stop(line, state, "MIX-10")
    for step in steps:
        line.workshop.lock_out(state, "MIX-10", step)
    assert not line.workshop.locked_out(state, "MIX-10")
    assert not line.workshop.act(state, REPLACE).safe
    begun = next(event for event in state.around.events if event.kind == "work")
    assert begun.fields["safe"] is False


def test_a_locked_machine_stays_locked_until_the_work_is_done(line: Line, state: LineState) -> None:
    """Line control does not start it, and the locks cannot be taken away while somebody works on it."""
    stop(line, state, "MIX-10")
    lock(line, state, "MIX-10")
    line.workshop.act(state, REPLACE)
    with pytest.raises(MaintenanceError, match="somebody still works on MIX-10"):
        line.workshop.unlock(state, "MIX-10")
    run(line, state, 160)
    assert machine(line, state, "MIX-10").state is State.STOPPED
    line.workshop.unlock(state, "MIX-10")
    with pytest.raises(MaintenanceError, match="MIX-10 is not locked"):
        line.workshop.unlock(state, "MIX-10")


def test_no_command_starts_a_locked_machine(line: Line, state: LineState) -> None:
    """From the first lock on, whoever presses reset learns what holds the machine; without locks it starts again."""
    stop(line, state, "MIX-10")
    for step in LockStep:
        line.workshop.lock_out(state, "MIX-10", step)
        with pytest.raises(
            MaintenanceError, match=r"MIX-10 is locked out \(isolate.*\), so reset does nothing; unlock"
        ):
            line.command(state, "MIX-10", Command.RESET)
    run(line, state, 3)
    assert machine(line, state, "MIX-10").state is State.STOPPED
    line.workshop.unlock(state, "MIX-10")
    line.command(state, "MIX-10", Command.RESET)
    run(line, state, 3)
    assert machine(line, state, "MIX-10").state is State.EXECUTE


def test_the_same_work_is_not_done_twice_at_once(line: Line, state: LineState) -> None:
    """A second click costs no second part and no second hour."""
    stop(line, state, "MIX-10")
    line.workshop.act(state, REPLACE)
    spent, stock = state.work.spent, dict(state.work.stock)
    with pytest.raises(MaintenanceError, match="somebody does that already"):
        line.workshop.act(state, REPLACE, hasty=True)
    assert (state.work.spent, state.work.stock, len(state.work.jobs)) == (spent, stock, 1)


def test_a_missing_part_is_ordered_and_takes_its_lead_time(line: Line, state: LineState) -> None:
    """Without the bearing there is no repair; it comes two days after it was ordered and paid."""
    state.work.stock["bearing_6205"] = 0
    stop(line, state, "MIX-10")
    with pytest.raises(MaintenanceError, match="no bearing_6205 in the store; order it, it takes 48 h"):
        line.workshop.act(state, REPLACE)
    arrives_s = line.workshop.order_part(state, "bearing_6205")
    assert state.work.spent == 28.0
    state.around.elapsed_s = arrives_s - 1.0
    line.workshop.step(state)
    assert state.work.stock["bearing_6205"] == 0
    state.around.elapsed_s = arrives_s
    line.workshop.step(state)
    assert state.work.stock["bearing_6205"] == 1


def test_unknown_names_are_refused_with_what_there_is(line: Line, state: LineState) -> None:
    """A typo in an action, a part or a unit lists the known ones."""
    with pytest.raises(MaintenanceError, match=r"no action is called 'x'; actions: .*replace_pump_bearing"):
        line.workshop.act(state, "x")
    with pytest.raises(MaintenanceError, match=r"no part is called 'x'; parts: .*bearing_6205"):
        line.workshop.order_part(state, "x")
    with pytest.raises(MaintenanceError, match=r"'x' has no state machine; units: .*MIX-10"):
        line.workshop.lock_out(state, "x", LockStep.ISOLATE)


def test_cleaning_in_place_takes_the_plan_with_it(line: Line, state: LineState) -> None:
    """The line is in CLEANING for the time of the action and comes back by itself."""
    line.workshop.act(state, "clean_plates")
    run(line, state, 2)
    run(line, state, 76)
    phases = [event.text for event in state.around.events if event.kind == "phase"]
    assert phases == ["CLEANING", "WARM_UP"]
    assert state.around.plan.planned_s[Phase.CLEANING] == 75 * 60.0


FAILURES = [("dry_chain", "CNV-4", 25.0), (BEARING, "MIX-10", 150.0)]
"""Faults whose functional failure aborts a unit, and the minutes that their repair takes."""


def fail(line: Line, fault: str, unit_id: str, self_repair: bool) -> LineState:
    state = line.start(2)
    state.work.self_repair = self_repair
    line.add_fault(state, fault, 0.0)
    line.step(state, 60.0)
    state.conditions[fault].used = 0.99999
    for _ in range(30):
        line.step(state, 60.0)
        if machine(line, state, unit_id).state is State.ABORTED:
            return state
    raise AssertionError(f"{unit_id} has not failed")


@pytest.mark.parametrize(("fault", "unit_id", "minutes"), FAILURES)
def test_the_crew_repairs_what_a_failure_has_aborted(line: Line, fault: str, unit_id: str, minutes: float) -> None:
    """After the way to the machine and the repair the fault is gone and the unit is given back to line control."""
    state = fail(line, fault, unit_id, self_repair=True)
    state.work.stock["bearing_6205"] = 1
    failed_s = state.elapsed_s
    run(line, state, minutes - 5)
    assert machine(line, state, unit_id).state is State.ABORTED, "it takes as long as the repair, and the way to it"
    run(line, state, 20)
    assert state.around.severity[fault] == 0.0
    assert machine(line, state, unit_id).state is not State.ABORTED
    (done,) = state.work.done
    assert done.job.by_crew
    assert done.job.safe
    assert minutes < (done.job.ends_s - failed_s) / 60.0 < minutes + 15.0


def test_an_emergency_stop_tells_the_crew_of_no_hidden_fault(line: Line) -> None:
    """A unit that an operator has aborted hides its complete faults: the crew repairs what its failure has aborted."""
    state = line.start(2)
    line.add_fault(state, "strainer_blocked", 0.0)
    line.step(state, 60.0)
    state.conditions["strainer_blocked"].used = 0.99999
    run(line, state, 5)
    assert state.around.severity["strainer_blocked"] == 1.0
    line.command(state, "MIX-10", Command.ABORT)
    run(line, state, 240)
    assert machine(line, state, "MIX-10").state is State.ABORTED
    assert state.around.severity["strainer_blocked"] == 1.0
    assert not state.work.done


def test_the_crew_waits_for_a_part_that_it_has_ordered(line: Line) -> None:
    """Without a bearing in the store one is ordered once, and the repair begins when it has come."""
    state = fail(line, BEARING, "MIX-10", self_repair=True)
    run(line, state, 47 * 60)
    assert [name for name, _ in state.work.ordered] == ["bearing_6205"]
    assert machine(line, state, "MIX-10").state is State.ABORTED
    run(line, state, 5 * 60)
    assert state.around.severity[BEARING] == 0.0
    assert state.work.spent == pytest.approx(28.0 + 2 * 2.5 * 18.0)


@pytest.mark.parametrize(("fault", "unit_id", "minutes"), FAILURES)
def test_hands_off_leaves_a_failure_to_whoever_runs_the_exercise(
    line: Line, fault: str, unit_id: str, minutes: float
) -> None:
    """With `self_repair` off the unit stays ABORTED."""
    state = fail(line, fault, unit_id, self_repair=False)
    run(line, state, minutes + 60)
    assert machine(line, state, unit_id).state is State.ABORTED
    assert state.around.severity[fault] == 1.0


def test_after_a_failure_the_way_back_is_lock_repair_unlock_clear_reset(line: Line) -> None:
    """An aborted unit can be locked out; only after CLEAR and RESET does line control start it again."""
    state = fail(line, "dry_chain", "CNV-4", self_repair=False)
    lock(line, state, "CNV-4")
    assert line.workshop.act(state, "lubricate_chain").safe
    run(line, state, 30)
    line.workshop.unlock(state, "CNV-4")
    run(line, state, 2)
    assert machine(line, state, "CNV-4").state is State.ABORTED
    line.command(state, "CNV-4", Command.CLEAR)
    run(line, state, 2)
    after_clear = machine(line, state, "CNV-4").state
    assert after_clear is State.STOPPED
    line.command(state, "CNV-4", Command.RESET)
    run(line, state, 2)
    assert machine(line, state, "CNV-4").producing or machine(line, state, "CNV-4").starved


def test_a_snapshot_holds_work_under_way(line: Line, state: LineState) -> None:
    """A copy of the state ends the same job at the same time."""
    stop(line, state, "MIX-10")
    line.workshop.act(state, REPLACE)
    again = copy.deepcopy(state)
    for each in (state, again):
        run(line, each, 155)
    assert again.work == state.work
    assert again.around.severity[BEARING] == 0.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"actions": [{"name": "a", "title": "a", "minutes": 1}] * 2}, "action 'a' is defined twice"),
        (
            {"actions": [{"name": "a", "title": "a", "minutes": 1, "parts": ["b"]}]},
            "action a needs part 'b', which is not defined",
        ),
        ({"actions": [{"name": "a", "title": "a", "minutes": 0}]}, "greater than 0"),
    ],
)
def test_a_wrong_catalogue_is_refused(values: dict[str, object], message: str) -> None:
    """Mistakes in the catalogue are named when it is read."""
    with pytest.raises(ValidationError, match=message):
        MaintenanceDefinition.model_validate(values)
