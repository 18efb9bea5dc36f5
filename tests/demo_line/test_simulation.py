"""Runs on simulated time: the same whatever the batching, snapshots, going back, jumping ahead."""

import copy
import hashlib
import json
import math
import pickle
from functools import partial

import pytest

from demo_line.line import Line, LineError, load_definition
from demo_line.packml import Command, State
from demo_line.runs.run_control import RunControl
from demo_line.runs.simulation import DAY_S, PlannedFault, Simulation, Solver
from demo_line.runs.snapshot import FORMAT, SnapshotError


@pytest.fixture(scope="module")
def line() -> Line:
    return Line(load_definition())


def equal(one: Simulation, other: Simulation) -> bool:
    return one.state.units == other.state.units and one.state.around == other.state.around


@pytest.mark.parametrize("solver", list(Solver))
def test_batching_does_not_matter(line: Line, solver: Solver) -> None:
    """Advancing in odd chunks, also shorter than a step, gives the same run as advancing at once."""
    at_once, in_chunks = Simulation(line, 4, solver=solver), Simulation(line, 4, solver=solver)
    at_once.advance(20.0 * solver.step_s)
    for share in (0.25, 0.5, 3.1, 0.15, 7.7, 0.3, 8.0):
        in_chunks.advance(share * solver.step_s)
    assert at_once.elapsed_s == in_chunks.elapsed_s == 20.0 * solver.step_s
    assert equal(at_once, in_chunks)


def test_a_snapshot_goes_on_equally(line: Line) -> None:
    """What is restored from bytes, faults and random numbers included, goes on as the original does."""
    original = Simulation(line, 4)
    original.plan_faults([PlannedFault("M1", 10.0)], DAY_S)
    original.advance(60.5)
    saved = original.snapshot()
    other = Simulation(line, 99)
    other.restore(saved)
    assert other.seed == 4
    for simulation in (original, other):
        simulation.solver = Solver.COARSE
        simulation.advance(600.0)
    assert equal(original, other)
    assert other.state.conditions == original.state.conditions
    assert other.state.conditions["pump_bearing_outer_race"].used > 0.0


def _sealed(heading: bytes, body: bytes) -> bytes:
    """A snapshot with a right digest, as somebody would forge it."""
    said = json.loads(heading) | {"sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(said).encode() + b"\n" + body


def test_a_foreign_snapshot_is_refused_and_changes_nothing(line: Line) -> None:
    """Another format, another line, damaged bytes or foreign code: an error that says what it is."""
    simulation = Simulation(line, 4)
    simulation.advance(5.0)
    saved, before = simulation.snapshot(), copy.deepcopy(simulation.state.units)
    heading, body = saved.split(b"\n", 1)
    parameters = {**line.definition.parameters, "CA-90": {"leaks_m3_min": 0.1}}
    other = Line(line.definition.model_copy(update={"parameters": parameters}))
    foreign = pickle.dumps({"state": pytest.approx})
    for content, message in (
        (b"PK\x03\x04\n", "no snapshot in the format"),
        (saved.replace(FORMAT.encode(), b"showroom-line-snapshot/0"), "but showroom-line-snapshot/0"),
        (Simulation(other, 4).snapshot(), "another line or version .line "),
        (heading + b"\n" + body[:-20], "damaged"),
        (heading + b"\n" + bytes([*body[:-900], body[-900] ^ 1, *body[-899:]]), "damaged"),
        (_sealed(heading, foreign), "contains .*approx, which is no part of a line's state"),
    ):
        with pytest.raises(SnapshotError, match=message):
            simulation.restore(content)
    assert simulation.state.units == before


def test_coarse_steps_begin_at_whole_minutes(line: Line) -> None:
    """After a change of the solver between two minutes, fine steps lead to the next one."""
    simulation = Simulation(line, 4)
    simulation.advance(90.0)
    simulation.solver = Solver.COARSE
    lengths: list[float] = []
    simulation.advance(150.0, lambda state: lengths.append(state.around.dt_s))
    assert lengths == [*[1.0] * 30, 60.0, 60.0]


def test_faults_begin_when_planned(line: Line) -> None:
    """An onset is kept or comes from the seed, in the first half; unknown names and the past are refused."""
    onsets = set()
    for seed in (1, 1, 2):
        simulation = Simulation(line, seed, solver=Solver.COARSE)
        simulation.plan_faults([PlannedFault("M1")], 10 * DAY_S)
        onsets.add(simulation.state.conditions["pump_bearing_outer_race"].onset_s)
    assert len(onsets) == 2
    assert all(0.0 <= onset_s < 5 * DAY_S for onset_s in onsets)
    simulation.plan_faults([PlannedFault("pump-bearing-outer-race", 7200.0)], DAY_S)
    simulation.advance(7200.0)
    assert simulation.state.around.severity["pump_bearing_outer_race"] == 0.0
    simulation.advance(7200.0)
    assert simulation.state.around.severity["pump_bearing_outer_race"] > 0.0
    with pytest.raises(LineError, match=r"no fault is called 'M99'; known faults: .*M1"):
        simulation.plan_faults([PlannedFault("M99", 0.0)], DAY_S)
    for onset_day in (0.0, 1.0, 5.0):
        with pytest.raises(LineError, match=rf"begin on day {onset_day:g}, the run goes from day 0.166667 to 1; give"):
            simulation.plan_faults([PlannedFault("M1", onset_day * DAY_S)], DAY_S)
    with pytest.raises(LineError, match="is named twice"):
        simulation.plan_faults([PlannedFault("M2", 20_000.0), PlannedFault("strainer-blocked", 30_000.0)], DAY_S)


def test_only_what_names_one_fault_is_one() -> None:
    """A code that several faults share, or none at all, is refused rather than taken for the first that fits."""
    line = Line(load_definition())
    with pytest.raises(LineError, match=r"'M12' is the code of several faults; name one: .*stuck_sensor"):
        line.fault("M12")
    with pytest.raises(LineError, match="no fault is called ''"):
        line.fault("")


def test_time_does_not_pass_backwards(line: Line) -> None:
    """Going back needs a snapshot, and the error says so."""
    simulation = Simulation(line, 4)
    simulation.advance(5.0)
    with pytest.raises(ValueError, match="restore a snapshot"):
        simulation.advance(-1.0)
    with pytest.raises(ValueError, match="restore a snapshot"):
        simulation.advance_to(4.0)


@pytest.mark.parametrize("no_time", [math.nan, math.inf])
def test_what_is_no_time_stops_no_run(line: Line, no_time: float) -> None:
    """A time that is no number is refused, and the run goes on afterwards."""
    control = RunControl(Simulation(line, 4))
    for ask in (control.seek, control.simulation.advance, control.simulation.advance_to):
        with pytest.raises(ValueError, match=f"{no_time:g} s"):
            ask(no_time)
    for wrong in (partial(control.pass_time, no_time), partial(control.set_speed, no_time)):
        with pytest.raises(ValueError, match="give"):
            wrong()
    control.start()
    control.pass_time(5.0)
    assert control.simulation.elapsed_s == 5.0


def test_time_under_control_goes_forwards_only(line: Line) -> None:
    """Neither a speed below 0 nor steps back are taken in silence; speed 0 stands still."""
    control = RunControl(Simulation(line, 4))
    for wrong in (partial(control.set_speed, -1.0), partial(control.pass_time, -1.0), partial(control.step, 0)):
        with pytest.raises(ValueError, match="give"):
            wrong()
    control.start()
    control.set_speed(0.0)
    control.pass_time(60.0)
    assert control.simulation.elapsed_s == 0.0


def test_a_paused_run_stands_still_and_steps(line: Line) -> None:
    """Pause stops time, single steps work in it, speed multiplies it."""
    control = RunControl(Simulation(line, 4), speed=30.0)
    control.pass_time(1.0)
    assert control.simulation.elapsed_s == 0.0
    control.step(3)
    assert control.simulation.elapsed_s == 3.0
    control.start()
    control.pass_time(0.51)
    assert control.simulation.elapsed_s == 18.0
    control.pass_time(0.01)
    assert control.simulation.elapsed_s == 18.0, "18.6 s have passed"
    control.pass_time(0.02)
    assert control.simulation.elapsed_s == 19.0
    control.pause()
    control.pass_time(10.0)
    assert control.simulation.elapsed_s == 19.0


def _stop_pump(simulation: Simulation) -> None:
    simulation.command("MIX-10", Command.STOP)


def test_going_back_repeats_what_was_done_before_and_forgets_the_rest(line: Line) -> None:
    """A rewind gives the very state of that time; the same acts then lead to the same end."""
    control = RunControl(Simulation(line, 4), keep_every_s=120.0, keep=4)
    control.seek(400.0)
    control.act(_stop_pump)
    control.seek(500.0)
    at_500 = copy.deepcopy(control.simulation.state)
    control.seek(1000.0)
    control.seek(500.0)
    assert control.simulation.state.units == at_500.units
    control.seek(400.0)
    control.seek(500.0)
    machine = line.units["MIX-10"].machine
    assert machine is not None
    assert machine(at_500.units["MIX-10"]).state is State.STOPPED
    assert machine(control.simulation.state.units["MIX-10"]).state is not State.STOPPED, "going back undid the stop"
    control.seek(0.0)
    assert control.simulation.elapsed_s == 0.0
    with pytest.raises(ValueError, match="-1 s is before the first snapshot at 0 s"):
        control.seek(-1.0)


def test_a_jump_is_coarse_and_ends_fine(line: Line) -> None:
    """A jump of hours takes coarse steps and ends with fine ones, so that the window under view has bottles."""
    control = RunControl(Simulation(line, 4), fine_before_s=120.0)
    lengths: list[float] = []
    control.seek(3 * 3600.0, lambda state: lengths.append(state.around.dt_s))
    assert lengths == [*[60.0] * 178, *[1.0] * 120]
    assert control.simulation.solver is Solver.FINE
    saved = control.snapshot()
    control.seek(3 * 3600.0 + 60.0)
    control.restore(saved)
    assert control.simulation.elapsed_s == 3 * 3600.0
