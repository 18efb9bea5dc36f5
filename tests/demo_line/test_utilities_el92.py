"""EL-92: meter, photovoltaics, quarter-hour demand, outages and the generator."""

from collections.abc import Callable

import pytest

from demo_line.plan import Phase
from demo_line.units.el92 import UNIT, El92Parameters, El92State, Source, pv_w, shed
from tests.demo_line.driving import Driven

HOUR_S = 3600.0
TUNNEL_W = 14_000.0


def board(
    kw: float = 84.7, dt_s: float = 1.0, sun: float = 0.0, parameters: dict[str, float] | None = None, **severity: float
) -> Driven:
    """Main board whose units take `kw`, the tunnel's 14 kW included; they need voltage and obey shedding."""
    driven = Driven(
        UNIT,
        dt_s=dt_s,
        parameters=parameters,
        supplies={"irradiance_w_m2": sun, "supply_voltage_share": 1.0},
        severity=severity,
    )
    driven.around.power_w["rest"], driven.around.power_w["SHR-60"] = kw * 1000.0 - TUNNEL_W, TUNNEL_W
    return driven


def live(driven: Driven, seconds: float, each: Callable[[El92State], None] = lambda _s: None) -> El92State:
    """Run it with units that stand without mains, and a tunnel that obeys shedding."""
    rest_w = driven.around.power_w["rest"]

    def units(s: El92State) -> None:
        each(s)
        on = driven.around.supplies["mains_on"]
        driven.around.power_w["rest"] = rest_w * on
        driven.around.power_w["SHR-60"] = TUNNEL_W * on * (driven.around.supplies["shed_stage"] < 1.0)

    state: El92State = driven.run(seconds, units)
    driven.around.power_w["rest"] = rest_w
    return state


def test_the_meter_shows_three_phases_that_belong_together() -> None:
    """Watts add up to the grid's power, and volts x amperes x power factor give the watts of each phase."""
    s = live(board(), 60.0)
    assert sum(s.watts(phase) for phase in range(3)) == pytest.approx(s.grid_w)
    assert s.grid_w == pytest.approx(90_700, rel=0.001)
    for phase in range(3):
        assert s.volts(phase) == pytest.approx(230.0, abs=4.0)
        assert s.volts(phase) * s.amperes(phase) * s.power_factor == pytest.approx(s.watts(phase))
        assert 0.8 < s.power_factor < 0.95


def test_photovoltaics_follow_sun_and_temperature() -> None:
    """60 kWp give about 46 kW in full sun on a warm day, a little more when it is cold, nothing at night."""
    p = El92Parameters()
    assert pv_w(p, 1000.0, 25.0) == pytest.approx(45_900, rel=0.01)
    assert pv_w(p, 1000.0, 5.0) > 1.05 * pv_w(p, 1000.0, 25.0)
    assert pv_w(p, 0.0, 25.0) == 0.0


def test_the_sun_saves_import_and_feeds_the_grid_on_a_free_day() -> None:
    """Import is load minus photovoltaics; what nobody takes is exported; the balance closes."""
    unit = board(14.0, sun=800.0)
    unit.around.power_w.clear()
    unit.around.plan.phase = Phase.OFF
    s: El92State = unit.run(HOUR_S)
    assert s.grid_w < -30_000
    assert s.export_ws > 0.0
    assert s.import_ws == 0.0
    assert s.import_ws + s.pv_ws + s.generator_ws == pytest.approx(s.load_ws + s.export_ws)


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
def test_the_demand_is_the_mean_of_full_quarter_hours(dt_s: float) -> None:
    """Five minutes of 90 kW and ten of 60 make 70 kW, shown from the end of the quarter on, and kept as peak."""
    unit = board(dt_s=dt_s)
    unit.around.power_w.clear()
    for kw, minutes in ((84.0, 5), (54.0, 10), (14.0, 15), (14.0, 1)):
        unit.around.power_w["rest"] = kw * 1000.0
        s = unit.run(minutes * 60.0)
        if minutes == 15:
            assert s.demand_w == pytest.approx(70_000, rel=1e-3)
    assert s.demand_w == pytest.approx(20_000, rel=1e-3)
    assert s.peak_demand_w == pytest.approx(70_000, rel=1e-3)


def night_kw(hours: int = 4, **severity: float) -> list[float]:
    """Load of each minute of a night, in kilowatts."""
    unit = board(dt_s=60.0)
    unit.around.severity.update(severity)
    unit.around.power_w.clear()
    unit.around.plan.phase = Phase.OFF
    loads: list[float] = []
    unit.run(hours * HOUR_S, lambda s: loads.append(s.load_w / 1000.0))
    return loads


def test_what_stays_on_at_night_shows_at_two_o_clock() -> None:
    """A healthy night takes less than a kilowatt; left-on machines and a baseload take kilowatts, steadily."""
    assert max(night_kw()) < 1.0
    assert min(night_kw(idle_left_on=1.0)) > 9.0
    baseload = night_kw(night_baseload=1.0)
    assert min(baseload) > 7.0
    assert max(baseload) == min(baseload)


def test_a_needed_cold_store_takes_as_much_but_cycles() -> None:
    """Twin of E1: the same mean by night, but in cycles of twenty minutes, and more when it is warm."""
    store, baseload = night_kw(cold_store_needed=1.0), night_kw(night_baseload=1.0)
    assert sum(store) == pytest.approx(sum(baseload), rel=0.3)
    assert max(store) > 1.5 * min(baseload)
    assert min(store) < 1.0


def test_a_demand_peak_is_load_and_a_cloud_is_missing_sun() -> None:
    """E3: preheaters raise the demand and the load; its twin raises the import alone."""
    usual = board(dt_s=60.0, sun=800.0)
    peak, cloud = board(dt_s=60.0, sun=800.0, demand_peak=1.0), board(dt_s=60.0, sun=300.0)
    states = [live(unit, 1860.0) for unit in (usual, peak, cloud)]
    assert states[1].peak_demand_w > states[0].peak_demand_w + 15_000
    assert states[1].pv_w == states[0].pv_w
    assert states[2].peak_demand_w > states[0].peak_demand_w + 15_000
    assert states[2].load_w == pytest.approx(states[0].load_w)
    assert states[2].pv_w < 0.5 * states[0].pv_w


def test_a_demand_peak_moves_energy_and_adds_none() -> None:
    """E3: preheaters that are not staggered take as much over their cycle of two hours as those that are."""
    usual, peak = (live(board(dt_s=60.0, demand_peak=severity), 7200.0) for severity in (0.0, 1.0))
    assert peak.load_ws == pytest.approx(usual.load_ws, rel=1e-9)


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
def test_the_generator_carries_what_is_left_when_the_tunnel_is_shed(dt_s: float) -> None:
    """E4: 91 - 14 = 77 kW fit 80 kW: after some dark seconds the generator runs without trip until the grid is back."""
    unit = board(dt_s=dt_s, power_cut=1.0)
    sources: list[Source] = []
    s = live(unit, 2 * HOUR_S, lambda s: sources.append(s.source))
    assert s.trips == 0
    assert sources.count(Source.DARK) * dt_s <= 20.0
    assert sources.count(Source.GENERATOR) * dt_s > 600.0
    assert sources[-1] is Source.GRID
    assert s.shed_stage == 0
    assert s.import_ws + s.pv_ws + s.generator_ws == pytest.approx(s.load_ws + s.export_ws)


def test_without_shedding_the_generator_trips_on_its_load() -> None:
    """Nobody sheds: 91 kW trip the generator again and again; shed by hand it carries the rest."""
    unit = board(parameters={"automatic_shedding": False}, power_cut=1.0)
    s = live(unit, 600.0)
    assert s.trips == 3
    assert s.source is Source.DARK
    shed(unit.state, 1)
    s = live(unit, 600.0)
    assert (s.trips, s.source) == (0, Source.GENERATOR)


@pytest.mark.parametrize("dt_s", [1.0, 60.0])
def test_restarting_all_at_once_trips_the_generator(dt_s: float) -> None:
    """Twin of E4: the steady load would fit, but the inrush of all motors stalls the generator before it carries it."""
    powers: list[float] = []
    s = live(board(dt_s=dt_s, restart_inrush=1.0), 900.0, lambda s: powers.append(s.generator_w))
    assert s.trips == 3
    assert s.source is Source.DARK
    assert max(powers) == 0.0
    assert s.generator_peak_w > 120_000
    overloaded = live(board(parameters={"automatic_shedding": False}, power_cut=1.0, dt_s=dt_s), 900.0)
    assert overloaded.trips == 3
    assert overloaded.generator_peak_w < 0.9 * s.generator_peak_w, "the peak tells inrush from a load that is too big"


def test_the_photovoltaics_are_off_during_an_outage() -> None:
    """Without the grid the inverters make no island."""
    unit = board(sun=800.0, power_cut=1.0)
    s = live(unit, 300.0)
    assert s.source is Source.GENERATOR
    assert s.pv_w == 0.0
    assert s.volts(0) == 0.0


def test_a_repaired_restart_sequence_lets_the_generator_carry() -> None:
    """The outage goes on, but the drives start one after another now, which the generator can stand."""
    unit = board(restart_inrush=1.0)
    assert live(unit, 600.0).source is Source.DARK
    unit.around.severity["restart_inrush"] = 0.0
    s = live(unit, 300.0)
    assert (s.trips, s.source, s.grid_on) == (0, Source.GENERATOR, False)
    assert live(unit, 2 * HOUR_S).source is Source.GRID


def test_a_repaired_cause_ends_the_outage() -> None:
    """When the severity is gone the grid is back at once, and the next outage begins afresh."""
    unit = board(power_cut=1.0)
    live(unit, 120.0)
    unit.around.severity["power_cut"] = 0.0
    assert live(unit, 5.0).source is Source.GRID
    unit.around.severity["power_cut"] = 1.0
    assert live(unit, 5.0).source is Source.DARK


def test_low_voltage_falls_on_all_phases_alike() -> None:
    """Twin of M11: 13 % less on each phase, offered to the heaters as share of the nominal voltage."""
    unit = board(low_supply_voltage=1.0)
    s = live(unit, 60.0)
    assert [s.volts(phase) for phase in range(3)] == pytest.approx([200.1] * 3, rel=0.02)
    assert unit.around.supplies["supply_voltage_share"] == pytest.approx(0.87, rel=0.02)


def test_a_shed_stage_that_does_not_exist_is_refused() -> None:
    """The error names the stages."""
    with pytest.raises(ValueError, match=r"shed stage 3 does not exist; give 0 \(nothing\), 1"):
        shed(board().state, 3)
