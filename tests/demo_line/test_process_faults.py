"""Signatures of the process faults and of the twins that look like them."""

from typing import Any

import pytest

from demo_line.fault import Kind
from demo_line.packml import State
from demo_line.physics.plates import lethality_min
from demo_line.physics.pump import PumpParameters, current_a, operating_point
from demo_line.plan import Phase
from demo_line.units.pas20 import UNIT, Pas20Parameters
from tests.demo_line.process import process_line, run, settled, started


@pytest.fixture(scope="module")
def healthy() -> dict[str, Any]:
    return settled()


def test_no_reading_gives_the_true_holding_temperature_away() -> None:
    """M4: inlet, regenerated temperature and shown regeneration lead back to what sensor A shows, not to the truth."""
    units = settled(holding_sensor_a_high=1.0)
    shown = {signal.name: float(signal.value(units["PAS-20"])) for signal in UNIT.signals if signal.high is not None}
    inlet = shown["inlet_temperature_degc"]
    back = inlet + (shown["regenerated_temperature_degc"] - inlet) / (shown["regeneration_pct"] / 100.0)
    assert back == pytest.approx(shown["holding_a_degc"], abs=1e-6)
    assert units["PAS-20"].holding_degc == pytest.approx(back - 1.5, abs=1e-6)


def test_the_record_of_a_bottle_holds_what_sensor_a_showed() -> None:
    """M4: the trace cannot tell an under-heated bottle either; only the truth can."""
    line = process_line()
    state = started(line, severity={"holding_sensor_a_high": 1.0})
    run(line, state, 3600.0)
    assert state.around.supplies["holding_degc"] == state.units["PAS-20"].holding_a_degc
    assert state.units["PAS-20"].holding_degc < 91.0 < state.around.supplies["holding_degc"]


def needed_heat_w(units: dict[str, Any]) -> float:
    """What the heater must give on average at this operating point, free of the hot water's wobble."""
    pas = units["PAS-20"]
    return float(pas.capacity_w_k * (1.0 - pas.regeneration) * (pas.holding_degc - pas.inlet_degc))


def test_a_worn_bearing_shows_in_the_envelope_first_then_hf_then_velocity_and_heat(healthy: dict[str, Any]) -> None:
    """M1: early wear multiplies the envelope, hardly moves HF, velocity or temperature; process values stay."""
    well = healthy["MIX-10"]
    early, late = (settled(pump_bearing_outer_race=wear)["MIX-10"] for wear in (0.12, 0.9))
    assert early.envelope_acceleration_g > 1.25 * well.envelope_acceleration_g
    assert early.hf_acceleration_g < 1.25 * well.hf_acceleration_g
    assert early.vibration_velocity_mm_s < 1.1 * well.vibration_velocity_mm_s
    assert early.bearing_temperature_degc < well.bearing_temperature_degc + 4.0
    assert late.envelope_acceleration_g > 8.0 * well.envelope_acceleration_g
    assert late.hf_acceleration_g > 5.0 * well.hf_acceleration_g
    assert late.vibration_velocity_mm_s > 2.0 * well.vibration_velocity_mm_s
    assert late.bearing_temperature_degc > well.bearing_temperature_degc + 25.0
    assert late.power_w == pytest.approx(well.power_w + 155.0, rel=0.05)
    assert late.suction_bar == pytest.approx(well.suction_bar, abs=0.05)
    assert late.product_flow_l_h == pytest.approx(well.product_flow_l_h, rel=0.02)


def test_a_blocked_strainer_lowers_suction_and_then_cavitates(healthy: dict[str, Any]) -> None:
    """M2: suction falls first; then broadband HF and ripple; the bearing's envelope stays far below HF and cool."""
    well = healthy["MIX-10"]
    half, late = (settled(strainer_blocked=severity)["MIX-10"] for severity in (0.4, 1.0))
    assert half.suction_bar < well.suction_bar - 0.15
    assert half.cavitation == 0.0
    assert late.suction_bar < -0.4
    assert late.cavitation > 0.6
    assert late.npsh_margin_m < 1.0
    assert late.hf_acceleration_g > 3.0 * well.hf_acceleration_g
    assert late.envelope_acceleration_g < 0.5 * late.hf_acceleration_g
    assert late.bearing_temperature_degc < well.bearing_temperature_degc + 8.0
    assert late.product_flow_l_h == pytest.approx(well.product_flow_l_h, rel=0.02)


def test_cavitation_makes_the_flow_ripple() -> None:
    """The flow meter swings by some percent a second, the mean stays."""
    line = process_line()
    state = started(line, severity={"strainer_blocked": 1.0})
    run(line, state, 600.0)
    mix, shown = state.units["MIX-10"], []
    for _ in range(300):
        line.step(state, 1.0)
        shown.append((mix.product_flow_l_h + mix.ripple_l_h) / mix.product_flow_l_h - 1.0)
    spread = (sum(value * value for value in shown) / len(shown)) ** 0.5
    assert 0.02 < spread < 0.06
    assert abs(sum(shown) / len(shown)) < 0.01


def test_cavitation_is_gone_at_low_speed() -> None:
    """M2: the strainer's loss goes with the square of the flow, so less flow and speed silence it at once."""
    p = PumpParameters()
    fast = operating_point(p, 1.5, 70.0, 1.0)
    slow = operating_point(p.model_copy(update={"static_bar": 1.0, "system_bar_per_m3_h2": 0.1}), 0.9, 70.0, 1.0)
    assert fast.cavitation > 0.6
    assert slow.speed < 0.75 * fast.speed
    assert slow.cavitation == 0.0


def test_current_is_not_proportional_to_power() -> None:
    """The magnetising current stays: at half the power the motor takes far more than half the current."""
    p = PumpParameters()
    assert current_a(p, 700.0) > 0.8 * current_a(p, 1400.0)


def test_the_healthy_pump_is_within_its_normal_ranges(healthy: dict[str, Any]) -> None:
    """Level, pressures, current, heat and vibration of the design."""
    mix = healthy["MIX-10"]
    for value, low, high in (
        (mix.level_pct, 20, 95), (mix.brix, 10, 12), (mix.suction_bar, 0.1, 0.4), (mix.discharge_bar, 2.5, 3.5),
        (mix.current_a, 3, 5), (mix.vibration_velocity_mm_s, 0.5, 1.5), (mix.hf_acceleration_g, 0.2, 0.4),
        (mix.bearing_temperature_degc, 35, 60), (mix.shaft_speed_rpm, 2800, 3000),
    ):  # fmt: skip
        assert low <= value <= high


def test_fouling_moves_pressure_valve_and_regeneration_together(healthy: dict[str, Any]) -> None:
    """M3: differential pressure up, valve 55 to 90 %, regeneration down, holding temperature unmoved."""
    well = healthy["PAS-20"]
    valves = [well.valve]
    for severity in (0.3, 0.6, 1.0):
        pas = settled(plate_fouling=severity)["PAS-20"]
        assert pas.plates_bar > well.plates_bar * (1.0 + 0.5 * severity)
        assert pas.regeneration < well.regeneration - 0.08 * severity
        assert pas.holding_a_degc == pytest.approx(92.0, abs=0.5)
        valves.append(pas.valve)
    assert valves == sorted(valves)
    assert valves[-1] == pytest.approx(0.90, abs=0.04)


@pytest.mark.parametrize("twin", ["feed_colder", "higher_brix_recipe", "raw_water_colder"])
def test_twins_of_fouling_heat_more_with_unchanged_plates(healthy: dict[str, Any], twin: str) -> None:
    """Colder feed or a richer recipe: heater +10 % as a step; regeneration and differential pressure unchanged."""
    well, seen = healthy["PAS-20"], settled(3.0, 1500.0, **{twin: 1.0})
    pas = seen["PAS-20"]
    assert needed_heat_w(seen) == pytest.approx(1.10 * needed_heat_w(healthy), rel=0.025)
    assert pas.regeneration == pytest.approx(well.regeneration, abs=0.005)
    assert pas.plates_bar == pytest.approx(well.plates_bar, rel=0.02)
    assert pas.holding_a_degc == pytest.approx(92.0, abs=0.5)
    assert pas.inlet_degc < well.inlet_degc - 5.0
    assert (seen["MIX-10"].brix > 14.0) == (twin == "higher_brix_recipe")


def test_sensor_a_reading_high_under_heats_behind_a_perfect_reading(healthy: dict[str, Any]) -> None:
    """M4: A shows 92.0, B 90.5, the heater gives 2 % less, nothing is diverted, and the product is under-heated."""
    seen = settled(holding_sensor_a_high=1.0)
    pas = seen["PAS-20"]
    assert pas.holding_a_degc == pytest.approx(92.0, abs=0.5)
    assert pas.holding_a_degc - pas.holding_degc == pytest.approx(1.5)
    assert needed_heat_w(seen) == pytest.approx(0.98 * needed_heat_w(healthy), rel=0.01)
    assert pas.packml.state is State.EXECUTE
    assert pas.diverted_l == 0.0
    assert pas.under_heated_l > 0.9 * pas.forward_l
    assert seen["TNK-25"].under_heated_share > 0.99
    assert seen["TNK-25"].under_heated_l > 0.8 * seen["TNK-25"].drawn_l
    well = healthy["PAS-20"]
    lethality = [lethality_min(state.holding_degc, state.through_l_h, state.holding_l) for state in (pas, well)]
    assert lethality[0] < 0.75 * lethality[1]


def test_sensor_b_reading_low_shows_the_same_on_a_safe_product(healthy: dict[str, Any]) -> None:
    """Twin of M4: B is a pure reading error of -1.5 K on a signal that controls nothing; physics is untouched."""
    line = process_line()
    fault = line.fault("holding_sensor_b_low")
    assert (fault.kind, fault.twin_of) == (Kind.TWIN, "holding_sensor_a_high")
    (effect,) = fault.sensor
    assert (effect.channel, effect.kind, effect.amount) == ("PAS-20.holding_b_degc", "offset", -1.5)
    pas = settled(holding_sensor_b_low=1.0)["PAS-20"]
    assert pas == healthy["PAS-20"]
    assert pas.under_heated_l == 0.0


def test_a_late_interface_loses_more_product_at_every_changeover() -> None:
    """Each emptying of blend and buffer tank sends 60 L more of each to the drain."""
    lost = []
    for severity in (0.0, 1.0):
        line = process_line()
        state = started(line, severity={"product_lost_at_changeover": severity})
        run(line, state, 1800.0)
        state.around.plan.forced = Phase.CHANGEOVER
        run(line, state, 2700.0)
        units = state.units
        lost.append(sum(units[unit_id].lost_l for unit_id in ("MIX-10", "PAS-20", "TNK-25")))
    assert 30.0 < lost[0] < 90.0
    assert lost[1] - lost[0] == pytest.approx(120.0, abs=1.0)


def test_a_cleaning_takes_an_abnormal_deposit_off_and_it_grows_again() -> None:
    """M3 grows to saturation within 6 to 10 hours of duty; cleaning resets it without ending it."""
    line = process_line(1490.0)
    state = started(line)
    line.add_fault(state, "M3", 0.0)
    condition = state.conditions["plate_fouling"]
    run(line, state, 5 * 3600.0)
    grown = condition.severity
    assert 0.4 < grown < 0.95
    state.around.plan.forced = Phase.CLEANING
    run(line, state, 4500.0)
    assert condition.severity == state.around.severity["plate_fouling"] == 0.0
    state.around.plan.forced = Phase.PRODUCTION
    run(line, state, 5 * 3600.0)
    assert condition.severity == pytest.approx(grown, rel=0.1)


def test_cavitation_wears_the_bearing_faster() -> None:
    """Faults interact: with a blocked strainer the bearing's life runs 2.5 times as fast."""
    line = process_line()
    used = []
    for severity in (0.0, 1.0):
        state = started(line, severity={"strainer_blocked": severity})
        line.add_fault(state, "M1", 0.0)
        run(line, state, 3600.0)
        used.append(state.conditions["pump_bearing_outer_race"].used)
    assert used[1] == pytest.approx(2.5 * used[0], rel=0.01)


def test_the_fault_that_is_complete_is_the_one_of_the_design() -> None:
    """The amounts of the exercise table stand in the parameters."""
    p = Pas20Parameters()
    assert p.sensor_offset_k == 1.5
    assert p.limit_degc == 91.0
    assert p.holding_l / p.nominal_l_h * 3600.0 == pytest.approx(30.0)
