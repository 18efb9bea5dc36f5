"""MONO-30: rinser-filler-capper monobloc with 14-12-5 heads, the bottleneck of the line.

Every bottle passes one of 12 filling valves and one of 5 capping heads (`packaging/filling.py`). The bowl takes product
from the buffer tank TNK-25; an empty bowl or missing air suspends the monobloc, a stop of its own or missing bottles
and caps hold it.
"""

from dataclasses import dataclass
from math import exp

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging import station
from demo_line.packaging.filling import HEADS, VALVES, Filling, FillingParameters, fill, of_head, of_valve
from demo_line.packaging.station import COARSE_S, station_signals, station_truth
from demo_line.packaging.stops import StopCause
from demo_line.plan import CHANGEOVER, CLEANING, PRODUCTION, WARM_UP, Recipe
from demo_line.signals import Signal
from demo_line.unit import Surroundings, UnitType

USUAL_SHARE = Recipe().speed_share
"""Share of the rated speed at which the filling time below holds."""


class Mono30Parameters(FillingParameters):
    """Design values of the monobloc."""

    rated_bottles_h: float = Field(default=3000.0, gt=0)
    stops: tuple[StopCause, ...] = (
        StopCause(reason="cap jam in the chute", per_h=1.5, median_s=40.0),
        StopCause(reason="fallen bottle at the infeed worm", per_h=1.6, median_s=35.0),
        StopCause(reason="bottle gripper opened", per_h=0.5, median_s=45.0),
        StopCause(reason="cap hopper low", per_h=0.6, median_s=50.0, refill=True),
        StopCause(reason="no empty bottles", per_h=0.4, median_s=60.0, waits="starved", refill=True),
    )
    execute_w: float = Field(default=7000.0, ge=0, description="rinser 3 kW, filler and capper 4 kW")
    ready_w: float = Field(default=1900.0, ge=0)
    standby_w: float = Field(default=180.0, ge=0)
    air_ready_m3_min: float = Field(default=0.20, ge=0)
    air_l_bottle: float = Field(default=9.4, ge=0)
    bowl_mm_per_l: float = Field(default=4.0, gt=0, description="level per litre in the bowl")
    bowl_set_point_mm: float = 160.0
    bowl_starved_mm: float = 40.0
    bowl_resume_mm: float = 110.0
    bowl_time_constant_s: float = Field(default=20.0, gt=0, description="level control")
    max_intake_l_h: float = Field(default=2400.0, gt=0)
    drain_l_h: float = Field(default=900.0, ge=0, description="emptying the bowl before changeover and cleaning")
    fill_time_s: float = Field(default=8.0, gt=0, description="valve open, at the usual viscosity")
    fill_arc_share: float = Field(default=0.6, gt=0, le=1, description="part of a carousel turn for filling")
    rinse_l_bottle: float = Field(default=0.12, ge=0)
    rinse_leak_l_h: float = Field(default=120.0, ge=0, description="through a rinse valve that no longer closes")
    guide_stops: StopCause = Field(
        default=StopCause(reason="fallen bottle at the infeed worm", per_h=18.0, median_s=40.0),
        description="what a loose infeed guide adds",
    )
    speed_loss_share: float = Field(default=0.2, ge=0, le=1, description="set speed that a cautious operator takes off")
    slow_recipe_share: float = Field(default=0.55, ge=0, description="longer filling time of a viscous product")


@dataclass(slots=True)
class Mono30State(Filling):
    """State of MONO-30; totals count from the start."""

    bowl_mm: float = 0.0
    bowl_low: bool = False
    intake_l: float = 0.0
    intake_total_l: float = 0.0
    filled_total_l: float = 0.0
    drained_total_l: float = 0.0
    fill_time_s: float = 0.0
    rinse_water_l_h: float = 0.0
    rinse_water_l: float = 0.0


def _initial(p: Mono30Parameters) -> Mono30State:
    recipe = Recipe()
    fill_g = recipe.bottle_l * recipe.density_kg_l * 1000.0
    speed = p.rated_bottles_h * recipe.speed_share
    return Mono30State(
        "MONO-30",
        speed_bottles_h=speed,
        actual_bottles_h=speed,
        power_w=p.execute_w,
        bowl_mm=p.bowl_set_point_mm,
        fill_time_s=p.fill_time_s,
        fill_g=fill_g,
        fill_mean_g=fill_g,
        cap_torque_nm=p.torque_nm,
        cap_torque_mean_nm=p.torque_nm,
        fill_by_valve_g=[fill_g + offset for offset in p.fill_valve_offsets_g],
        torque_by_head_nm=[p.torque_nm + offset for offset in p.torque_head_offsets_nm],
    )


def _set_speed(p: Mono30Parameters, s: Mono30State, around: Surroundings) -> float:
    """Set speed of the recipe, unless an operator has taken some off or the valves need longer to fill a bottle.

    A bottle is under its valve for the filling arc of one turn, so speed <= valves x arc / filling time. A recipe whose
    valves fill slower has a lower set speed; one that was made thicker than it should be is limited by the arc.
    """
    severity, share = around.severity, around.plan.recipe.speed_share
    s.fill_time_s = p.fill_time_s * USUAL_SHARE / share * (1.0 + p.slow_recipe_share * severity["slow_recipe"])
    set_speed = p.rated_bottles_h * share * (1.0 - p.speed_loss_share * severity["speed_loss"])
    return min(set_speed, 3600.0 * VALVES * p.fill_arc_share / s.fill_time_s)


def _capacity(p: Mono30Parameters, s: Mono30State, around: Surroundings, draws: Draws) -> int:
    supplies, severity = around.supplies, around.severity
    in_stock = int(min(supplies["bottles_in_stock"], supplies["caps_in_stock"]))
    s.hold_reason = "" if in_stock > 0 else "no bottles or caps in stock"
    s.bowl_low = s.bowl_mm < (p.bowl_resume_mm if s.bowl_low else p.bowl_starved_mm)
    speed = _set_speed(p, s, around)
    loose = severity["loose_infeed_guide"]
    more = ((p.guide_stops, loose),) if loose > 0.0 else ()
    can = station.capacity(p, s, speed, around, draws, more, run=around.plan.fill)
    if s.bowl_low:
        s.waits = True
        return 0
    supply_l = min(supplies["buffer_available_l"], p.max_intake_l_h * around.dt_s / 3600.0)
    bottles = int((s.bowl_mm / p.bowl_mm_per_l + supply_l) / (around.plan.recipe.bottle_l * 1.01))
    return min(can, bottles, in_stock)


def _step(p: Mono30Parameters, s: Mono30State, around: Surroundings, draws: Draws) -> None:
    dt_s, supplies, demands = around.dt_s, around.supplies, around.demands
    bottles = station.account(p, s, around, run=around.plan.fill)
    made = station.arrived(s, around)
    made.clear()
    s.product_l = 0.0
    if bottles:
        fill(p, s, around, bottles, draws, made)
    _bowl(p, s, around)
    # What QC-40 found in the step before was made here.
    s.prod_defective_count += int(supplies["badly_filled_bottles"])
    leak_l = p.rinse_leak_l_h * around.severity["rinse_valve_passing"] * dt_s / 3600.0
    rinse_l = bottles * p.rinse_l_bottle + (leak_l if supplies["mains_on"] > 0.5 else 0.0)
    s.rinse_water_l += rinse_l
    rinse_l_h = rinse_l * 3600.0 / dt_s
    s.rinse_water_l_h += (rinse_l_h - s.rinse_water_l_h) * (1.0 - exp(-dt_s / 8.0))
    demands["water_demand_l_h"] += rinse_l_h
    demands["drain_l_h"] += rinse_l_h
    demands["bottles_used"] += bottles
    demands["caps_used"] += bottles
    supplies["filler_intake_l"] = s.intake_l
    supplies["line_pace_bottles_h"] = s.speed_bottles_h or p.rated_bottles_h * around.plan.recipe.speed_share
    supplies["light_bottle_share"], supplies["loose_cap_share"] = s.light_share, s.loose_share


def _bowl(p: Mono30Parameters, s: Mono30State, around: Surroundings) -> None:
    """Bowl level by mass balance: it takes what was filled and what the level control adds, as far as TNK-25 has it.

    Before a changeover or a cleaning the bowl is emptied to the drain.
    """
    dt_s, phase, bowl_l = around.dt_s, around.plan.phase, s.bowl_mm / p.bowl_mm_per_l
    s.intake_l = drained_l = 0.0
    if phase is PRODUCTION or phase is WARM_UP:
        missing_l = (p.bowl_set_point_mm - s.bowl_mm) / p.bowl_mm_per_l
        wanted_l = s.product_l if dt_s > COARSE_S else s.actual_bottles_h * around.plan.recipe.bottle_l * dt_s / 3600.0
        wanted_l += missing_l * (1.0 - exp(-dt_s / p.bowl_time_constant_s))
        most_l = min(p.max_intake_l_h * dt_s / 3600.0, around.supplies["buffer_available_l"])
        s.intake_l = max(min(wanted_l, most_l), 0.0)
    elif phase is CHANGEOVER or phase is CLEANING:
        drained_l = min(p.drain_l_h * dt_s / 3600.0, bowl_l)
        around.demands["drain_l_h"] += drained_l * 3600.0 / dt_s
        s.drained_total_l += drained_l
    s.intake_total_l += s.intake_l
    s.filled_total_l += s.product_l
    s.bowl_mm = (bowl_l + s.intake_l - s.product_l - drained_l) * p.bowl_mm_per_l


S = Signal[Mono30State]


def _truth() -> tuple[Signal[Mono30State], ...]:
    """What only a test by valve or by head, or a balance, shows."""
    return (
        *(of_valve(i) for i in range(VALVES)),
        *(of_head(i) for i in range(HEADS)),
        S("product_in_l", "L", 0, None, "Product taken from TNK-25 since start", lambda s: s.intake_total_l),
        S("product_filled_l", "L", 0, None, "Product filled into bottles since start", lambda s: s.filled_total_l),
        S("product_drained_l", "L", 0, None, "Product drained from the bowl since start", lambda s: s.drained_total_l),
    )


def _announce(_p: Mono30Parameters, s: Mono30State, supplies: dict[str, float]) -> None:
    supplies["line_pace_bottles_h"] = s.speed_bottles_h


UNIT = UnitType(
    unit_id="MONO-30",
    title="Rinser-filler-capper monobloc",
    parameters=Mono30Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=(
        *station.READS,
        "buffer_available_l",
        "buffer_degc",
        "holding_degc",
        "blend_density_kg_l",
        "bottles_in_stock",
        "caps_in_stock",
        "badly_filled_bottles",
    ),
    supplies=("filler_intake_l", "line_pace_bottles_h", "light_bottle_share", "loose_cap_share"),
    demands=("compressed_air_demand_m3_min", "water_demand_l_h", "drain_l_h", "bottles_used", "caps_used"),
    announce=_announce,
    truth=(*station_truth(), *_truth()),
    signals=(
        *station_signals(3000.0),
        S("bowl_level_mm", "mm", 0, 250, "Level of the filler bowl", lambda s: s.bowl_mm, noise=0.4, resolution=0.1),
        S("fill_time_s", "s", 0, 30, "Opening time of the filling valves",
          lambda s: s.fill_time_s, noise=0.03, resolution=0.01, period_s=10),
        S("fill_g", "g", 0, 600, "Net fill of the last bottle", lambda s: s.fill_g, resolution=0.1, period_s=0),
        S("fill_mean_g", "g", 0, 600, "Mean net fill of the last hundred bottles",
          lambda s: s.fill_mean_g, resolution=0.01, period_s=10),
        S("cap_torque_nm", "N·m", 0, 4, "Cap torque of the last bottle",
          lambda s: s.cap_torque_nm, resolution=0.01, period_s=0),
        S("cap_torque_mean_nm", "N·m", 0, 4, "Mean cap torque of the last hundred bottles",
          lambda s: s.cap_torque_mean_nm, resolution=0.001, period_s=10),
        S("rinse_water_l_h", "L/h", 0, 600, "Rinse water", lambda s: s.rinse_water_l_h, noise=1.0, resolution=0.1),
        S("rinse_water_l", "L", 0, None, "Rinse water used since start",
          lambda s: s.rinse_water_l, resolution=0.01, period_s=10),
        S("compressed_air_m3_min", "m³/min", 0, 5, "Compressed air taken (free air)",
          lambda s: s.air_m3_min, noise=0.01, resolution=0.001),
        S("power_w", "W", 0, 10000, "Electrical power of the monobloc",
          lambda s: s.power_w, noise=25.0, resolution=1.0),
    ),
)  # fmt: skip
