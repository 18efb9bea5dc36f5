"""The PackML state model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_line.packml import ACCEPTED, AFTER_ACTING, Command, Machine, State, accepts, advance, apply_command, operate

CONDITIONS = st.fixed_dictionaries({name: st.booleans() for name in ("run", "starved", "blocked", "own_stop", "fault")})
STEPS = st.lists(st.tuples(st.one_of(st.none(), st.sampled_from(Command)), CONDITIONS), max_size=200)


def settle(machine: Machine, command: Command | None = None, **conditions: bool) -> State:
    """Give a command and let ten seconds pass; returns the state."""
    if command is not None and accepts(machine, command):
        operate(machine, command)
    for _ in range(10):
        advance(machine, 1.0, **conditions)
    return machine.state


def test_starved_or_blocked_suspends_and_resumes() -> None:
    """SUSPENDED comes from outside and ends by itself."""
    machine = Machine()
    assert settle(machine, starved=True) is State.SUSPENDED
    assert machine.starved
    assert settle(machine) is State.EXECUTE


def test_an_own_stop_holds_and_outranks_starving() -> None:
    """HELD is the unit's own minor stop, also when it is starved at the same time."""
    machine = Machine()
    assert settle(machine, own_stop=True, starved=True) is State.HELD
    assert settle(machine) is State.EXECUTE


def test_line_control_stops_and_starts_a_unit() -> None:
    """Without a wish to run a unit comes to STOPPED, with it through IDLE to EXECUTE."""
    machine = Machine()
    assert settle(machine, run=False) is State.STOPPED
    assert settle(machine) is State.EXECUTE


def test_after_an_abort_only_clear_reset_and_start_lead_back() -> None:
    """ABORTED is left by CLEAR, RESET and START, in this order and no other."""
    machine = Machine()
    assert settle(machine, Command.ABORT) is State.ABORTED
    for wrong in (Command.START, Command.RESET, Command.UNHOLD, Command.UNSUSPEND, Command.STOP):
        assert settle(machine, wrong) is State.ABORTED
    assert settle(machine, Command.CLEAR) is State.STOPPED
    assert settle(machine) is State.STOPPED, "line control leaves a unit alone that an operator has not released"
    assert settle(machine, Command.RESET, run=False) is State.IDLE
    assert settle(machine, Command.START) is State.EXECUTE


def test_a_fault_aborts_and_waits_for_clear() -> None:
    """ABORTED stays when the fault has gone; after CLEAR line control starts the unit again."""
    machine = Machine()
    assert settle(machine, fault=True) is State.ABORTED
    assert settle(machine) is State.ABORTED
    assert settle(machine, Command.CLEAR, fault=True) is State.ABORTED, "CLEAR does not remove the fault"
    assert settle(machine, Command.CLEAR) is State.EXECUTE


def test_a_command_that_is_not_accepted_says_where_it_would_be() -> None:
    """The error names the state and the states that accept the command."""
    with pytest.raises(ValueError, match="start is not accepted in EXECUTE; it is in: IDLE"):
        apply_command(Machine(), Command.START)


@given(st.lists(CONDITIONS, max_size=20))
def test_a_minute_ends_where_sixty_seconds_end(minutes: list[dict[str, bool]]) -> None:
    """A long step passes through the acting states: same state and, within those states' time, same totals."""
    fine, coarse = Machine(), Machine()
    for conditions in minutes:
        for _ in range(60):
            advance(fine, 1.0, **conditions)
        advance(coarse, 60.0, **conditions)
        assert coarse.state is fine.state
    assert sum(coarse.seconds) == pytest.approx(sum(fine.seconds)) == pytest.approx(60.0 * len(minutes))
    for state in State:
        assert coarse.seconds[state] == pytest.approx(fine.seconds[state], abs=4.0 * len(minutes))


@given(STEPS)
def test_only_paths_of_the_model_are_taken(steps: list[tuple[Command | None, dict[str, bool]]]) -> None:
    """Whatever happens, each change of state within a step is a path that ISA-TR88 draws."""
    machine = Machine()
    for command, conditions in steps:
        if command is not None and accepts(machine, command):
            before = machine.state
            operate(machine, command)
            assert before in ACCEPTED[command][0]
            assert machine.state is ACCEPTED[command][1]
        before = machine.state
        advance(machine, 0.5, **conditions)
        # Half a second can end an acting state and then follow one command.
        states = {before, AFTER_ACTING.get(before, before)}
        targets = states | {target for allowed, target in ACCEPTED.values() if allowed & states}
        assert machine.state in targets


@given(STEPS)
def test_abort_works_from_everywhere(steps: list[tuple[Command | None, dict[str, bool]]]) -> None:
    """From every reachable state an abort leads to ABORTED."""
    machine = Machine()
    for command, conditions in steps:
        if command is not None and accepts(machine, command):
            operate(machine, command)
        advance(machine, 1.0, **conditions)
    assert accepts(machine, Command.ABORT) or machine.state in (State.ABORTING, State.ABORTED)
    assert settle(machine, Command.ABORT) is State.ABORTED
