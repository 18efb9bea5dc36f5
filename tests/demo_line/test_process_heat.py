"""The pasteuriser: heat balance, flow, divert, recirculation, fouling."""

import pytest

from demo_line.packml import State
from demo_line.physics.plates import clean_plates, lethality_min, regeneration
from demo_line.plan import Phase
from demo_line.units.pas20 import Pas20Parameters
from tests.demo_line.process import process_line, run, settled, started


def test_the_design_point_comes_out_of_the_heat_balance() -> None:
    """1,500 L/h at 25-92-6 degC and 85 % regeneration: 1.69 kW/K, heater 17 kW at 55 %, cooler 49 kW thermal."""
    pas = settled()["PAS-20"]
    assert pas.through_l_h == pytest.approx(1500.0, rel=0.02)
    assert pas.capacity_w_k == pytest.approx(1690.0, rel=0.02)
    assert pas.inlet_degc == pytest.approx(25.0, abs=0.5)
    assert pas.holding_degc == pytest.approx(92.0, abs=0.5)
    assert pas.outlet_degc == pytest.approx(6.0, abs=0.1)
    assert pas.regenerated_degc == pytest.approx(82.0, abs=0.6)
    assert pas.regeneration == pytest.approx(0.85, abs=0.004)
    assert pas.heater_w == pytest.approx(17_000.0, rel=0.10)
    assert pas.valve == pytest.approx(0.55, abs=0.03)
    assert pas.cooling_w == pytest.approx(49_000.0, rel=0.05)
    assert pas.power_w - Pas20Parameters().pumps_w == pytest.approx(17_900.0, rel=0.10)
    assert 0.6 <= pas.plates_bar <= 1.2
    assert pas.over_raw_bar >= 0.3


def test_fouled_plates_move_regeneration_heater_and_cooler_as_designed() -> None:
    """At 75 % regeneration the heater gives 28 kW at 90 % valve and the cooler takes 60 kW; the temperature holds."""
    pas = settled(plate_fouling=1.0)["PAS-20"]
    assert pas.regeneration == pytest.approx(0.75, abs=0.005)
    assert pas.heater_w == pytest.approx(28_000.0, rel=0.05)
    assert pas.valve == pytest.approx(0.90, abs=0.04)
    assert pas.cooling_w == pytest.approx(60_000.0, rel=0.05)
    assert pas.holding_degc == pytest.approx(92.0, abs=0.5)
    assert pas.plates_bar == pytest.approx(0.8 * 1.6, rel=0.05)


def test_heat_given_is_heat_found_in_the_product() -> None:
    """Heater plus feed equals cooler plus product plus losses: the balance of the plates closes within 1 %."""
    line = process_line()
    state = started(line)
    run(line, state, 3600.0)
    heat_kwh = carried_kwh = loss_kwh = cooled_kwh = 0.0
    for _ in range(1800):
        line.step(state, 1.0)
        pas = state.units["PAS-20"]
        heat_kwh += pas.heater_w / 3.6e6
        cooled_kwh += pas.cooling_w / 3.6e6
        carried_kwh += pas.capacity_w_k * (pas.outlet_degc - pas.inlet_degc) / 3.6e6
        loss_kwh += Pas20Parameters().loss_w_k * (pas.holding_degc - 24.0) / 3.6e6
    assert heat_kwh == pytest.approx(cooled_kwh + carried_kwh + loss_kwh, rel=0.01)


def test_regeneration_is_better_at_less_flow() -> None:
    """With less flow the exchanger has more transfer units, though its films are thicker."""
    p = Pas20Parameters()
    flows = (1350.0, 1500.0, 1650.0)
    values = [regeneration(1690.0 * flow / 1500.0, clean_plates(p, flow)[0]) for flow in flows]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[2] < 0.02


def test_flow_follows_the_buffer_between_its_limits() -> None:
    """A filler that takes much is served with 1,650 L/h, one that takes little with 1,350 L/h."""
    assert settled(1.0, draw_l_h=1640.0)["PAS-20"].through_l_h == pytest.approx(1640.0, rel=0.03)
    assert settled(0.5, draw_l_h=1300.0)["PAS-20"].through_l_h == pytest.approx(1350.0, rel=0.03)


def test_a_full_buffer_makes_it_recirculate() -> None:
    """Nobody draws: the buffer fills, the pasteuriser is SUSPENDED and stays hot, and MIX-10 rests with it."""
    units = settled(1.0, draw_l_h=0.0)
    pas = units["PAS-20"]
    assert pas.packml.state is State.SUSPENDED
    assert pas.packml.blocked
    assert pas.forward_l_h == 0.0
    assert pas.holding_degc == pytest.approx(92.0, abs=0.6)
    assert pas.heater_w < 12_000.0
    assert 85.0 <= units["TNK-25"].level_pct <= 100.0
    assert units["MIX-10"].packml.state is State.SUSPENDED


def test_a_saturated_heater_diverts_before_anything_unsafe_goes_on() -> None:
    """More fouling than the heater can make up for: HELD below 91.0 degC, nothing under-heated reaches the buffer."""
    line = process_line(1800.0, {"PAS-20": {"fouled_k_kw": 0.16}})
    state = started(line, severity={"plate_fouling": 1.0})
    seen, valve = set(), 0.0
    for _ in range(3600):
        line.step(state, 1.0)
        pas = state.units["PAS-20"]
        seen.add(pas.packml.state)
        valve = max(valve, pas.valve)
        if pas.forward_l_h > 0.0:
            assert pas.holding_a_degc > 90.9
    assert State.HELD in seen
    assert valve > 0.95
    assert pas.diverted_l > 0.0
    assert pas.under_heated_l == 0.0
    events = [event for event in state.around.events if event.unit_id == "PAS-20"]
    assert [event.kind for event in events[:2]] == ["alarm", "stop"]
    assert events[1].fields["duration_s"] == pytest.approx(events[1].elapsed_s - events[0].elapsed_s)


def test_a_power_cut_stops_heat_and_flow() -> None:
    """Without mains nothing flows and nothing is heated; then it sterilises for ten minutes before product goes on."""
    line = process_line()
    state = started(line)
    run(line, state, 600.0, 1.0)
    state.around.supplies["mains_on"] = 0.0
    run(line, state, 1200.0, 1.0)
    pas, mix = state.units["PAS-20"], state.units["MIX-10"]
    assert pas.power_w == mix.power_w == pas.forward_l_h == mix.product_flow_l_h == 0.0
    assert pas.holding_degc < 91.0
    state.around.supplies["mains_on"] = 1.0
    for _ in range(600):
        line.step(state, 1.0)
        assert pas.forward_l_h == 0.0
    sterilising = pas.packml.state
    run(line, state, 600.0, 1.0)
    assert (sterilising, pas.packml.state) == (State.HELD, State.EXECUTE)
    assert pas.under_heated_l == 0.0


def test_a_day_of_healthy_running_fouls_a_little_and_cleaning_takes_it_off() -> None:
    """Sixteen hours cost about a point of regeneration; the cleaning in place gives it back."""
    line = process_line(1490.0)
    state = started(line)
    run(line, state, 16 * 3600.0)
    assert state.units["PAS-20"].regeneration == pytest.approx(0.842, abs=0.004)
    state.around.plan.forced = Phase.CLEANING
    run(line, state, 4500.0)
    assert state.units["PAS-20"].fouling_k_kw < 0.0003


def test_warm_up_ends_hot_with_a_full_buffer() -> None:
    """After cleaning and night the unit heats itself and fills the buffer before the shift begins."""
    line = process_line()
    state = started(line, Phase.CLEANING)
    run(line, state, 4500.0)
    state.around.plan.forced = Phase.OFF
    run(line, state, 6 * 3600.0)
    assert state.units["TNK-25"].volume_l == 0.0
    assert state.units["PAS-20"].holding_degc == pytest.approx(24.0, abs=2.0)
    state.around.plan.forced = Phase.WARM_UP
    run(line, state, 1800.0, 1.0)
    assert state.units["TNK-25"].level_pct > 85.0
    assert state.units["PAS-20"].holding_degc == pytest.approx(92.0, abs=0.6)
    assert state.units["PAS-20"].under_heated_l == 0.0
    assert state.units["PAS-20"].packml.seconds[State.HELD] == 0.0


def test_lethality_counts_temperature_and_time() -> None:
    """10 K more are ten times as deadly, twice the flow half as much (z = 10 K)."""
    base = lethality_min(92.0, 1500.0, 12.5)
    assert base == pytest.approx(0.5 * 10**1.2)
    assert lethality_min(82.0, 1500.0, 12.5) == pytest.approx(base / 10.0)
    assert lethality_min(92.0, 3000.0, 12.5) == pytest.approx(base / 2.0)
