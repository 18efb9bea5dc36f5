"""Packaging machines in health: OEE, power and air of the line, heat of the tunnel."""

from statistics import fmean

import pytest
from numpy.random import default_rng

from demo_line.draws import Draws
from demo_line.line import LineState, load_definition
from demo_line.packaging.carousel import batch, share_below
from demo_line.packml import Command, State, UnitMode
from demo_line.plan import Phase
from demo_line.units.shr60 import star_without_neutral
from tests.demo_line.packaging import CHAIN, CONVEYORS, packaging, producing, run

COARSE_S = 60.0


def kwh(state: LineState, unit_id: str) -> float:
    return state.energy_ws[unit_id] / 3.6e6


def test_the_oee_of_a_healthy_line_is_that_of_a_good_plant() -> None:
    """A week by the calendar: good bottles of the filler are 60 to 75 % of planned time at rated speed."""
    line = packaging()
    state = run(line, line.start(1), 24.0 * 5, COARSE_S)
    mono = state.units["MONO-30"]
    rated = 3000.0 * state.around.plan.planned_busy_s / 3600.0
    assert 0.60 < (mono.prod_processed_count - mono.prod_defective_count) / rated < 0.75
    assert mono.packml.seconds[State.ABORTED] == 0.0


def test_powers_in_execute_are_those_of_the_line() -> None:
    """With all in EXECUTE: filler 7, checkweigher and labeller 2.5, tunnel 14, palletiser 4.5, conveyors 3 kW."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.5)
    before = dict(state.energy_ws)
    run(line, state, 1.0)

    def kw(*unit_ids: str) -> float:
        return sum(state.energy_ws[unit_id] - before[unit_id] for unit_id in unit_ids) / 3.6e6

    assert kw("MONO-30") == pytest.approx(7.0, rel=0.01)
    assert kw("QC-40", "LAB-50") == pytest.approx(2.5, rel=0.01)
    assert kw("SHR-60") == pytest.approx(14.0, rel=0.05)
    assert kw("PAL-70") == pytest.approx(4.5, rel=0.01)
    assert kw(*CONVEYORS) == pytest.approx(3.0, rel=0.05)


def test_the_line_takes_its_air_in_production_only() -> None:
    """Mean process demand 1.30 m3/min in production, its stops included; nothing and little power otherwise."""
    line = packaging()
    demands: list[float] = []
    state = producing(line, seed=2)
    run(line, state, 12.0, COARSE_S, lambda now: demands.append(now.around.demands["compressed_air_demand_m3_min"]))
    assert fmean(demands) == pytest.approx(1.30, rel=0.03)
    state.around.plan.forced = Phase.OFF
    run(line, state, 0.5, COARSE_S)
    assert state.around.demands["compressed_air_demand_m3_min"] == 0.0
    assert sum(state.around.power_w.values()) < 800.0
    assert state.units["SHR-60"].heater_w == 0.0


def test_the_tunnel_preheats_before_the_shift() -> None:
    """From cold both zones reach their range within the warm-up, switching round their set points afterwards."""
    line = packaging()
    state = producing(line)
    state.around.plan.forced = Phase.WARM_UP
    for zone in state.units["SHR-60"].zones:
        zone.degc = 24.0
    run(line, state, 0.5)
    zones = state.units["SHR-60"].zones
    assert zones[0].degc == pytest.approx(166.0, abs=2.1)
    assert zones[1].degc == pytest.approx(174.0, abs=2.1)
    assert state.units["SHR-60"].prod_processed_count == 0
    shed = packaging(boundary={"shed_stage": 1.0}, stops=False)
    cold = run(shed, producing(shed), 0.3)
    assert cold.units["SHR-60"].packml.state is State.HELD
    assert cold.units["SHR-60"].stop_reason == "tunnel too cold"


def test_a_tunnel_under_maintenance_is_not_heated() -> None:
    """While somebody works on the bundler its contactors stay open and the zones cool towards the hall."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.1)
    line.command(state, "SHR-60", Command.STOP)
    state.units["SHR-60"].packml.mode = UnitMode.MAINTENANCE
    run(line, state, 0.5)
    assert state.units["SHR-60"].currents_a == (0.0, 0.0, 0.0)
    assert max(zone.degc for zone in state.units["SHR-60"].zones) < 40.0


def test_the_zones_do_not_depend_on_the_step() -> None:
    """Contactors switch at their exact times, so heat in a minute is the same in one step or sixty."""
    line = packaging(stops=False)
    heats = []
    for dt_s in (1.0, COARSE_S):
        state = producing(line)
        state.around.plan.forced = Phase.WARM_UP
        state.units["SHR-60"].actual_bottles_h = 0.0
        run(line, state, 1.0, dt_s)
        heats.append(state.units["SHR-60"].heat_ws)
    assert heats[1] == pytest.approx(heats[0], rel=1e-6)


@pytest.mark.parametrize(("share", "power", "current"), [(1.0, 1.0, 1.0), (0.9, 0.81, 0.9)])
def test_a_star_without_neutral_follows_kirchhoff(share: float, power: float, current: float) -> None:
    """An open phase leaves half the power and 86.6 % of the current in the other two; all scale with the voltage."""
    full_a = 14_000.0 / (3**0.5 * 400.0)
    healthy = star_without_neutral(14_000.0, 400.0, share)
    assert healthy.power_w == pytest.approx(14_000.0 * power)
    assert healthy.currents_a == pytest.approx((full_a * current,) * 3)
    broken = star_without_neutral(14_000.0, 400.0, share, open_phase=1)
    assert broken.power_w == pytest.approx(7_000.0 * power)
    assert broken.currents_a == pytest.approx((0.0, full_a * current * 3**0.5 / 2, full_a * current * 3**0.5 / 2))


def test_a_batch_has_the_mean_and_spread_of_its_bottles() -> None:
    """Bottles shared out to heads in turn: totals and expected shares agree with drawing each bottle."""
    draws, means = Draws(default_rng(1)), [10.0, 20.0, 30.0]
    shown = list(means)
    totals = [batch(means, shown, 2.0, first, 7, draws) for first in range(0, 7000, 7)]
    assert fmean(totals) / 7 == pytest.approx(20.0, abs=0.1)
    assert shown == pytest.approx(means, abs=2.0)
    below = fmean(means[i % 3] + 2.0 * draws.normal() < 11.0 for i in range(30_000))
    assert share_below(11.0, means, 2.0) == pytest.approx(below, abs=0.01)


def test_refills_and_replenishment_keep_the_line_in_material() -> None:
    """Label and film rolls are changed when they are empty; every change holds the machine and is logged."""
    line = packaging(stops=False)
    state = run(line, producing(line), 24.0, COARSE_S)
    labeller, bundler = state.units["LAB-50"], state.units["SHR-60"]
    changes = [event for event in state.around.events if (event.kind, event.text) == ("stop", "label roll empty")]
    assert len(changes) == labeller.prod_processed_count // 8000
    assert labeller.labels_left == 8000 * (len(changes) + 1) - labeller.prod_processed_count
    assert 0 < labeller.held_s == pytest.approx(sum(float(event.fields["duration_s"]) for event in changes), abs=1.0)
    assert bundler.minor_stop_count == bundler.packs // 2400


def test_the_shipped_line_has_the_packaging_machines_in_order() -> None:
    """The definition chains filler, checkweigher, labeller, bundler and palletiser with a conveyor between each."""
    assert load_definition().packaging == CHAIN
