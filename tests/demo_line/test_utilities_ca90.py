"""CA-90: receiver, load cycles, leaks, zones, and what a year costs."""

import pytest

from demo_line.line import Line, LineError, load_definition
from demo_line.packml import Command, State, operate
from demo_line.physics.compressed_air import hole_m3_min
from demo_line.plan import Phase
from demo_line.units.ca90 import UNIT, Ca90State, RunState, set_zone_valve
from tests.demo_line.driving import Driven

HOUR_S = 3600.0


def compressor(
    demand: float = 0.0, leaks: float = 0.40, dt_s: float = 1.0, *, off: bool = False, **severity: float
) -> Driven:
    """Compressor at a demand and leaks in m3/min; off = switched off outside production."""
    return Driven(
        UNIT,
        dt_s=dt_s,
        parameters={"leaks_m3_min": leaks, "off_outside_production": off},
        demands={"compressed_air_demand_m3_min": demand},
        severity=severity,
    )


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
def test_leaks_alone_load_the_compressor_15_s_and_leave_it_unloaded_75_s(dt_s: float) -> None:
    """With 0.40 m3/min of leaks and no process demand the compressor runs 15 s loaded and 75 s unloaded."""
    s = compressor(dt_s=dt_s).run(HOUR_S * 3)
    assert s.load_count >= 100
    assert s.loaded_s / s.load_count == pytest.approx(15.0, rel=0.02)
    assert (s.running_s - s.loaded_s) / s.load_count == pytest.approx(75.0, rel=0.02)


@pytest.mark.parametrize(("diameter_mm", "flow"), [(3.0, 0.53), (2.0, 0.24), (1.0, 0.06)])
def test_a_hole_leaks_what_choked_flow_lets_through(diameter_mm: float, flow: float) -> None:
    """At 7 bar(g) a 3 mm hole loses 0.53 m3/min, and the flow follows the area."""
    assert hole_m3_min(diameter_mm, 7.0) == pytest.approx(flow, rel=0.05)


def test_the_choked_flow_formula_refuses_low_pressures() -> None:
    """Below the critical ratio the formula does not hold, so it says so instead of giving a number."""
    with pytest.raises(ValueError, match=r"pressure_bar = 0\.5: below 0\.9 bar"):
        hole_m3_min(3.0, 0.5)


def year_mwh(leaks: float, *, off: bool) -> float:
    """Compressor energy of a year with 4,000 production hours at 1.30 m3/min."""
    production = compressor(1.30, leaks, 60.0)
    production.run(8 * HOUR_S)
    rest = compressor(0.0, leaks, 60.0, off=off)
    rest.around.plan.phase = Phase.OFF
    rest.run(8 * HOUR_S)
    return (production.mean_w * 4000.0 + rest.mean_w * 4760.0) / 1e6


def test_a_year_of_leaks_repair_and_switching_off() -> None:
    """93.3 MWh a year left on with leaks, 83.1 repaired, 51.1 also off outside production; savings do not add."""
    left_on, repaired = year_mwh(0.40, off=False), year_mwh(0.15, off=False)
    switched_off, both = year_mwh(0.40, off=True), year_mwh(0.15, off=True)
    assert left_on == pytest.approx(93.3, rel=0.02)
    assert repaired == pytest.approx(83.1, rel=0.02)
    assert both == pytest.approx(51.1, rel=0.02)
    assert left_on - repaired == pytest.approx(10.2, rel=0.1)
    assert switched_off - both == pytest.approx(4.7, rel=0.1)
    assert left_on - both == pytest.approx(42.2, rel=0.05)


def test_the_compressor_takes_13_9_kw_in_production() -> None:
    """Mean power at the mean process demand of 1.30 m3/min and 0.40 m3/min of leaks."""
    unit = compressor(1.30)
    unit.run(2 * HOUR_S)
    assert unit.mean_w == pytest.approx(13_900, rel=0.02)


def test_without_leaks_and_demand_the_run_on_timer_switches_the_compressor_off() -> None:
    """Ten minutes unloaded end in standstill, and falling pressure starts it again."""
    runs: list[tuple[RunState, float, State]] = []
    unit = compressor(0.0, 0.02)
    unit.run(4000.0, lambda s: runs.append((s.run_state, s.power_w, s.packml.state)))
    first_off = next(i for i, run in enumerate(runs) if run[0] is RunState.OFF)
    unloaded_since = max(i for i in range(first_off) if runs[i][0] is RunState.LOADED)
    assert first_off - unloaded_since == pytest.approx(600, abs=1)
    assert runs[first_off + 5][1] < 100.0
    assert runs[first_off + 5][2] is State.SUSPENDED
    assert any(run[0] is RunState.LOADED for run in runs[first_off:])


@pytest.mark.parametrize(("demand", "leaks"), [(0.0, 0.15), (1.30, 0.15), (0.7, 0.40), (2.9, 0.3)])
def test_long_steps_give_what_short_ones_give(demand: float, leaks: float) -> None:
    """Energy, load cycles and volumes of a day do not depend on the length of the step."""
    fine, coarse = compressor(demand, leaks), compressor(demand, leaks, 60.0)
    s, c = fine.run(4 * HOUR_S), coarse.run(4 * HOUR_S)
    assert coarse.energy_ws == pytest.approx(fine.energy_ws, rel=1e-6)
    assert c.load_count == s.load_count
    assert c.leaked_m3 == pytest.approx(s.leaked_m3, rel=1e-6)
    assert c.pressure_bar == pytest.approx(s.pressure_bar, abs=1e-6)


def test_air_is_neither_made_nor_lost() -> None:
    """What was delivered was used, leaked, or is in the receiver; also while it empties overnight and fills again."""
    unit = compressor(1.30, 0.40, off=True, compressed_air_leaks=0.5)
    for phase in (Phase.PRODUCTION, Phase.OFF, Phase.WARM_UP, Phase.PRODUCTION):
        unit.around.plan.phase = phase
        unit.run(HOUR_S)
    s: Ca90State = unit.state
    stored_m3 = (s.pressure_bar - 7.0) * 0.5
    assert s.delivered_m3 == pytest.approx(s.used_m3 + s.leaked_m3 + stored_m3, abs=1e-6)
    assert s.delivered_m3 > 100.0


def test_a_receiver_left_alone_empties_but_never_below_the_air_outside() -> None:
    """Switched off, the leaks take the pressure away; it approaches zero and no flow remains."""
    unit = compressor(0.0, 0.15, 60.0, off=True)
    unit.around.plan.phase = Phase.OFF
    s = unit.run(8 * HOUR_S)
    assert 0.0 <= s.pressure_bar < 0.01
    assert s.leak_m3_min < 0.01
    assert unit.around.supplies["compressed_air_bar"] < 0.01


def test_a_stop_by_the_operator_empties_the_receiver_and_a_start_fills_it() -> None:
    """A stopped compressor delivers nothing until it is reset and started."""
    unit = compressor(1.30)
    unit.run(10.0)
    operate(unit.state.packml, Command.STOP)
    assert unit.run(200.0).pressure_bar < 2.0
    operate(unit.state.packml, Command.RESET)
    assert unit.run(200.0).pressure_bar > 6.0


def test_without_mains_the_compressor_stands() -> None:
    """No voltage, no delivery, no power; it goes on by itself when the voltage is back."""
    unit = compressor(1.30)
    unit.around.supplies["mains_on"] = 0.0
    s = unit.run(60.0)
    assert (s.power_w, s.run_state) == (0.0, RunState.OFF)
    unit.around.supplies["mains_on"] = 1.0
    assert unit.run(30.0).run_state is RunState.LOADED


def loaded_share(unit: Driven, closed: int | None = None) -> float:
    """Loaded share of the running time off shift, over an hour, with one zone valve closed or none."""
    for zone in range(4):
        set_zone_valve(unit.state, zone, is_open=zone != closed)
    s: Ca90State = unit.state
    loaded_s, running_s = s.loaded_s, s.running_s
    unit.run(HOUR_S)
    return (s.loaded_s - loaded_s) / (s.running_s - running_s)


def test_leaks_and_open_drain_look_alike_until_zones_are_isolated() -> None:
    """E2: both raise the loaded share off shift alike; closing its zone stops the leak, no valve stops the drain."""
    healthy = loaded_share(compressor(0.0, 0.15))
    leak, drain = compressor(0.0, 0.15, compressed_air_leaks=1.0), compressor(0.0, 0.15, open_drain=1.0)
    leaking, draining = loaded_share(leak), loaded_share(drain)
    assert leaking > healthy + 0.08
    assert draining == pytest.approx(leaking, rel=0.05)
    by_zone = [loaded_share(leak, zone) for zone in range(4)]
    assert min(by_zone) < leaking - 0.08
    assert by_zone.index(min(by_zone)) == leak.state.leaky_zone
    assert min(loaded_share(drain, zone) for zone in range(4)) > draining - 0.04


def test_a_zone_that_does_not_exist_is_refused() -> None:
    """The error says which zones there are."""
    with pytest.raises(ValueError, match="zone 4 does not exist; zones are 0 to 3: filling hall"):
        set_zone_valve(compressor().state, 4, is_open=False)


def test_the_compressor_left_on_feeds_leaks_all_night() -> None:
    """Switched off it takes next to nothing outside production, left on about seven kilowatts."""
    off, left_on = compressor(0.0, 0.15, 60.0, off=True), compressor(0.0, 0.15, 60.0, off=True, compressor_left_on=1.0)
    for unit in (off, left_on):
        unit.around.plan.phase = Phase.OFF
        unit.run(4 * HOUR_S)
    assert off.mean_w < 100.0
    assert 6_000 < left_on.mean_w < 8_000


def test_shares_of_the_zones_must_add_up() -> None:
    """A definition whose zones do not make a whole is refused with the sum."""
    definition = load_definition().model_copy(update={"parameters": {"CA-90": {"leak_shares": (0.5, 0.5, 0.5, 0.5)}}})
    with pytest.raises(LineError, match=r"CA-90: leak_shares .*add up to 2; give four"):
        Line(definition)
