"""Signatures of the packaging machines' faults, each beside the twin that looks alike."""

from collections import Counter
from collections.abc import Mapping
from statistics import fmean

import pytest

from demo_line.line import LineState
from demo_line.packml import State
from demo_line.plan import Phase
from tests.demo_line.packaging import MACHINES, packaging, producing, run

HOURS, COARSE_S = 12.0, 60.0


def after(
    severity: Mapping[str, float],
    hours: float = HOURS,
    dt_s: float = COARSE_S,
    boundary: Mapping[str, float] | None = None,
) -> LineState:
    """The line after some hours with faults at a constant severity; equal seed, so equal stops of its own."""
    line = packaging(boundary=boundary)
    state = producing(line, seed=1)
    state.around.severity.update(severity)
    return run(line, state, hours, dt_s)


@pytest.fixture(scope="module")
def healthy() -> LineState:
    """The line without a fault."""
    return after({})


def rejects(state: LineState, unit_id: str = "QC-40") -> float:
    """Share of its bottles that a machine rejected."""
    machine = state.units[unit_id]
    return float(machine.prod_defective_count / machine.prod_processed_count)


def stops(state: LineState, unit_id: str, reason: str = "") -> int:
    """How often a machine stopped for a reason, or for any."""
    return sum(
        event.unit_id == unit_id and event.kind == "stop" and reason in event.text for event in state.around.events
    )


def test_a_worn_seal_makes_every_12th_bottle_light_and_hardly_moves_the_mean(healthy: LineState) -> None:
    """M5: nothing is rejected at first; only a weighing by valve points at the valve, and no head is suspicious."""
    worn = after({"filling_valve_seal": 0.6})
    by_valve, usual = worn.units["MONO-30"].fill_by_valve_g, healthy.units["MONO-30"].fill_by_valve_g
    losses = [usual[i] - by_valve[i] for i in range(12)]
    valve = worn.around.places["filling_valve_seal"]
    assert losses[valve - 1] == pytest.approx(0.6 * 19.0, abs=2.0)
    assert max(abs(loss) for i, loss in enumerate(losses) if i != valve - 1) < 1.5
    moved = healthy.units["MONO-30"].fill_mean_g - worn.units["MONO-30"].fill_mean_g
    assert 0.0 < moved / healthy.units["MONO-30"].fill_mean_g < 0.003
    assert rejects(worn) == pytest.approx(rejects(healthy), abs=0.001)
    heads = zip(worn.units["MONO-30"].torque_by_head_nm, healthy.units["MONO-30"].torque_by_head_nm, strict=True)
    assert all(abs(now - before) < 0.1 for now, before in heads)
    failed = after({"filling_valve_seal": 1.0})
    assert rejects(failed) - rejects(healthy) == pytest.approx(1 / 12, abs=0.005)
    assert failed.units["QC-40"].rejected_fill > 0.95 * failed.units["QC-40"].prod_defective_count


def test_a_weak_clutch_loosens_every_5th_cap(healthy: LineState) -> None:
    """M6: only the torques of one head fall, its bottles are rejected; with a failed clutch some leak."""
    weak = after({"capper_head_clutch": 0.4})
    heads, usual = weak.units["MONO-30"].torque_by_head_nm, healthy.units["MONO-30"].torque_by_head_nm
    worn = weak.around.places["capper_head_clutch"]
    assert usual[worn - 1] - heads[worn - 1] == pytest.approx(0.24, abs=0.06)
    assert max(abs(usual[i] - heads[i]) for i in range(5) if i != worn - 1) < 0.06
    assert 0.01 < rejects(weak) - rejects(healthy) < 0.08
    assert weak.units["QC-40"].rejected_fill == 0
    failed = after({"capper_head_clutch": 1.0}, hours=0.5, dt_s=1.0)
    verdicts = Counter(bottle.verdict for bottle in failed.around.bottles if bottle.head == worn)
    others = Counter(bottle.verdict for bottle in failed.around.bottles if bottle.head != worn)
    assert verdicts["leaking"] > 0.9 * verdicts.total()
    assert others["good"] > 0.98 * others.total()


def test_a_bad_cap_batch_loosens_the_caps_of_all_heads_alike(healthy: LineState) -> None:
    """Twin of M6: at the same rejects, the test by head shows five equal heads."""
    batch = after({"cap_batch": 0.8})
    pairs = zip(batch.units["MONO-30"].torque_by_head_nm, healthy.units["MONO-30"].torque_by_head_nm, strict=True)
    losses = [before - now for now, before in pairs]
    assert fmean(losses) == pytest.approx(0.8 * 0.24, abs=0.03)
    assert max(losses) - min(losses) < 0.15
    assert 0.02 < rejects(batch) < 0.10
    assert batch.units["QC-40"].rejected_fill == 0


def test_a_dry_chain_takes_more_power_heats_its_gearbox_and_slips(healthy: LineState) -> None:
    """M7: drive power +15 to 30 %, current far less, gearbox warmer, slip; the flow of bottles is untouched."""
    conveyor, usual = after({"dry_chain": 0.7}).units["CNV-4"], healthy.units["CNV-4"]
    assert 1.15 < conveyor.power_w / usual.power_w < 1.30
    assert conveyor.current_a / usual.current_a < 1.0 + 0.5 * (conveyor.power_w / usual.power_w - 1.0)
    assert conveyor.gearbox_degc > usual.gearbox_degc + 3.0
    assert conveyor.slip_pct > usual.slip_pct + 2.0
    assert conveyor.out_count == usual.out_count
    assert after({"dry_chain": 1.0}, hours=0.2).units["CNV-4"].packml.state is State.ABORTED


def test_a_block_downstream_loads_the_conveyor_without_slip(healthy: LineState) -> None:
    """Twin of M7: bottles slide on a full conveyor, so power and gearbox rise as much; accumulation tells, not slip."""
    line = packaging()
    blocked = producing(line, seed=1)
    blocked.around.severity["downstream_block"] = 1.0
    accumulation: list[float] = []
    run(line, blocked, HOURS, COARSE_S, lambda now: accumulation.append(now.units["CNV-4"].bottles / 144))
    conveyor, usual = blocked.units["CNV-4"], healthy.units["CNV-4"]
    mean = blocked.energy_ws["CNV-4"] / healthy.energy_ws["CNV-4"]
    assert 1.12 < mean < 1.40
    assert conveyor.gearbox_degc > usual.gearbox_degc + 3.0
    assert conveyor.slip_pct == pytest.approx(usual.slip_pct)
    assert fmean(accumulation) > 0.6 > 2 * usual.bottles / usual.capacity
    palletiser = blocked.units["PAL-70"]
    assert palletiser.blocked_s > 10 * healthy.units["PAL-70"].blocked_s
    assert palletiser.minor_stop_count <= healthy.units["PAL-70"].minor_stop_count + 2


def test_a_dirty_photo_eye_loses_gain_then_stops_the_labeller_until_it_is_cleaned(healthy: LineState) -> None:
    """M8: gain falls first, minor stops follow, the filler is blocked last; cleaning resets all of it."""
    line = packaging()
    state = producing(line, seed=1)
    state.around.severity["dirty_photo_eye"] = 0.2
    run(line, state, 4.0, COARSE_S)
    assert state.units["LAB-50"].gain_pct < 85.0
    assert stops(state, "LAB-50") <= 4 * 3
    state.around.severity["dirty_photo_eye"] = 0.9
    before = stops(state, "LAB-50", "label position")
    run(line, state, 4.0, COARSE_S)
    dirty = stops(state, "LAB-50", "label position") - before
    assert dirty > 4 * 10
    assert state.units["MONO-30"].blocked_s > healthy.units["MONO-30"].blocked_s + 60.0
    state.around.severity["dirty_photo_eye"] = 0.0
    before = stops(state, "LAB-50", "label position")
    run(line, state, 4.0, COARSE_S)
    assert state.units["LAB-50"].gain_pct == 95.0
    assert stops(state, "LAB-50", "label position") - before < dirty / 5


def test_a_bad_label_roll_stops_the_labeller_with_a_clean_photo_eye(healthy: LineState) -> None:
    """Twin of M8: as many seconds of stops, for another reason, and the gain stays."""
    roll, dirty = after({"label_roll": 1.0}), after({"dirty_photo_eye": 1.0})
    assert roll.units["LAB-50"].gain_pct == healthy.units["LAB-50"].gain_pct == 95.0
    assert roll.units["LAB-50"].held_s == pytest.approx(dirty.units["LAB-50"].held_s, rel=0.3)
    assert stops(roll, "LAB-50", "label web torn") > 10 * max(stops(healthy, "LAB-50", "label web torn"), 1)
    assert stops(roll, "LAB-50", "label position") < 2 * stops(healthy, "LAB-50", "label position") + 5


def test_an_open_phase_halves_the_heat_and_the_tunnel_cannot_recover(healthy: LineState) -> None:
    """M11: one phase 0 A, the others 87 %, power 50 %; zones fall, packs do not shrink, the bundler waits for heat."""
    line = packaging()
    state = producing(line, seed=1)
    seen: list[tuple[float, float, float]] = []

    def watch(now: LineState) -> None:
        tunnel = now.units["SHR-60"]
        if all(zone.closed_s == now.around.dt_s for zone in tunnel.zones):
            seen.append((tunnel.currents_a[dead], tunnel.currents_a[(dead + 1) % 3], tunnel.heater_w))

    dead = state.around.places["tunnel_heater_phase_open"] - 1
    run(line, state, 0.2, watch=watch)
    full_a, full_w = seen[-1][0], seen[-1][2]
    assert (full_a, full_w) == pytest.approx((20.2, 14_000), rel=0.002)
    seen.clear()
    state.around.severity["tunnel_heater_phase_open"] = 1.0
    run(line, state, 0.3, watch=watch)
    open_a, other_a, open_w = seen[-1]
    assert open_a == 0.0
    assert other_a / full_a == pytest.approx(3**0.5 / 2, abs=1e-9)
    assert open_w / full_w == pytest.approx(0.5, abs=1e-9)
    run(line, state, 6.0, COARSE_S)
    tunnel = state.units["SHR-60"]
    assert min(zone.degc for zone in tunnel.zones) < 162.0
    assert rejects(state, "SHR-60") > 5 * rejects(healthy, "SHR-60")
    assert tunnel.held_s > 0.5 * 6.0 * 3600.0
    assert state.units["MONO-30"].blocked_s > 2 * 3600.0


def test_a_low_supply_voltage_lowers_all_three_currents_alike(healthy: LineState) -> None:
    """Twin of M11: currents follow the voltage, power its square; the zones fall too, but no phase differs."""
    low = after({}, boundary={"supply_voltage_share": 0.87})
    tunnel = low.units["SHR-60"]
    a, b, c = tunnel.currents_a
    assert a == b == c == pytest.approx(20.2 * 0.87, rel=0.002)
    assert tunnel.heater_w == pytest.approx(14_000 * 0.87**2, rel=0.001)
    assert min(zone.degc for zone in tunnel.zones) < 160.0
    assert rejects(low, "SHR-60") > 5 * rejects(healthy, "SHR-60")
    assert low.units["MONO-30"].prod_processed_count == healthy.units["MONO-30"].prod_processed_count


def test_a_worn_suction_cup_loses_vacuum_then_time_then_packs(healthy: LineState) -> None:
    """Vacuum weakens and the cycle grows from the start; packs fall later, and only at the end is output lost."""
    early, late = after({"suction_cup": 0.3}), after({"suction_cup": 1.0})
    usual = healthy.units["PAL-70"]
    assert usual.vacuum_bar == pytest.approx(-0.72, abs=0.01)
    assert 8.0 <= usual.cycle_s <= 10.0
    assert usual.vacuum_bar + 0.05 < early.units["PAL-70"].vacuum_bar < -0.6
    assert early.units["PAL-70"].cycle_s > usual.cycle_s + 0.8
    assert early.units["PAL-70"].palletised > 0.98 * usual.palletised
    assert late.units["PAL-70"].vacuum_bar > -0.5
    assert stops(late, "PAL-70", "pack dropped") > 5 * max(stops(early, "PAL-70", "pack dropped"), 1)
    assert late.units["PAL-70"].palletised < 0.9 * usual.palletised
    assert late.units["PAL-70"].air_m3_min >= 0.0
    assert rejects(late, "PAL-70") > 0.01 > rejects(early, "PAL-70")


def test_many_short_stops_and_a_low_speed_cost_the_same_output(healthy: LineState) -> None:
    """L2 and its twin: the loose guide loses its output in stops at full speed, the other in speed without stops."""
    guide, slow = after({"loose_infeed_guide": 1.0}), after({"speed_loss": 1.0})
    usual = healthy.units["MONO-30"].prod_processed_count
    lost = [1.0 - state.units["MONO-30"].prod_processed_count / usual for state in (guide, slow)]
    assert all(0.12 < share < 0.25 for share in lost)
    assert lost[0] == pytest.approx(lost[1], abs=0.06)
    assert stops(guide, "MONO-30", "infeed") > 8 * stops(healthy, "MONO-30", "infeed")
    assert guide.units["MONO-30"].held_s / guide.units["MONO-30"].minor_stop_count < 60.0
    assert guide.units["MONO-30"].speed_bottles_h == healthy.units["MONO-30"].speed_bottles_h
    assert slow.units["MONO-30"].minor_stop_count == healthy.units["MONO-30"].minor_stop_count
    assert slow.units["MONO-30"].speed_bottles_h == pytest.approx(0.8 * healthy.units["MONO-30"].speed_bottles_h)
    assert slow.units["MONO-30"].fill_time_s == healthy.units["MONO-30"].fill_time_s


def test_a_slow_recipe_shows_in_the_filling_time(healthy: LineState) -> None:
    """Twin of L1: valves stay open longer, so the carousel must turn slower; stops are as many as usual."""
    slow = after({"slow_recipe": 1.0})
    assert slow.units["MONO-30"].fill_time_s > 1.4 * healthy.units["MONO-30"].fill_time_s
    assert slow.units["MONO-30"].speed_bottles_h < 0.9 * healthy.units["MONO-30"].speed_bottles_h
    assert slow.units["MONO-30"].minor_stop_count == healthy.units["MONO-30"].minor_stop_count


@pytest.mark.parametrize("dt_s", [1.0, COARSE_S])
def test_a_wrong_label_roll_rejects_everything_and_stops_the_labeller(dt_s: float) -> None:
    """The camera behind the labeller finds the label of another product: no bottle passes until the roll is changed."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.2, dt_s)
    passed = state.units["CNV-3"].in_count
    state.around.severity["wrong_label_roll"] = 1.0
    run(line, state, 0.5, dt_s)
    labeller = state.units["LAB-50"]
    # The crew's mistake is taken over once a minute, so the last right bottles are those of one minute.
    assert state.units["CNV-3"].in_count - passed <= 60
    assert labeller.prod_defective_count > 50
    assert stops(state, "LAB-50", "another product") > 5
    assert state.units["QC-40"].rejected_label >= labeller.prod_defective_count - 60
    assert state.units["SHR-60"].packml.starved
    state.around.severity["wrong_label_roll"] = 0.0
    good = state.units["CNV-3"].in_count
    run(line, state, 0.3, dt_s)
    assert state.units["CNV-3"].in_count > good + 400


def test_late_refills_make_only_refills_longer() -> None:
    """Stops for material last as long as the crew takes to bring it; jams do not."""
    usual, late = after({}), after({"late_refill": 1.0})

    def mean_s(state: LineState, reasons: tuple[str, ...]) -> float:
        return fmean(
            float(event.fields["duration_s"])
            for event in state.around.events
            if event.kind == "stop" and event.text in reasons
        )

    refills = ("cap hopper low", "label roll empty", "film roll empty", "pallet magazine empty", "no empty bottles")
    jams = ("cap jam in the chute", "fallen bottle at the infeed worm")
    assert mean_s(late, refills) > 2.0 * mean_s(usual, refills)
    assert mean_s(late, jams) == pytest.approx(mean_s(usual, jams), rel=0.35)


def test_a_passing_rinse_valve_runs_water_while_the_line_stands() -> None:
    """Water flows to the drain without a bottle, and in production more than 0.12 L a bottle is used."""
    line = packaging(stops=False)
    state = run(line, producing(line), 0.5)
    mono = state.units["MONO-30"]
    assert mono.rinse_water_l == pytest.approx(0.12 * mono.prod_processed_count)
    state.around.severity["rinse_valve_passing"] = 1.0
    state.around.plan.forced = Phase.OFF
    before_l, bottles = mono.rinse_water_l, mono.prod_processed_count
    run(line, state, 1.0, COARSE_S)
    assert mono.prod_processed_count == bottles
    assert mono.rinse_water_l - before_l == pytest.approx(120.0, rel=0.01)
    assert state.around.demands["drain_l_h"] == state.around.demands["water_demand_l_h"] == pytest.approx(120.0)


def test_a_healthy_line_shows_none_of_it(healthy: LineState) -> None:
    """Without a fault every value stays in its normal range and rejects stay below 1 %."""
    units = healthy.units
    assert all(rejects(healthy, unit_id) < 0.01 for unit_id in MACHINES)
    assert all(1.4 <= torque_nm <= 2.0 for torque_nm in units["MONO-30"].torque_by_head_nm)
    assert max(units["MONO-30"].fill_by_valve_g) - min(units["MONO-30"].fill_by_valve_g) < 3.0
    assert all(160.0 <= zone.degc <= 180.0 for zone in units["SHR-60"].zones)
    assert -0.8 <= units["PAL-70"].vacuum_bar <= -0.6
    assert all(units[unit_id].packml.state is not State.ABORTED for unit_id in MACHINES)
