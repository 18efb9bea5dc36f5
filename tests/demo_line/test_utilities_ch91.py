"""CH-91: refrigerant cycle, heat balance, and what its faults look like beside their twins."""

import pytest

from demo_line.physics.refrigerant import saturation_bar, saturation_degc
from demo_line.plan import Phase
from demo_line.units.ch91 import UNIT, Ch91State
from tests.demo_line.driving import Driven

HOUR_S = 3600.0


def chiller(kw: float = 49.0, outdoor: float = 24.0, dt_s: float = 10.0, **severity: float) -> Driven:
    return Driven(
        UNIT,
        dt_s=dt_s,
        supplies={"outdoor_degc": outdoor},
        demands={"cooling_demand_w": kw * 1000.0},
        severity=severity,
    )


def steady(kw: float = 49.0, outdoor: float = 24.0, **severity: float) -> Ch91State:
    """State after hours at a heat load that falls as the supply gets warmer, as a cooler of fixed flow makes it."""
    unit = chiller(kw, outdoor, **severity)

    def cooler(s: Ch91State) -> None:
        unit.around.demands["cooling_demand_w"] = kw * 1000.0 * (34.0 - s.supply_degc) / (34.0 - 2.2)

    state: Ch91State = unit.run(4 * HOUR_S, cooler)
    return state


def approach_k(s: Ch91State) -> float:
    """Condensing temperature above the air, as a mechanic reads it from the pressure."""
    return saturation_degc(s.condensing_bar + 1.013, 50.0) - s.inlet_degc


def intensity(s: Ch91State) -> float:
    """Kilowatt-hours of electricity for each of cold."""
    return s.power_w / s.cooling_w


@pytest.mark.parametrize(
    ("degc", "bar"), [(-30, 0.844), (0, 2.928), (20, 5.717), (40, 10.166), (60, 16.818), (80, 26.33)]
)
def test_the_saturation_curve_is_that_of_r134a(degc: float, bar: float) -> None:
    """Pressures agree with published tables of R134a, and the inverse leads back."""
    assert saturation_bar(degc) == pytest.approx(bar, rel=0.001)
    assert saturation_degc(bar, degc + 15.0) == pytest.approx(degc, abs=0.05)


@pytest.mark.parametrize(("thermal_kw", "electrical_kw"), [(49.0, 18.0), (60.0, 21.6)])
def test_power_at_the_design_ambient(thermal_kw: float, electrical_kw: float) -> None:
    """At 35 degC outside 49 kW of cold cost 18 kW with the pump, 60 kW cost 21.6."""
    assert steady(thermal_kw, 35.0).power_w / 1000.0 == pytest.approx(electrical_kw, rel=0.1)


def test_the_chiller_gives_70_kw_at_35_degc_with_a_cop_of_3() -> None:
    """Its full capacity at the design ambient, without the pump, costs about a third of it."""
    s = steady(71.0, 35.0)
    assert s.cooling_w == pytest.approx(70_000, rel=0.04)
    assert s.capacity_share > 0.97
    assert s.cooling_w / (s.power_w - 1500.0) == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize(("kw", "outdoor"), [(45.0, 12.0), (49.0, 24.0), (55.0, 33.0)])
def test_normal_values(kw: float, outdoor: float) -> None:
    """Supply 1-3 degC, return 6-9, superheat 5-8 K, subcooling 4-7 K in production at any weather."""
    s = steady(kw, outdoor)
    assert 1.0 <= s.supply_degc <= 3.0
    assert 6.0 <= s.return_degc <= 9.0
    assert 5.0 <= s.superheat_k <= 8.0
    assert 4.0 <= s.subcooling_k <= 7.0


def test_heat_is_neither_made_nor_lost() -> None:
    """What plant, hall and pump put into the circuit was taken out or warmed it, through night and start as well."""
    unit = chiller(dt_s=60.0)
    first = unit.state.supply_degc
    for phase, kw in ((Phase.PRODUCTION, 49.0), (Phase.OFF, 0.0), (Phase.WARM_UP, 10.0), (Phase.PRODUCTION, 75.0)):
        unit.around.plan.phase = phase
        unit.around.demands["cooling_demand_w"] = kw * 1000.0
        unit.run(3 * HOUR_S)
    s: Ch91State = unit.state
    stored_ws = 5.7e6 * (s.supply_degc - first)
    assert s.demand_ws + s.gain_ws == pytest.approx(s.cold_ws + stored_ws, rel=1e-9)


@pytest.mark.parametrize(
    "severity", [{}, {"low_refrigerant": 0.9}, {"dirty_condenser": 1.0}, {"non_condensables": 0.7}]
)
def test_long_steps_give_what_short_ones_give(severity: dict[str, float]) -> None:
    """Energy and cold of some hours with changing load agree within 1 %."""
    totals = []
    for dt_s in (1.0, 60.0):
        unit = chiller(49.0, 33.0, dt_s, **severity)
        for kw in (49.0, 0.0, 60.0, 30.0):
            unit.around.demands["cooling_demand_w"] = kw * 1000.0
            unit.run(0.5 * HOUR_S)
        totals.append((unit.energy_ws, unit.state.cold_ws))
    assert totals[1] == pytest.approx(totals[0], rel=0.01)


def test_a_dirty_condenser_raises_condensing_pressure_and_approach_alone() -> None:
    """M9: pressure and approach up, superheat normal, subcooling within 1 K; more kilowatts; worse when it is hot."""
    clean, dirty = steady(), steady(dirty_condenser=0.6)
    assert dirty.condensing_bar > clean.condensing_bar + 1.0
    assert approach_k(dirty) > approach_k(clean) + 4.0
    assert dirty.superheat_k == pytest.approx(clean.superheat_k, abs=0.5)
    assert dirty.subcooling_k == pytest.approx(clean.subcooling_k, abs=1.0)
    assert dirty.power_w > 1.08 * clean.power_w
    hot_clean, hot_dirty = steady(outdoor=36.0), steady(outdoor=36.0, dirty_condenser=0.6)
    assert hot_dirty.condensing_bar - hot_clean.condensing_bar > dirty.condensing_bar - clean.condensing_bar


def test_the_twins_of_a_dirty_condenser_differ_in_approach_and_subcooling() -> None:
    """At equal condensing pressure hot weather leaves the approach, and air in the circuit raises the subcooling."""
    clean, dirty = steady(), steady(dirty_condenser=0.6)
    hot, air = steady(outdoor=31.0), steady(non_condensables=0.6)
    assert hot.condensing_bar == pytest.approx(dirty.condensing_bar, rel=0.05)
    assert air.condensing_bar == pytest.approx(dirty.condensing_bar, rel=0.05)
    assert approach_k(hot) == pytest.approx(approach_k(clean), abs=0.7)
    assert approach_k(air) > approach_k(clean) + 4.0
    assert air.subcooling_k > clean.subcooling_k + 4.0


def test_air_in_the_circuit_shows_at_rest() -> None:
    """Standing still, a sound condenser is at the saturation pressure of the air's temperature, one with air above."""
    for severity, excess_bar in (({}, 0.0), ({"non_condensables": 0.6}, 1.8)):
        unit = chiller(0.0, **severity)
        unit.around.plan.phase = Phase.OFF
        s = unit.run(2 * HOUR_S)
        assert s.condensing_bar + 1.013 == pytest.approx(saturation_bar(24.0) + excess_bar, abs=0.05)


def test_low_refrigerant_starves_the_evaporator() -> None:
    """M10: superheat up; subcooling, suction, condensing pressure down; kW down, but up for each kW of cold; warmer."""
    sound, low = steady(), steady(low_refrigerant=0.9)
    assert low.superheat_k > sound.superheat_k + 5.0
    assert low.subcooling_k < sound.subcooling_k - 3.0
    assert low.suction_bar < sound.suction_bar - 0.2
    assert low.condensing_bar < sound.condensing_bar - 0.2
    assert low.power_w < 0.97 * sound.power_w
    assert intensity(low) > 1.05 * intensity(sound)
    assert low.supply_degc > sound.supply_degc + 1.0


def test_subcooling_shows_lost_refrigerant_first() -> None:
    """While superheat and supply are still normal, the subcooling has fallen already: there is no receiver."""
    sound, early = steady(), steady(low_refrigerant=0.15)
    assert early.subcooling_k < sound.subcooling_k - 1.0
    assert early.supply_degc == pytest.approx(sound.supply_degc, abs=0.4)


def test_a_clogged_drier_raises_the_subcooling() -> None:
    """Twin of M10: the evaporator starves alike, but the liquid backs up."""
    sound, low, drier = steady(), steady(low_refrigerant=0.9), steady(clogged_drier=0.9)
    assert drier.superheat_k == pytest.approx(low.superheat_k, abs=1.0)
    assert drier.suction_bar == pytest.approx(low.suction_bar, abs=0.1)
    assert drier.subcooling_k > sound.subcooling_k + 3.0


def test_a_hopeless_condenser_unloads_instead_of_hunting() -> None:
    """On the hottest day the compressor gives less, steadily, and stays below its highest condensing temperature."""
    unit = chiller(49.0, 40.0, 60.0, dirty_condenser=1.0)
    unit.run(3 * HOUR_S)
    powers: list[float] = []
    unit.run(HOUR_S, lambda s: powers.append(s.power_w))
    assert max(powers) - min(powers) < 0.05 * max(powers)
    assert unit.state.condensing_degc < 74.0


def test_a_warm_circuit_is_cooled_down_within_the_motors_limit() -> None:
    """After a weekend the circuit is far from its set point; the compressor gives a quarter more than rated at most."""
    unit = chiller(0.0, 10.0)
    unit.state.supply_degc = 18.0
    highest: list[float] = []
    s = unit.run(HOUR_S, lambda s: highest.append(s.cooling_w))
    assert max(highest) <= 1.25 * 70_000 + 1.0
    assert s.supply_degc < 2.0


def test_shedding_and_outages_stop_the_compressor() -> None:
    """Stage 2 leaves the pump on, without mains everything stands; the circuit only warms."""
    unit = chiller()
    unit.run(600.0)
    unit.around.supplies["shed_stage"] = 2.0
    before = unit.state.supply_degc
    s = unit.run(600.0)
    assert s.power_w == pytest.approx(1580.0)
    assert s.supply_degc > before + 3.0
    unit.around.supplies["mains_on"] = 0.0
    assert unit.run(60.0).power_w == 0.0
