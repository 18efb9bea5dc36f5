"""LAB-50: labeller and coder; a photo-eye finds the gap between two labels, the coder prints the lot.

The camera behind it (part of QC-40) sees labels that are torn, crooked or of another product; those bottles are
rejected at the outlet.
"""

from dataclasses import dataclass

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import station
from demo_line.packaging.station import Station, StationParameters, station_signals, station_truth
from demo_line.packaging.stops import StopCause, begin_stop
from demo_line.signals import DataType, Signal
from demo_line.unit import Surroundings, UnitType

BAD_LABEL, WRONG_LABEL = "bad label", "label of another product"


class Lab50Parameters(StationParameters):
    """Design values of labeller and coder."""

    rated_bottles_h: float = Field(default=3300.0, gt=0)
    stops: tuple[StopCause, ...] = (
        StopCause(reason="label web torn", per_h=0.5, median_s=60.0),
        StopCause(reason="label position", per_h=0.8, median_s=30.0),
        StopCause(reason="coder nozzle cleaned", per_h=0.1, median_s=75.0),
    )
    execute_w: float = Field(default=1600.0, ge=0)
    ready_w: float = Field(default=850.0, ge=0)
    standby_w: float = Field(default=90.0, ge=0)
    air_ready_m3_min: float = Field(default=0.07, ge=0)
    air_l_bottle: float = Field(default=2.5, ge=0)
    roll_labels: int = Field(default=8000, gt=0)
    roll_change: StopCause = Field(
        default=StopCause(reason="label roll empty", per_h=0.0, median_s=75.0, spread=0.3, refill=True)
    )
    bad_label_share: float = Field(default=0.001, ge=0, le=1)
    clean_gain_pct: float = Field(default=95.0, gt=0, le=100)
    dirt_gain_pct: float = Field(default=60.0, ge=0, description="gain lost by the dirtiest photo-eye")
    needed_gain_pct: float = Field(default=80.0, gt=0, description="above it the photo-eye misses nothing")
    missed: StopCause = Field(
        default=StopCause(reason="label position", per_h=35.0, median_s=30.0),
        description="what the dirtiest photo-eye adds",
    )
    missed_label_share: float = Field(default=0.01, ge=0, le=1, description="bad labels that the dirtiest eye adds")
    bad_roll: StopCause = Field(
        default=StopCause(reason="label web torn", per_h=17.0, median_s=60.0),
        description="what a badly wound label roll adds",
    )
    wrong_labels: StopCause = Field(
        default=StopCause(reason="ten labels of another product in a row", per_h=240.0, median_s=90.0),
        description="how the camera's alarm stops the machine",
    )


@dataclass(slots=True)
class Lab50State(Station):
    """State of LAB-50."""

    gain_pct: float = 0.0
    labels_left: int = 0
    changing_roll: bool = False
    lot: str = ""
    label: str = ""


def _initial(p: Lab50Parameters) -> Lab50State:
    return Lab50State(
        "LAB-50",
        speed_bottles_h=p.rated_bottles_h,
        actual_bottles_h=2550.0,
        power_w=p.execute_w,
        gain_pct=p.clean_gain_pct,
        labels_left=p.roll_labels,
    )


def _capacity(p: Lab50Parameters, s: Lab50State, around: Surroundings, draws: Draws) -> int:
    in_stock = int(around.supplies["labels_in_stock"])
    s.hold_reason = "" if in_stock > 0 else "no labels in stock"
    s.gain_pct = p.clean_gain_pct - p.dirt_gain_pct * around.severity["dirty_photo_eye"]
    more = _more_stops(p, s, around)
    can = station.capacity(p, s, p.rated_bottles_h, around, draws, more)
    if s.changing_roll and s.stop_left_s <= 0.0:
        s.changing_roll = False
        s.labels_left += p.roll_labels
    return min(can, in_stock)


def _more_stops(p: Lab50Parameters, s: Lab50State, around: Surroundings) -> list[tuple[StopCause, float]]:
    more = []
    missing = _missing_gain(p, s)
    if missing > 0.0:
        more.append((p.missed, missing * missing))
    if around.severity["label_roll"] > 0.0:
        more.append((p.bad_roll, around.severity["label_roll"]))
    if _wrong_label(around):
        more.append((p.wrong_labels, 1.0))
    return more


def _missing_gain(p: Lab50Parameters, s: Lab50State) -> float:
    """Gain below what the photo-eye needs, 1 for the dirtiest."""
    missing = (p.needed_gain_pct - s.gain_pct) / (p.needed_gain_pct - p.clean_gain_pct + p.dirt_gain_pct)
    return max(missing, 0.0)


def _wrong_label(around: Surroundings) -> bool:
    return around.plan.label != around.plan.recipe.label


def _step(p: Lab50Parameters, s: Lab50State, around: Surroundings, draws: Draws) -> None:
    bottles = station.account(p, s, around)
    plan = around.plan
    s.lot, s.label = plan.lot, plan.label
    rejected = 0
    if bottles:
        s.labels_left -= bottles
        if s.labels_left <= 0 and not s.changing_roll and s.stop_left_s <= 0.0:
            s.changing_roll = True
            begin_stop(s, p.roll_change, around, around.elapsed_s)
        wrong = _wrong_label(around)
        share = 1.0 if wrong else p.bad_label_share + p.missed_label_share * _missing_gain(p, s)
        known = station.arrived(s, around)
        rejected = draws.binomial(bottles - len(known), share)
        if known:
            good = []
            for bottle in known:
                bottle.labelled_s = around.elapsed_s
                if draws.uniform() < share:
                    rejected += 1
                    around.bottles.append(bottle.leave(WRONG_LABEL if wrong else BAD_LABEL))
                else:
                    good.append(bottle)
            known[:] = good
        s.prod_defective_count += rejected
        around.passed["LAB-50"] = bottles - rejected
    around.supplies["bad_label_bottles"] = float(rejected)
    around.demands["labels_used"] += bottles


S = Signal[Lab50State]

UNIT = UnitType(
    unit_id="LAB-50",
    title="Labeller and coder",
    parameters=Lab50Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=(*station.READS, "labels_in_stock"),
    supplies=("bad_label_bottles",),
    demands=("compressed_air_demand_m3_min", "labels_used"),
    truth=station_truth(),
    signals=(
        *station_signals(3300.0),
        S("photo_eye_gain_pct", "%", 0, 100, "Gain of the photo-eye that finds the gap between labels",
          lambda s: s.gain_pct, noise=0.4, resolution=0.1, period_s=10),
        S("labels_left", "", 0, None, "Labels left on the roll",
          lambda s: max(s.labels_left, 0), DataType.INT64, period_s=0),
        S("lot_code", "", None, None, "Lot that the coder prints", lambda s: s.lot, DataType.STRING, period_s=0),
        S("label_roll", "", None, None, "Label roll that is mounted", lambda s: s.label, DataType.STRING, period_s=0),
        S("power_w", "W", 0, 3000, "Electrical power", lambda s: s.power_w, noise=8.0, resolution=1.0),
    ),
)  # fmt: skip
