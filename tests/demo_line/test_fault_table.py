"""Every fault, twin and disturbance, whatever its file: growth, interaction, remaining life, cures, a healthy line."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from numpy.random import default_rng

import demo_line
from demo_line.draws import Draws
from demo_line.fault import Fault, Kind, begin, grow
from demo_line.line import Line, LineState, discover_faults, load_definition
from demo_line.maintenance import Access, LockStep
from demo_line.measurement import channels_of
from demo_line.packml import State
from demo_line.plan import Phase

FAULTS = discover_faults()
GROWING = [name for name, fault in FAULTS.items() if fault.growth.law != "sudden"]
INTERACTING = [name for name, fault in FAULTS.items() if fault.rate(dict.fromkeys(FAULTS, 1.0)) != 1.0]
ONSET_S = 7200.0

every_fault = pytest.mark.parametrize("name", sorted(FAULTS))
every_growing_fault = pytest.mark.parametrize("name", sorted(GROWING))


@pytest.fixture(scope="module")
def line() -> Line:
    return Line(load_definition())


@pytest.fixture(scope="module")
def working(line: Line) -> LineState:
    """The line after an hour of a Monday morning."""
    return run(line, line.start(1), 60)


@pytest.fixture(scope="module")
def asleep(line: Line) -> LineState:
    """The line in the night before a Sunday, two hours after everything was switched off."""
    state = line.start(1, line.definition.plan.start_ns + int(4.7 * 86_400e9))
    assert state.around.plan.phase is Phase.OFF
    return run(line, state, 120)


def run(line: Line, state: LineState, minutes: int) -> LineState:
    for _ in range(minutes):
        line.step(state, 60.0)
    return state


def draws(seed: int) -> Draws:
    return Draws(default_rng(seed))


def always_at_work(fault: Fault) -> Fault:
    """The fault without the line around it: the component works all the time."""
    return replace(fault, duty=lambda _units: 1.0, removed=lambda _units: False)


def course(fault: Fault, severities: dict[str, float], step_s: float = 3600.0) -> tuple[list[float], list[float]]:
    """Severity and true remaining hours after each step from the start of the run until failure."""
    condition = begin(fault, ONSET_S, draws(3))
    seen, remaining, elapsed_s = [], [], 0.0
    while condition.severity < 1.0 and elapsed_s < 4000 * 3600.0:
        elapsed_s += step_s
        grow(fault, condition, elapsed_s, step_s, {}, severities)
        seen.append(condition.severity)
        remaining.append(condition.remaining_h())
    return seen, remaining


@every_fault
def test_a_fault_says_where_it_is_and_what_it_resembles(name: str, line: Line) -> None:
    """Name, unit, twin and channels of a fault exist in the shipped line; a fault says what fails."""
    fault = FAULTS[name]
    assert name == name.lower().replace("-", "_")
    assert fault.title
    assert fault.mechanism
    assert fault.unit_id in ("", *line.units)
    assert fault.twin_of in ("", *FAULTS)
    assert (fault.kind is Kind.TWIN) or fault.component
    channels = {channel.name for channel in channels_of(line)}
    assert {effect.channel for effect in fault.sensor} <= channels


ORGANISED = {
    "compressor_left_on", "demand_peak", "idle_left_on", "low_supply_voltage", "power_cut", "restart_inrush",
}  # fmt: skip
"""What is wrong with a schedule, a sequence or the grid, which are no components."""


@every_fault
def test_a_fault_of_a_machine_is_in_a_component_that_it_shows(name: str, line: Line) -> None:
    """Whoever browses the machine finds the component, without a number of a valve, head or phase."""
    fault = FAULTS[name]
    if not fault.component or not fault.unit_id or name in ORGANISED:
        return
    assert fault.component in line.workshop.assets[fault.unit_id].components


def test_the_components_that_servers_show_say_nothing_of_faults(line: Line) -> None:
    """Each machine with a fault shows at least as many components that no fault is in."""
    for unit_id, asset in line.workshop.assets.items():
        failing = {fault.component for fault in FAULTS.values() if fault.unit_id == unit_id} & set(asset.components)
        assert len(asset.components) >= max(5, 2 * len(failing)), unit_id


def test_the_documented_example_is_a_fault_of_the_line() -> None:
    """The README shows a whole file of `faults/`, so that whoever copies it has one that works."""
    folder = Path(demo_line.__file__).parent
    example = (folder / "faults" / "spiking_sensor.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_exercise_catalogue_is_complete() -> None:
    """Each exercise with a fault of its own has one; L1 is a changeover and needs none."""
    wanted = {*(f"M{number}" for number in range(1, 13)), *(f"E{number}" for number in range(1, 6)), "L2"}
    assert wanted <= {fault.code for fault in FAULTS.values()}


def test_the_seed_chooses_which_of_several_components_fails(line: Line) -> None:
    """Every valve, head and phase has its turn; equal seeds choose equally."""
    places = [line.start(seed).around.places for seed in range(120)]
    for name, alike in (("filling_valve_seal", 12), ("capper_head_clutch", 5), ("tunnel_heater_phase_open", 3)):
        assert {chosen[name] for chosen in places} == set(range(1, alike + 1)), name
    assert places[7] == line.start(7).around.places


@every_growing_fault
def test_severity_grows_from_the_onset_to_failure(name: str) -> None:
    """Nothing before the onset, then never less than before, and 1 at the end of the life drawn from the seed."""
    fault = always_at_work(FAULTS[name])
    life_h = begin(fault, ONSET_S, draws(3)).life_h
    severities = dict.fromkeys(FAULTS, 0.0)
    seen, _ = course(fault, severities)
    assert seen[0] == seen[1] == 0.0
    assert all(later > earlier for earlier, later in pairwise(seen[1:]))
    assert seen[-1] == severities[name] == 1.0
    assert len(seen) - ONSET_S / 3600.0 == pytest.approx(life_h, abs=1.0)


@pytest.mark.parametrize("name", sorted(set(FAULTS) - set(GROWING)))
def test_a_sudden_fault_is_there_at_once(name: str) -> None:
    """Absent in the step that ends at its onset, complete in the next."""
    seen, _ = course(always_at_work(FAULTS[name]), dict.fromkeys(FAULTS, 0.0))
    assert seen == [0.0, 0.0, 1.0]


@every_growing_fault
def test_long_steps_grow_as_short_ones(name: str) -> None:
    """An onset within a step counts from its moment: minutes and hours end at the same severity."""
    fault = always_at_work(FAULTS[name])
    ends = []
    for step_s in (60.0, 3600.0):
        condition, severities = begin(fault, 1800.0, draws(3)), dict.fromkeys(FAULTS, 0.0)
        for step in range(round(2 * 3600 / step_s)):
            grow(fault, condition, (step + 1) * step_s, step_s, {}, severities)
        ends.append(condition.severity)
    assert ends[0] == pytest.approx(ends[1], rel=1e-9)
    assert ends[0] > 0.0


@every_growing_fault
def test_lives_differ_by_seed_round_the_design_value(name: str) -> None:
    """Equal seeds give equal lives, different seeds different ones, with the stated median."""
    fault = FAULTS[name]
    lives = sorted(begin(fault, 0.0, draws(seed)).life_h for seed in range(101))
    assert lives[50] == pytest.approx(fault.growth.life_h, rel=0.5 * fault.growth.spread)
    assert lives[0] < lives[-1]
    assert begin(fault, 0.0, draws(7)).life_h == begin(fault, 0.0, draws(7)).life_h


@every_growing_fault
def test_the_true_remaining_life_is_true(name: str) -> None:
    """At constant duty the remaining life of each moment is the time that really passes until failure."""
    seen, remaining = course(always_at_work(FAULTS[name]), dict.fromkeys(FAULTS, 0.0))
    for passed, left_h in enumerate(remaining):
        if passed >= ONSET_S / 3600.0:
            assert left_h == pytest.approx(len(seen) - 1 - passed, abs=1.01)


def test_faults_drive_each_other() -> None:
    """There are interactions, and they only make things worse; alone, a fault grows as its law says."""
    assert INTERACTING
    for fault in FAULTS.values():
        assert fault.rate(dict.fromkeys(FAULTS, 0.0)) == 1.0
        for other in FAULTS:
            assert fault.rate({**dict.fromkeys(FAULTS, 0.0), other: 1.0}) >= 1.0


@pytest.mark.parametrize("name", INTERACTING)
def test_a_driven_fault_ends_sooner_and_its_remaining_life_says_so(name: str) -> None:
    """With all others at their worst the life is shorter, and after some days the remaining life knows."""
    fault = always_at_work(FAULTS[name])
    alone, _ = course(fault, dict.fromkeys(FAULTS, 0.0))
    driven, remaining = course(fault, dict.fromkeys(FAULTS, 1.0))
    assert len(driven) < 0.9 * len(alone)
    late = len(driven) * 3 // 4
    assert remaining[late] == pytest.approx(len(driven) - 1 - late, rel=0.1, abs=2.0)


@every_fault
def test_a_component_wears_in_production_and_rests_at_night(name: str, working: LineState, asleep: LineState) -> None:
    """Duty is about 1 in production and 0 when the line is off; calendar time counts always."""
    fault = FAULTS[name]
    if fault.growth.clock == "duty" and fault.growth.law != "sudden":
        assert 0.5 <= fault.duty(working.units) <= 1.3
        assert fault.duty(asleep.units) == 0.0
    else:
        assert fault.growth.clock == "calendar" or fault.growth.law == "sudden"


def act(line: Line, state: LineState, name: str, action_name: str) -> float:
    """Let a fault be complete and an action be done properly; returns the severity afterwards."""
    state.conditions.clear()
    line.add_fault(state, name, 0.0)
    condition = state.conditions[name]
    condition.used = condition.severity = state.around.severity[name] = 1.0
    action = line.workshop.actions[action_name]
    if action.unit and action.access is not Access.RUNNING:
        machine_of: Any = line.units[action.unit].machine
        machine_of(state.units[action.unit]).state = State.STOPPED
        for step in LockStep:
            line.workshop.lock_out(state, action.unit, step)
    state.work.stock = dict.fromkeys(line.workshop.parts, 9)
    job = line.workshop.act(state, action_name)
    state.around.elapsed_s = job.ends_s
    line.workshop.step(state)
    assert not state.work.jobs
    return state.around.severity[name]


@every_fault
def test_the_right_action_cures_and_every_other_does_not(name: str, line: Line) -> None:
    """Each cure removes the fault; each other action of the whole catalogue leaves it as it was."""
    state = line.start(1)
    state.work.self_repair = False
    assert FAULTS[name].cures
    for action_name in line.workshop.actions:
        state.work.locks.clear()
        assert act(line, state, name, action_name) == (0.0 if action_name in FAULTS[name].cures else 1.0), action_name


def test_a_healthy_line_stays_healthy(line: Line) -> None:
    """Three days without a fault: no severity, no mistake of the crew, nothing aborted, no work order."""
    state = line.start(4)
    machines = [(unit.machine, unit_id) for unit_id, unit in line.units.items() if unit.machine is not None]
    for _ in range(3 * 1440):
        line.step(state, 60.0)
    assert state.conditions == {}
    assert set(state.around.severity.values()) == {0.0}
    assert {machine(state.units[unit_id]).seconds[State.ABORTED] for machine, unit_id in machines} == {0.0}
    assert state.work.done == []
    assert state.around.plan.total.good > 3 * 25_000
