"""QC-40: checkweigher and camera behind the capper, the one place where badly filled and badly closed bottles leave.

Its third camera looks at the labels behind LAB-50, which rejects by itself what that camera finds.
"""

from dataclasses import dataclass

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import station
from demo_line.packaging.filling import FILL_TOLERANCE_G, TORQUE_HIGH_NM, TORQUE_LOW_NM
from demo_line.packaging.station import Station, StationParameters, station_signals, station_truth
from demo_line.packaging.stops import StopCause
from demo_line.signals import DataType, Signal
from demo_line.unit import BottleInWork, Surroundings, UnitType

UNDERFILLED, CAP_TORQUE, LEAKING, CROOKED_CAP, LABEL = (
    "underfilled",
    "cap torque",
    "leaking",
    "crooked cap",
    "label",
)
"""Reasons for a reject."""


class Qc40Parameters(StationParameters):
    """Design values of checkweigher and camera."""

    rated_bottles_h: float = Field(default=3600.0, gt=0)
    stops: tuple[StopCause, ...] = (
        StopCause(reason="fallen bottle on the weigh belt", per_h=0.5, median_s=35.0),
        StopCause(reason="reject bin full", per_h=0.06, median_s=60.0),
    )
    execute_w: float = Field(default=900.0, ge=0)
    ready_w: float = Field(default=650.0, ge=0)
    standby_w: float = Field(default=90.0, ge=0)
    air_ready_m3_min: float = Field(default=0.04, ge=0)
    air_l_bottle: float = Field(default=0.3, ge=0)
    scale_spread_g: float = Field(default=0.3, ge=0)
    crooked_share: float = Field(default=0.002, ge=0, le=1, description="bottles with a crooked cap or scuffed thread")
    leak_torque_nm: float = Field(default=1.2, description="closed with less, a bottle leaks at once")


@dataclass(slots=True)
class Qc40State(Station):
    """State of QC-40: the last bottle, and rejects by reason since the start."""

    net_g: float = 0.0
    fill_ok: bool = True
    cap_ok: bool = True
    label_ok: bool = True
    reject_reason: str = ""
    rejected_fill: int = 0
    rejected_cap: int = 0
    rejected_label: int = 0


def _initial(p: Qc40Parameters) -> Qc40State:
    return Qc40State(
        "QC-40", speed_bottles_h=p.rated_bottles_h, actual_bottles_h=2550.0, power_w=p.execute_w, net_g=522.5
    )


def _capacity(p: Qc40Parameters, s: Qc40State, around: Surroundings, draws: Draws) -> int:
    return station.capacity(p, s, p.rated_bottles_h, around, draws)


def _step(p: Qc40Parameters, s: Qc40State, around: Surroundings, draws: Draws) -> None:
    bottles = station.account(p, s, around)
    supplies = around.supplies
    known = station.arrived(s, around)
    unknown = bottles - len(known)
    light = loose = crooked = 0
    if unknown > 0:
        light = draws.binomial(unknown, supplies["light_bottle_share"])
        loose = draws.binomial(unknown - light, supplies["loose_cap_share"])
        crooked = draws.binomial(unknown - light - loose, p.crooked_share)
        s.net_g = supplies["blend_density_kg_l"] * around.plan.recipe.bottle_l * 1000.0
    if known:
        light, loose, crooked = _check(p, s, known, around, draws, (light, loose, crooked))
    rejected = light + loose + crooked
    if rejected:
        s.reject_reason = UNDERFILLED if light else CAP_TORQUE if loose else CROOKED_CAP
        s.rejected_fill += light
        s.rejected_cap += loose + crooked
        s.prod_defective_count += rejected
        around.passed["QC-40"] = bottles - rejected
    if unknown > 0:
        s.fill_ok, s.cap_ok = light == 0, loose + crooked == 0
    supplies["badly_filled_bottles"] = float(rejected)
    labels = int(supplies["bad_label_bottles"])
    if labels:
        s.reject_reason = LABEL
        s.rejected_label += labels
    s.label_ok = labels == 0


def _check(
    p: Qc40Parameters,
    s: Qc40State,
    known: list[BottleInWork],
    around: Surroundings,
    draws: Draws,
    found: tuple[int, int, int],
) -> tuple[int, int, int]:
    """Weigh and look at each bottle; the bad ones leave the list and the line. Returns the counts, added to `found`."""
    light, loose, crooked = found
    recipe = around.plan.recipe
    limit_g = recipe.bottle_l * recipe.density_kg_l * 1000.0 - FILL_TOLERANCE_G
    good: list[BottleInWork] = []
    for bottle in known:
        bottle.checked_s = around.elapsed_s
        s.net_g = bottle.fill_g + p.scale_spread_g * draws.normal()
        s.fill_ok = bottle.fill_g >= limit_g
        tight = TORQUE_LOW_NM <= bottle.torque_nm <= TORQUE_HIGH_NM
        s.cap_ok = tight and draws.uniform() >= p.crooked_share
        if s.fill_ok and s.cap_ok:
            good.append(bottle)
        elif not s.fill_ok:
            light += 1
            around.bottles.append(bottle.leave(UNDERFILLED))
        elif not tight:
            loose += 1
            around.bottles.append(bottle.leave(LEAKING if bottle.torque_nm < p.leak_torque_nm else CAP_TORQUE))
        else:
            crooked += 1
            around.bottles.append(bottle.leave(CROOKED_CAP))
    if len(good) < len(known):
        known[:] = good
    return light, loose, crooked


S = Signal[Qc40State]

UNIT = UnitType(
    unit_id="QC-40",
    title="Checkweigher and camera",
    parameters=Qc40Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=(*station.READS, "light_bottle_share", "loose_cap_share", "bad_label_bottles", "blend_density_kg_l"),
    supplies=("badly_filled_bottles",),
    demands=("compressed_air_demand_m3_min",),
    truth=station_truth(),
    signals=(
        *station_signals(3600.0),
        S("net_g", "g", 0, 600, "Net weight of the last bottle", lambda s: s.net_g, resolution=0.1, period_s=0),
        S("fill_verdict", "", None, None, "The last bottle is full enough",
          lambda s: s.fill_ok, DataType.BOOLEAN, period_s=0),
        S("cap_verdict", "", None, None, "The last bottle is closed well",
          lambda s: s.cap_ok, DataType.BOOLEAN, period_s=0),
        S("label_verdict", "", None, None, "The last label seen is right",
          lambda s: s.label_ok, DataType.BOOLEAN, period_s=0),
        S("reject_reason", "", None, None, "Reason of the last reject",
          lambda s: s.reject_reason, DataType.STRING, period_s=0),
        S("rejected_fill_count", "", 0, None, "Rejected for their fill since start",
          lambda s: s.rejected_fill, DataType.INT64, period_s=0),
        S("rejected_cap_count", "", 0, None, "Rejected for their cap since start",
          lambda s: s.rejected_cap, DataType.INT64, period_s=0),
        S("rejected_label_count", "", 0, None, "Found with a bad label behind LAB-50 since start",
          lambda s: s.rejected_label, DataType.INT64, period_s=0),
        S("power_w", "W", 0, 2000, "Electrical power", lambda s: s.power_w, noise=5.0, resolution=1.0),
    ),
)  # fmt: skip
