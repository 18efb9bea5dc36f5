"""MONO-30: rinser-filler-capper monobloc with 14-12-5 heads, the bottleneck of the line.

Every bottle passes one of 12 filling valves and one of 5 capping heads; the counts are co-prime, so a bad valve shows
on every 12th bottle and a bad
head on every 5th. The bowl is fed by MIX-10; an empty bowl or missing air pressure suspends the unit, a jam of its own
holds it.
"""

from dataclasses import dataclass, field

from pydantic import Field

from demo_line import station
from demo_line.draws import Draws
from demo_line.signals import Signal
from demo_line.station import Station, StationParameters, StopCause, station_signals
from demo_line.unit import Surroundings, UnitType, approach

RINSER_GRIPPERS, FILLING_VALVES, CAPPING_HEADS = 14, 12, 5


class Mono30Parameters(StationParameters):
    """Design values of the monobloc."""

    rated_bottles_h: float = Field(default=3000.0, gt=0)
    stops: tuple[StopCause, ...] = (StopCause(reason="cap jam", per_h=1.5, median_s=35.0),)
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
    rinse_l_per_bottle: float = 0.12
    air_m3_min_running: float = Field(default=1.30, ge=0, description="compressed air at rated speed")
    air_m3_min_standing: float = Field(default=0.05, ge=0)
    base_power_w: float = 1900.0
    power_w_at_rated: float = 7000.0


@dataclass(slots=True)
class Mono30State(Station):
    """State of MONO-30."""

    rated_bottles_h: float = 0.0
    bowl_mm: float = 0.0
    product_demand_l_h: float = 0.0
    bowl_low: bool = False
    fill_g: float = 0.0
    fill_mean_g: float = 0.0
    cap_torque_nm: float = 0.0
    cap_torque_mean_nm: float = 0.0
    rinse_water_l_h: float = 0.0
    rinse_water_l: float = 0.0
    air_demand_m3_min: float = 0.0
    power_w: float = 0.0
    rejected: int = field(default=0)


def _initial(p: Mono30Parameters) -> Mono30State:
    fill_g = p.bottle_l * p.density_kg_l * 1000.0
    return Mono30State(
        speed_bottles_h=p.rated_bottles_h,
        actual_bottles_h=p.rated_bottles_h,
        rated_bottles_h=p.rated_bottles_h,
        bowl_mm=p.bowl_set_point_mm,
        product_demand_l_h=p.rated_bottles_h * p.bottle_l,
        fill_g=fill_g,
        fill_mean_g=fill_g,
        cap_torque_nm=p.torque_nm,
        cap_torque_mean_nm=p.torque_nm,
        rinse_water_l_h=p.rated_bottles_h * p.rinse_l_per_bottle,
        air_demand_m3_min=p.air_m3_min_running,
        power_w=p.power_w_at_rated,
    )


def _capacity(p: Mono30Parameters, s: Mono30State, around: Surroundings, draws: Draws) -> int:
    s.bowl_low = s.bowl_mm < (p.bowl_resume_mm if s.bowl_low else p.bowl_starved_mm)
    can = station.capacity(s, [(cause, 1.0) for cause in p.stops], p.rated_bottles_h, around, draws)
    waits = s.bowl_low or around.supplies["compressed_air_bar"] < p.minimum_air_bar
    in_bowl = int(s.bowl_mm / p.bowl_mm_per_l / p.bottle_l)
    return 0 if waits or around.supplies["outfeed_blocked"] > 0.5 else min(can, in_bowl)


def _step(p: Mono30Parameters, s: Mono30State, around: Surroundings, draws: Draws) -> None:
    dt_s = around.dt_s
    waits = s.bowl_low or around.supplies["compressed_air_bar"] < p.minimum_air_bar
    if around.supplies["outfeed_blocked"] > 0.5:
        around.blocked["MONO-30"] = True
    bottles = station.account(s, "MONO-30", around, waits=waits)
    rejected = _fill_and_cap(p, s, bottles, draws)
    s.prod_defective_count += rejected
    around.passed["MONO-30"] = bottles - rejected
    flow_l = around.supplies["product_flow_l_h"] * dt_s / 3600.0
    bowl = s.bowl_mm + (flow_l - bottles * p.bottle_l) * p.bowl_mm_per_l
    s.bowl_mm = min(max(bowl, 0.0), p.bowl_full_mm)
    s.product_demand_l_h = _product_demand(p, s)
    s.rinse_water_l_h = approach(s.rinse_water_l_h, s.actual_bottles_h * p.rinse_l_per_bottle, dt_s, 2.0)
    s.rinse_water_l += bottles * p.rinse_l_per_bottle
    share = s.actual_bottles_h / p.rated_bottles_h
    s.air_demand_m3_min = p.air_m3_min_standing + (p.air_m3_min_running - p.air_m3_min_standing) * share
    s.power_w = p.base_power_w + (p.power_w_at_rated - p.base_power_w) * share
    around.supplies["filler_demand_l_h"] = s.product_demand_l_h
    around.demands["compressed_air_demand_m3_min"] += s.air_demand_m3_min


def _product_demand(p: Mono30Parameters, s: Mono30State) -> float:
    """Flow asked from MIX-10: what the bottles take, corrected by the bowl level, nothing once the bowl is full."""
    if s.bowl_mm >= p.bowl_full_mm - 10.0:
        return 0.0
    wanted = s.actual_bottles_h * p.bottle_l + p.bowl_gain_l_h_per_mm * (p.bowl_set_point_mm - s.bowl_mm)
    return max(wanted, 0.0)


def _fill_and_cap(p: Mono30Parameters, s: Mono30State, bottles: int, draws: Draws) -> int:
    """Fill and cap the bottles of this step one by one; returns how many were rejected.

    The means follow the last hundred bottles or so.
    """
    nominal_g = p.bottle_l * p.density_kg_l * 1000.0
    rejected = 0
    for number in range(s.prod_processed_count - bottles, s.prod_processed_count):
        s.fill_g = nominal_g + p.fill_valve_offsets_g[number % FILLING_VALVES] + p.fill_spread_g * draws.normal()
        head = p.torque_head_offsets_nm[number % CAPPING_HEADS]
        s.cap_torque_nm = p.torque_nm + head + p.torque_spread_nm * draws.normal()
        rejected += (
            s.fill_g < nominal_g - p.fill_tolerance_g
            or not p.torque_low_nm <= s.cap_torque_nm <= p.torque_high_nm
            or draws.uniform() < p.reject_share
        )
        s.fill_mean_g += 0.01 * (s.fill_g - s.fill_mean_g)
        s.cap_torque_mean_nm += 0.01 * (s.cap_torque_nm - s.cap_torque_mean_nm)
    return rejected


def _announce(_p: Mono30Parameters, s: Mono30State, supplies: dict[str, float]) -> None:
    supplies["filler_demand_l_h"] = s.product_demand_l_h


S = Signal[Mono30State]

UNIT = UnitType(
    unit_id="MONO-30",
    title="Rinser-filler-capper monobloc",
    parameters=Mono30Parameters,
    initial=_initial,
    step=_step,
    capacity=_capacity,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("product_flow_l_h", "compressed_air_bar", "outfeed_blocked"),
    supplies=("filler_demand_l_h",),
    demands=("compressed_air_demand_m3_min",),
    announce=_announce,
    signals=(
        *station_signals(3000.0),
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
        S("compressed_air_m3_min", "m³/min", 0, 5, "Compressed air taken (free air)",
          lambda s: s.air_demand_m3_min, noise=0.01, resolution=0.001),
        S("power_w", "W", 0, 10000, "Electrical power of the monobloc",
          lambda s: s.power_w, noise=25.0, resolution=1.0),
    ),
)  # fmt: skip
