"""PAL-70: palletiser; a gripper with suction cups sets one pack a cycle on the pallet. Here a bottle leaves the line.

A worn cup leaks: the vacuum is weaker, the gripper waits longer for it, packs fall.
"""

from dataclasses import dataclass, field

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import station
from demo_line.packaging.station import Station, StationParameters, station_signals, station_truth
from demo_line.packaging.stops import StopCause
from demo_line.signals import DataType, Signal
from demo_line.unit import BottleInWork, Surroundings, UnitType, approach
from demo_line.units.shr60 import PACK

GOOD, DROPPED = "good", "pack dropped"


class Pal70Parameters(StationParameters):
    """Design values of the palletiser."""

    rated_bottles_h: float = Field(default=3600.0, gt=0)
    patience_s: float = Field(default=20.0, ge=0, description="packs come one by one; a longer gap is SUSPENDED")
    stops: tuple[StopCause, ...] = (
        StopCause(reason="pack askew at the gripper", per_h=0.5, median_s=55.0),
        StopCause(reason="pallet magazine empty", per_h=0.15, median_s=90.0, refill=True),
        StopCause(reason="full pallet not taken away", per_h=0.2, median_s=90.0, waits="blocked", refill=True),
    )
    execute_w: float = Field(default=4500.0, ge=0)
    ready_w: float = Field(default=1500.0, ge=0)
    standby_w: float = Field(default=150.0, ge=0)
    air_ready_m3_min: float = Field(default=0.14, ge=0)
    air_l_bottle: float = Field(default=5.0, ge=0)
    cycle_s: float = Field(default=9.0, gt=0, description="from grip to grip, without waiting for a pack")
    hand_over_s: float = Field(default=3.0, ge=0, description="until the next pack is in place")
    vacuum_bar: float = Field(default=-0.72, lt=0, description="at the gripper, gauge")
    cup_leak_bar: float = Field(default=0.30, ge=0, description="vacuum lost by a cup that has failed")
    cup_cycle_s: float = Field(default=4.5, ge=0, description="longer cycle with a cup that has failed")
    cup_air_m3_min: float = Field(default=0.12, ge=0, description="more air for the ejectors of a leaking cup")
    dropped: StopCause = Field(
        default=StopCause(reason="pack dropped", per_h=14.0, median_s=70.0),
        description="what a failed cup adds",
    )
    dropped_share: float = Field(default=0.02, ge=0, le=1, description="packs lost with a failed cup")
    not_taken: StopCause = Field(
        default=StopCause(reason="full pallet not taken away", per_h=22.0, median_s=120.0, waits="blocked"),
        description="what a blocked discharge adds",
    )


@dataclass(slots=True)
class Pal70State(Station):
    """State of PAL-70."""

    vacuum_bar: float = 0.0
    cycle_s: float = 0.0
    waiting_bottles: int = 0
    records: list[BottleInWork] = field(default_factory=list)
    packs: int = 0
    palletised: int = 0


def _initial(p: Pal70Parameters) -> Pal70State:
    return Pal70State(
        "PAL-70",
        speed_bottles_h=p.rated_bottles_h,
        actual_bottles_h=2550.0,
        power_w=p.execute_w,
        vacuum_bar=p.vacuum_bar,
        cycle_s=p.cycle_s,
    )


def _capacity(p: Pal70Parameters, s: Pal70State, around: Surroundings, draws: Draws) -> int:
    severity = around.severity
    cup, blocked = severity["suction_cup"], severity["downstream_block"]
    speed = min(3600.0 * PACK / (p.cycle_s + p.cup_cycle_s * cup + p.hand_over_s), p.rated_bottles_h)
    more = []
    if cup > 0.0:
        more.append((p.dropped, cup * cup))
    if blocked > 0.0:
        more.append((p.not_taken, blocked))
    return station.capacity(p, s, speed, around, draws, more)


def _step(p: Pal70Parameters, s: Pal70State, around: Surroundings, draws: Draws) -> None:
    bottles = station.account(p, s, around)
    cup, running = around.severity["suction_cup"], s.working > 0.0
    around.demands["compressed_air_demand_m3_min"] += p.cup_air_m3_min * cup * s.working
    # Mean of the step: without a pack to grip there is none.
    target_bar = (p.vacuum_bar + p.cup_leak_bar * cup) * s.working
    s.vacuum_bar = approach(s.vacuum_bar, target_bar, around.dt_s, 2.0)
    if running:
        s.cycle_s = p.cycle_s + p.cup_cycle_s * cup + 0.15 * draws.normal()
    packs, s.waiting_bottles = divmod(s.waiting_bottles + bottles, PACK)
    known = station.arrived(s, around)
    if known:
        s.records.extend(known)
        known.clear()
    if around.dt_s > station.COARSE_S and s.records:
        s.records.clear()
    dropped = draws.binomial(packs, p.dropped_share * cup * cup) if packs else 0
    if packs and s.records:
        _set_down(s, around, packs, dropped)
    s.packs += packs - dropped
    s.palletised += (packs - dropped) * PACK
    s.prod_defective_count += dropped * PACK
    around.passed["PAL-70"] = (packs - dropped) * PACK


def _set_down(s: Pal70State, around: Surroundings, packs: int, dropped: int) -> None:
    """Finish the records of the packs that were gripped; the first of them fell where some did."""
    unknown = max(packs * PACK + s.waiting_bottles - len(s.records), 0)
    count = packs * PACK - unknown
    gripped, s.records = s.records[:count], s.records[count:]
    fallen = max(dropped * PACK - unknown, 0)
    for place, bottle in enumerate(gripped):
        fell = place < fallen
        around.bottles.append(bottle.leave(DROPPED) if fell else bottle.leave(GOOD, around.elapsed_s))


S = Signal[Pal70State]

UNIT = UnitType(
    unit_id="PAL-70",
    title="Palletiser",
    parameters=Pal70Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=station.READS,
    demands=("compressed_air_demand_m3_min",),
    truth=(
        *station_truth(),
        S("waiting_bottles", "", 0, PACK, "Bottles before the gripper that are no whole pack",
          lambda s: s.waiting_bottles, DataType.INT64),
    ),
    signals=(
        *station_signals(3600.0),
        S("vacuum_bar", "bar", -1, 0, "Vacuum at the gripper (gauge)",
          lambda s: s.vacuum_bar, noise=0.008, resolution=0.001),
        S("cycle_s", "s", 0, 60, "Cycle of the gripper", lambda s: s.cycle_s, resolution=0.01, period_s=10),
        S("packs_count", "", 0, None, "Packs on pallets since start", lambda s: s.packs, DataType.INT64, period_s=0),
        S("palletised_count", "", 0, None, "Bottles on pallets since start",
          lambda s: s.palletised, DataType.INT64, period_s=0),
        S("power_w", "W", 0, 8000, "Electrical power", lambda s: s.power_w, noise=20.0, resolution=1.0),
    ),
)  # fmt: skip
