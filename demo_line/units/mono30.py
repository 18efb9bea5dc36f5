"""MONO-30: rinser-filler-capper monobloc with 14-12-5 heads, the bottleneck of the line.

Every bottle passes one of 12 filling valves and one of 5 capping heads; the counts are co-prime, so a bad valve shows
on every 12th bottle and a bad
head on every 5th. The bowl is fed by MIX-10; an empty bowl or missing air pressure suspends the unit, a jam of its own
holds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from numpy.random import Generator
from pydantic import Field

from demo_line.packml import Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import POWER_W, Parameters, Surroundings, UnitType, approach

RINSER_GRIPPERS, FILLING_VALVES, CAPPING_HEADS = 14, 12, 5


class Mono30Parameters(Parameters):
    """Design values of the monobloc."""

    rated_bottles_h: float = Field(default=3000.0, gt=0)
    ramp_bottles_h_s: float = Field(default=400.0, gt=0, description="how fast the speed changes")
    bottle_l: float = Field(default=0.5, gt=0)
    density_kg_l: float = 1.045
    bowl_mm_per_l: float = Field(default=4.0, description="level per litre in the bowl")
    bowl_set_point_mm: float = 160.0
    bowl_starved_mm: float = 40.0
    bowl_resume_mm: float = 110.0
    bowl_full_mm: float = 240.0
    bowl_gain_l_h_per_mm: float = Field(
        default=12.0, description="more flow asked for per millimetre below the set point"
    )
    minimum_air_bar: float = Field(default=5.5, description="the rinser's and capper's valves need it")
    fill_valve_offsets_g: tuple[float, ...] = (0.2, -0.3, 0.1, 0.4, -0.2, 0.0, 0.3, -0.4, 0.1, -0.1, 0.2, -0.3)
    fill_spread_g: float = 0.8
    fill_tolerance_g: float = Field(default=15.0, description="tolerable deficiency of 500 ml packages, OIML R 87")
    torque_nm: float = 1.7
    torque_head_offsets_nm: tuple[float, ...] = (0.02, -0.03, 0.0, 0.03, -0.02)
    torque_spread_nm: float = 0.06
    torque_low_nm: float = 1.4
    torque_high_nm: float = 2.0
    reject_share: float = Field(
        0.002, ge=0, le=1, description="bottles rejected for other reasons: crooked cap, scuffed thread"
    )
    minor_stops_per_h: float = Field(default=1.5, ge=0)
    minor_stop_median_s: float = Field(
        default=35.0, gt=0, description="an operator notices and clears a jam; log-normal"
    )
    minor_stop_spread: float = Field(default=0.5, ge=0)
    rinse_l_per_bottle: float = 0.12
    air_m3_min_running: float = Field(default=1.30, ge=0, description="compressed air at rated speed")
    air_m3_min_standing: float = Field(default=0.05, ge=0)
    base_power_w: float = 1900.0
    power_w_at_rated: float = 7000.0


@dataclass(frozen=True, slots=True)
class Mono30State:
    """State of MONO-30."""

    packml: Machine
    speed_bottles_h: float
    rated_bottles_h: float
    bowl_mm: float
    product_demand_l_h: float
    bottle_fraction: float
    bottles_started: int
    prod_processed_count: int
    prod_defective_count: int
    fill_g: float
    fill_mean_g: float
    cap_torque_nm: float
    cap_torque_mean_nm: float
    rinse_water_l_h: float
    rinse_water_l: float
    jam_left_s: float
    minor_stop_count: int
    air_demand_m3_min: float
    power_w: float


def _initial(p: Mono30Parameters) -> Mono30State:
    fill_g = p.bottle_l * p.density_kg_l * 1000.0
    demand = p.rated_bottles_h * p.bottle_l
    rinse = p.rated_bottles_h * p.rinse_l_per_bottle
    return Mono30State(
        Machine(), p.rated_bottles_h, p.rated_bottles_h, p.bowl_set_point_mm, demand, 0.0, 0, 0, 0, fill_g, fill_g,
        p.torque_nm, p.torque_nm,
        rinse, 0.0, 0.0, 0, p.air_m3_min_running, p.power_w_at_rated,
    )  # fmt: skip


def _step(p: Mono30Parameters, s: Mono30State, around: Surroundings, dt_s: float, rng: Generator) -> Mono30State:
    machine, jam_left_s, new_stop = _conditions(p, s, around, dt_s, rng)
    target = p.rated_bottles_h if machine.producing else 0.0
    change = p.ramp_bottles_h_s * dt_s
    speed = min(max(target, s.speed_bottles_h - change), s.speed_bottles_h + change)
    if machine.state is State.ABORTED:
        speed = 0.0
    exact = s.bottle_fraction + speed * dt_s / 3600.0
    bottles = int(exact)
    made = _fill_and_cap(p, s, bottles, rng)
    used_l = bottles * p.bottle_l
    bowl = s.bowl_mm + (around.supplies["product_flow_l_h"] * dt_s / 3600.0 - used_l) * p.bowl_mm_per_l
    share = speed / p.rated_bottles_h
    air = p.air_m3_min_standing + (p.air_m3_min_running - p.air_m3_min_standing) * share
    return Mono30State(
        packml=machine,
        speed_bottles_h=speed,
        rated_bottles_h=p.rated_bottles_h,
        bowl_mm=min(max(bowl, 0.0), p.bowl_full_mm),
        product_demand_l_h=_product_demand(p, speed, bowl),
        bottle_fraction=exact - bottles,
        bottles_started=s.bottles_started + bottles,
        prod_processed_count=s.prod_processed_count + bottles,
        prod_defective_count=s.prod_defective_count + made.rejected,
        fill_g=made.fill_g,
        fill_mean_g=made.fill_mean_g,
        cap_torque_nm=made.torque_nm,
        cap_torque_mean_nm=made.torque_mean_nm,
        rinse_water_l_h=approach(s.rinse_water_l_h, speed * p.rinse_l_per_bottle, dt_s, 2.0),
        rinse_water_l=s.rinse_water_l + bottles * p.rinse_l_per_bottle,
        jam_left_s=jam_left_s,
        minor_stop_count=s.minor_stop_count + new_stop,
        air_demand_m3_min=air,
        power_w=p.base_power_w + (p.power_w_at_rated - p.base_power_w) * share,
    )


def _conditions(
    p: Mono30Parameters, s: Mono30State, around: Surroundings, dt_s: float, rng: Generator
) -> tuple[Machine, float, int]:
    """State model of this step, what is left of a jam, and whether a new one has begun."""
    jam_left_s = max(s.jam_left_s - dt_s, 0.0)
    new_stop = 0
    # Both draws are made in every step, so that the random course does not depend on the state.
    chance, duration = float(rng.random()), float(rng.standard_normal())
    if s.packml.producing and jam_left_s <= 0.0 and chance < p.minor_stops_per_h * dt_s / 3600.0:
        jam_left_s = p.minor_stop_median_s * exp(p.minor_stop_spread * duration)
        new_stop = 1
    bowl_limit = p.bowl_resume_mm if s.packml.starved else p.bowl_starved_mm
    no_product = s.bowl_mm < bowl_limit
    no_air = around.supplies["compressed_air_bar"] < p.minimum_air_bar
    machine = advance(
        s.packml,
        dt_s,
        command=around.command,
        starved=no_product or no_air,
        blocked=around.supplies["outfeed_blocked"] > 0.5,
        own_stop=jam_left_s > 0.0,
    )
    return machine, jam_left_s, new_stop


def _product_demand(p: Mono30Parameters, speed_bottles_h: float, bowl_mm: float) -> float:
    """Flow asked from MIX-10: what the bottles take, corrected by the bowl level, nothing once the bowl is full."""
    if bowl_mm >= p.bowl_full_mm - 10.0:
        return 0.0
    return max(speed_bottles_h * p.bottle_l + p.bowl_gain_l_h_per_mm * (p.bowl_set_point_mm - bowl_mm), 0.0)


@dataclass(frozen=True, slots=True)
class _Made:
    rejected: int
    fill_g: float
    fill_mean_g: float
    torque_nm: float
    torque_mean_nm: float


def _fill_and_cap(p: Mono30Parameters, s: Mono30State, bottles: int, rng: Generator) -> _Made:
    """Fill and cap the bottles of this step one by one; the means follow the last hundred bottles or so."""
    nominal_g = p.bottle_l * p.density_kg_l * 1000.0
    made = _Made(0, s.fill_g, s.fill_mean_g, s.cap_torque_nm, s.cap_torque_mean_nm)
    for number in range(s.bottles_started, s.bottles_started + bottles):
        fill_draw, torque_draw = rng.standard_normal(2)
        fill_g = nominal_g + p.fill_valve_offsets_g[number % FILLING_VALVES] + p.fill_spread_g * float(fill_draw)
        torque = (
            p.torque_nm + p.torque_head_offsets_nm[number % CAPPING_HEADS] + p.torque_spread_nm * float(torque_draw)
        )
        bad = (
            fill_g < nominal_g - p.fill_tolerance_g
            or not p.torque_low_nm <= torque <= p.torque_high_nm
            or float(rng.random()) < p.reject_share
        )
        made = _Made(
            made.rejected + bad,
            fill_g,
            0.99 * made.fill_mean_g + 0.01 * fill_g,
            torque,
            0.99 * made.torque_mean_nm + 0.01 * torque,
        )
    return made


def _demands(s: Mono30State) -> Mapping[str, float]:
    return {
        POWER_W: s.power_w,
        "product_demand_l_h": s.product_demand_l_h,
        "compressed_air_demand_m3_min": s.air_demand_m3_min,
    }


S = Signal[Mono30State]

UNIT = UnitType(
    unit_id="MONO-30",
    title="Rinser-filler-capper monobloc",
    parameters=Mono30Parameters,
    initial=_initial,
    step=_step,
    reads=("product_flow_l_h", "compressed_air_bar", "outfeed_blocked"),
    demands=_demands,
    signals=(
        *packml_signals(),
        S("mach_speed_bottles_h", "bottles/h", 0, 4000, "Rated speed of the monobloc",
          lambda s: s.rated_bottles_h, period_s=0),
        S("cur_mach_speed_bottles_h", "bottles/h", 0, 4000, "Current speed of the monobloc",
          lambda s: s.speed_bottles_h, noise=2.0, resolution=1.0),
        S("bowl_level_mm", "mm", 0, 250, "Level of the filler bowl", lambda s: s.bowl_mm, noise=0.4, resolution=0.1),
        S("fill_g", "g", 0, 600, "Net fill of the last bottle", lambda s: s.fill_g, resolution=0.1, period_s=0),
        S("fill_mean_g", "g", 0, 600, "Mean net fill of the last hundred bottles",
          lambda s: s.fill_mean_g, resolution=0.01, period_s=10),
        S("cap_torque_nm", "N·m", 0, 4, "Cap torque of the last bottle",
          lambda s: s.cap_torque_nm, resolution=0.01, period_s=0),
        S("cap_torque_mean_nm", "N·m", 0, 4, "Mean cap torque of the last hundred bottles",
          lambda s: s.cap_torque_mean_nm, resolution=0.001,
          period_s=10),
        S("rinse_water_l_h", "L/h", 0, 600, "Rinse water", lambda s: s.rinse_water_l_h, noise=1.0, resolution=0.1),
        S("rinse_water_l", "L", 0, None, "Rinse water used since start",
          lambda s: s.rinse_water_l, resolution=0.01, period_s=10),
        S("prod_processed_count", "", 0, None, "Bottles processed since start",
          lambda s: s.prod_processed_count, DataType.INT64, period_s=0),
        S("prod_defective_count", "", 0, None, "Bottles rejected since start",
          lambda s: s.prod_defective_count, DataType.INT64, period_s=0),
        S("minor_stop_count", "", 0, None, "Own minor stops since start",
          lambda s: s.minor_stop_count, DataType.INT64, period_s=0),
        S("compressed_air_m3_min", "m³/min", 0, 5, "Compressed air taken (free air)",
          lambda s: s.air_demand_m3_min, noise=0.01, resolution=0.001),
        S("power_w", "W", 0, 10000, "Electrical power of the monobloc",
          lambda s: s.power_w, noise=25.0, resolution=1.0),
    ),
)  # fmt: skip
