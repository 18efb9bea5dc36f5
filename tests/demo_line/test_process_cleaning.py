"""Cleaning in place and the water meter."""

from typing import Any

import pytest

from demo_line.line import LineState
from demo_line.packml import State
from demo_line.plan import Phase
from demo_line.units.cip93 import CipStep
from tests.demo_line.process import process_line, run, started


def cleaned(
    programs: int = 1, dt_s: float = 60.0, settings: dict[str, Any] | None = None, **severity: float
) -> LineState:
    """State after cleanings on end, each after an hour of production."""
    line = process_line(parameters={"CIP-93": settings or {}})
    state = started(line, severity=severity)
    for _ in range(programs):
        state.around.plan.forced = Phase.PRODUCTION
        run(line, state, 3600.0)
        state.around.plan.forced = Phase.CLEANING
        run(line, state, 4620.0, dt_s)
    return state


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
def test_a_program_takes_75_minutes_and_1_5_m3(dt_s: float) -> None:
    """Five steps in order, 1,500 L in 75 minutes, never more than 30 kW of heat, then nothing is left in the tank."""
    line = process_line()
    state = started(line)
    run(line, state, 600.0)
    state.around.plan.forced = Phase.CLEANING
    cip, seconds, hottest = state.units["CIP-93"], 0.0, dict.fromkeys(CipStep, 0.0)
    steps: list[CipStep] = []
    while not cip.done and seconds < 6000.0:
        line.step(state, dt_s)
        seconds += dt_s
        if not steps or steps[-1] is not cip.step:
            steps.append(cip.step)
        hottest[cip.step] = max(hottest[cip.step], cip.circuit_degc)
        assert cip.heater_w <= 30_000.1
    assert [step for step in steps if step] == list(CipStep)[1:]
    assert seconds == pytest.approx(4500.0, abs=61.0)
    assert cip.water_l == pytest.approx(1500.0, rel=0.005)
    assert sum(cip.step_l) == pytest.approx(cip.water_l, rel=0.001)
    assert hottest[CipStep.CAUSTIC] == pytest.approx(75.0, abs=1.0)
    assert hottest[CipStep.ACID] == pytest.approx(65.0, abs=1.0)
    run(line, state, 600.0, dt_s)
    assert cip.tank_l == 0.0
    assert cip.packml.state is State.STOPPED
    assert cip.programs == 1
    (event,) = [event for event in state.around.events if event.unit_id == "CIP-93"]
    assert sum(float(volume_l) for volume_l in event.fields.values()) == pytest.approx(1500.0, rel=0.005)


def test_conductivity_tells_the_steps_apart() -> None:
    """Caustic 85, acid 50, rinsed-out circuit below 0.9 mS/cm, with a decay of the circuit's volume in between."""
    line = process_line()
    state = started(line, Phase.CLEANING)
    cip = state.units["CIP-93"]
    last: dict[CipStep, float] = {}
    for _ in range(4490):
        line.step(state, 1.0)
        last[cip.step] = cip.reading_ms_cm
    assert last[CipStep.CAUSTIC] == pytest.approx(85.0, abs=0.5)
    assert last[CipStep.ACID] == pytest.approx(50.0, abs=0.5)
    assert last[CipStep.RINSE] < 0.9
    assert last[CipStep.FINAL_RINSE] < 0.9


def test_reuse_and_conductivity_save_water() -> None:
    """Ending rinses on conductivity saves some 260 L a cleaning, reuse of the final rinse 290 L from the second on."""
    usual = cleaned(2).units["CIP-93"].water_l
    reused = cleaned(2, settings={"reuse_final_rinse": True}).units["CIP-93"]
    ended = cleaned(2, settings={"end_on_conductivity": True}).units["CIP-93"]
    assert usual == pytest.approx(3000.0, rel=0.005)
    assert usual - reused.water_l == pytest.approx(290.0, abs=12.0)
    assert reused.reused_l == pytest.approx(usual - reused.water_l)
    assert 400.0 < usual - ended.water_l < 600.0


def test_rinses_end_at_the_same_conductivity_in_long_and_short_steps() -> None:
    """The time at which the rinse is over is found within the step."""
    settings = {"end_on_conductivity": True, "reuse_final_rinse": True}
    short, long = (cleaned(1, dt_s, settings).units["CIP-93"].water_l for dt_s in (1.0, 60.0))
    assert long == pytest.approx(short, rel=0.005)


def test_a_coated_sensor_hides_the_end_of_the_rinse() -> None:
    """Twin of the rinse losses: the reading never comes down though the water is clean, so the rinse takes longer."""
    settings = {"end_on_conductivity": True}
    well = cleaned(1, settings=settings).units["CIP-93"]
    coated = cleaned(1, settings=settings, conductivity_sensor_fouling=1.0).units["CIP-93"]
    assert coated.water_l > well.water_l + 150.0
    assert coated.reading_ms_cm > 1.5
    assert coated.conductivity_ms_cm < 0.7
    # Where rinses end after a fixed time only the curve looks wrong.
    fixed = cleaned(1, conductivity_sensor_fouling=1.0).units["CIP-93"]
    assert fixed.water_l == pytest.approx(1500.0, rel=0.005)


def test_a_program_that_is_broken_off_leaves_no_solution_behind() -> None:
    """Whatever stands in the supply tank runs to the drain when the phase ends."""
    line = process_line()
    state = started(line, Phase.CLEANING)
    run(line, state, 1500.0, 1.0)
    cip = state.units["CIP-93"]
    assert cip.step is CipStep.CAUSTIC
    state.around.plan.forced = Phase.OFF
    run(line, state, 300.0, 1.0)
    assert cip.tank_l == 0.0
    assert cip.programs == 0
    assert cip.water_l == pytest.approx(cip.drained_l)


def test_the_water_meter_adds_up_and_is_nearly_still_at_night() -> None:
    """Blending, cleaning and hall make the meter's sum; at night only a trickle is left."""
    line = process_line()
    state = started(line)
    run(line, state, 3600.0)
    wat, mix = state.units["WAT-94"], state.units["MIX-10"]
    assert wat.water_l == pytest.approx(mix.water_l + wat.hall_l)
    state.around.plan.forced = Phase.OFF
    run(line, state, 3600.0)
    assert wat.water_l_h == pytest.approx(5.0)
    assert state.energy_ws["WAT-94"] > 0.0


def test_colder_raw_water_reaches_the_meter_and_never_freezes() -> None:
    """The disturbance lowers the water's temperature by 9 K, at most to 1 degC."""
    for raw_degc, expected in ((13.0, 4.0), (6.0, 1.0)):
        line = process_line(raw_water_degc=raw_degc)
        state = started(line, severity={"raw_water_colder": 1.0})
        run(line, state, 60.0)
        assert state.units["WAT-94"].water_degc == pytest.approx(expected)
