"""MIX-10: blend tank with its product pump on a drive.

The pump feeds the filler and, through a fixed orifice, mixes the tank. The drive follows the flow that the filler asks
for, so speed, pressures, power,
current, heat and vibration all follow from flow, tank level and wear.
"""

from dataclasses import dataclass
from math import sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.signals import Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType, approach

HYDRAULIC_W_PER_M3_H_BAR = 1e5 / 3600.0
"""1 m3/h at 1 bar is 27.8 W."""

_RUNNING = frozenset(
    {State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.STARTING, State.UNHOLDING}
)


class Mix10Parameters(Parameters):
    """Design values of tank, pump, motor and bearing."""

    tank_l: float = Field(default=600.0, gt=0)
    tank_height_m: float = Field(default=2.0, gt=0)
    foot_height_m: float = Field(default=1.6, ge=0, description="height of the tank's bottom above the pump")
    refill_start_pct: float = 40.0
    refill_stop_pct: float = 88.0
    refill_l_h: float = Field(default=3600.0, ge=0)
    empty_pct: float = Field(default=4.0, description="the pump is stopped below this level")
    brix: float = 11.2
    max_flow_l_h: float = 2000.0
    rated_speed_rpm: float = 2900.0
    shutoff_bar: float = Field(default=3.5, description="differential pressure at rated speed and no flow")
    curve_bar_per_m3_h2: float = Field(
        default=0.01038, description="drop of the pump curve with the square of the flow"
    )
    static_bar: float = Field(default=2.5, description="back pressure of the line at no flow")
    system_bar_per_m3_h2: float = Field(default=0.2222, description="friction of the line to the filler")
    mixing_m3_h_per_sqrt_bar: float = Field(default=4.04, description="orifice of the mixing return")
    strainer_bar_per_m3_h2: float = Field(default=0.0006, description="clean suction strainer")
    best_flow_m3_h: float = 10.0
    best_efficiency: float = 0.62
    motor_efficiency: float = 0.83
    rated_current_a: float = 4.6
    magnetising_share: float = Field(default=0.6, description="magnetising part of the rated current")
    voltage_v: float = 400.0
    bearing_friction_w: float = 55.0
    bearing_k_per_w: float = Field(default=0.36, description="heating of the bearing by its own friction")
    motor_k_per_w: float = Field(default=0.018, description="heating of the bearing by the motor's losses")
    bearing_time_constant_s: float = 1200.0
    wear: float = Field(default=0.0, ge=0, le=1, description="bearing wear at the start: 0 healthy, 1 at its end")


@dataclass(slots=True)
class Mix10State:
    """State of MIX-10; pressures are gauge pressures."""

    packml: Machine
    level_pct: float
    refilling: bool
    brix: float
    product_flow_l_h: float
    suction_bar: float
    discharge_bar: float
    shaft_speed_rpm: float
    power_w: float
    current_a: float
    bearing_temperature_degc: float
    vibration_velocity_mm_s: float
    hf_acceleration_g: float
    wear: float
    delivered_l: float


def _initial(p: Mix10Parameters) -> Mix10State:
    refilling = False
    return Mix10State(
        Machine(),
        70.0,
        refilling,
        p.brix,
        1500.0,
        0.25,
        3.0,
        p.rated_speed_rpm,
        1400.0,
        3.4,
        47.0,
        0.95,
        0.28,
        p.wear,
        0.0,
    )


@dataclass(frozen=True, slots=True)
class Hydraulics:
    """Operating point of the pump."""

    suction_bar: float
    discharge_bar: float
    total_m3_h: float
    speed: float


def operating_point(p: Mix10Parameters, product_m3_h: float, level_pct: float) -> Hydraulics:
    """Where the pump curve meets the system at the wanted product flow.

    The line needs p_d = static + b Qp^2; the mixing return takes Qr = k sqrt(p_d); the affinity law gives the speed
    from
    p_d - p_s = s^2 p0 - a (Qp + Qr)^2 (s relative to rated speed).
    """
    discharge = p.static_bar + p.system_bar_per_m3_h2 * product_m3_h**2
    total = product_m3_h + p.mixing_m3_h_per_sqrt_bar * sqrt(discharge)
    head_bar = 0.0981 * 1.045 * (p.foot_height_m + p.tank_height_m * level_pct / 100.0)
    suction = head_bar - p.strainer_bar_per_m3_h2 * total**2
    speed = sqrt(max(discharge - suction + p.curve_bar_per_m3_h2 * total**2, 0.0) / p.shutoff_bar)
    return Hydraulics(suction, discharge, total, speed)


def electrical_power_w(p: Mix10Parameters, point: Hydraulics, wear: float) -> float:
    """Power from the mains: hydraulic work / pump efficiency plus bearing friction.

    Over the efficiency of motor and drive.
    """
    hydraulic = HYDRAULIC_W_PER_M3_H_BAR * point.total_m3_h * (point.discharge_bar - point.suction_bar)
    x = point.total_m3_h / max(point.speed, 0.1) / p.best_flow_m3_h
    efficiency = max(p.best_efficiency * (2.0 * x - x * x), 0.05)
    return (hydraulic / efficiency + friction_w(p, point.speed, wear)) / p.motor_efficiency


def friction_w(p: Mix10Parameters, speed: float, wear: float) -> float:
    """Friction of the bearing; it grows with speed and up to fourfold with wear."""
    return p.bearing_friction_w * speed * (1.0 + 3.0 * wear)


def current_a(p: Mix10Parameters, power_w: float) -> float:
    """Motor current: I^2 = Im^2 + Ir^2, so it is not proportional to the load."""
    active = power_w / (sqrt(3.0) * p.voltage_v)
    return sqrt((p.magnetising_share * p.rated_current_a) ** 2 + active**2)


def _step(p: Mix10Parameters, s: Mix10State, around: Surroundings, draws: Draws) -> None:
    dt_s = around.dt_s
    demand_l_h = min(around.supplies["filler_demand_l_h"], p.max_flow_l_h)
    s.wear = p.wear + (1.0 - p.wear) * around.severity["pump_bearing_outer_race"]
    running = s.packml.state in _RUNNING
    empty = s.level_pct <= (p.empty_pct if running and not s.packml.starved else p.empty_pct + 5.0)
    s.product_flow_l_h = approach(s.product_flow_l_h, demand_l_h if running and not empty else 0.0, dt_s, 3.0)
    _balance(p, s, dt_s)
    advance(s.packml, dt_s, starved=empty, blocked=_blocked(s, demand_l_h))
    turning = running and not empty
    point = operating_point(p, s.product_flow_l_h / 1000.0, s.level_pct) if turning else _at_rest(s)
    s.power_w = electrical_power_w(p, point, s.wear) if turning else 35.0
    friction = friction_w(p, point.speed, s.wear)
    bearing_target = around.supplies["ambient_degc"] + p.bearing_k_per_w * friction
    bearing_target += p.motor_k_per_w * s.power_w * (1.0 - p.motor_efficiency) if turning else 0.0
    load = s.power_w / 2200.0
    s.brix = _brix(p, s, dt_s, draws)
    s.suction_bar = point.suction_bar
    s.discharge_bar = approach(s.discharge_bar, point.discharge_bar, dt_s, 1.0)
    s.shaft_speed_rpm = approach(s.shaft_speed_rpm, p.rated_speed_rpm * point.speed, dt_s, 1.5)
    s.current_a = current_a(p, s.power_w) if turning else 0.0
    s.bearing_temperature_degc = approach(s.bearing_temperature_degc, bearing_target, dt_s, p.bearing_time_constant_s)
    s.vibration_velocity_mm_s = (0.45 * point.speed**2 + 0.75 * load + 2.5 * s.wear * point.speed) if turning else 0.02
    s.hf_acceleration_g = (0.18 + 0.16 * load + 3.0 * s.wear**1.5) if turning else 0.01
    s.delivered_l += s.product_flow_l_h * dt_s / 3600.0
    around.supplies["product_flow_l_h"] = s.product_flow_l_h


def _at_rest(s: Mix10State) -> Hydraulics:
    return Hydraulics(s.suction_bar, 0.0, 0.0, 0.0)


def _blocked(s: Mix10State, demand_l_h: float) -> bool:
    """Nobody takes product; with hysteresis, so that a filler topping up its bowl does not toggle the state."""
    return demand_l_h < (200.0 if s.packml.blocked else 20.0)


def _balance(p: Mix10Parameters, s: Mix10State, dt_s: float) -> None:
    """Tank level by mass balance; the refill opens and closes at two levels."""
    s.refilling = s.level_pct < (p.refill_stop_pct if s.refilling else p.refill_start_pct)
    inflow_l_h = p.refill_l_h if s.refilling else 0.0
    level = s.level_pct + (inflow_l_h - s.product_flow_l_h) * dt_s / 3600.0 / p.tank_l * 100.0
    s.level_pct = min(max(level, 0.0), 100.0)


def _brix(p: Mix10Parameters, s: Mix10State, dt_s: float, draws: Draws) -> float:
    """Sugar content wanders slowly round the recipe, more while concentrate and water run in."""
    spread = 0.006 if s.refilling else 0.002
    return approach(s.brix, p.brix, dt_s, 900.0) + spread * sqrt(dt_s) * draws.normal()


S = Signal[Mix10State]

UNIT = UnitType(
    unit_id="MIX-10",
    title="Blend tank and product pump",
    parameters=Mix10Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("ambient_degc", "filler_demand_l_h"),
    supplies=("product_flow_l_h",),
    signals=(
        *packml_signals(),
        S("level_pct", "%", 0, 100, "Level of the blend tank", lambda s: s.level_pct, noise=0.08, resolution=0.1),
        S("brix_degbx", "°Bx", 0, 20, "Sugar content of the drink", lambda s: s.brix, noise=0.01, resolution=0.01),
        S("product_flow_l_h", "L/h", 0, 2000, "Product flow to the filler",
          lambda s: s.product_flow_l_h, noise=3.0, resolution=0.1),
        S("suction_bar", "bar", -1, 1, "Suction pressure of the pump (gauge)",
          lambda s: s.suction_bar, noise=0.003, resolution=0.001),
        S("discharge_bar", "bar", 0, 6, "Discharge pressure of the pump (gauge)",
          lambda s: s.discharge_bar, noise=0.01, resolution=0.001),
        S("shaft_speed_rpm", "rpm", 0, 3600, "Speed of the pump shaft",
          lambda s: s.shaft_speed_rpm, noise=1.5, resolution=0.1),
        S("power_w", "W", 0, 3000, "Electrical power of the pump with its drive",
          lambda s: s.power_w, noise=6.0, resolution=1.0),
        S("current_a", "A", 0, 10, "Motor current", lambda s: s.current_a, noise=0.01, resolution=0.01),
        S("bearing_temperature_degc", "°C", 0, 120, "Temperature of the pump's drive-end bearing",
          lambda s: s.bearing_temperature_degc,
          noise=0.05, resolution=0.1),
        S("vibration_velocity_mm_s", "mm/s", 0, 20, "Vibration velocity of the pump, RMS 10-1000 Hz",
          lambda s: s.vibration_velocity_mm_s,
          noise=0.03, resolution=0.001, period_s=10),
        S("hf_acceleration_g", "g", 0, 20, "High-frequency acceleration of the bearing, RMS 1-5 kHz",
          lambda s: s.hf_acceleration_g,
          noise=0.008, resolution=0.001, period_s=10),
        S("delivered_l", "L", 0, None, "Product delivered since start",
          lambda s: s.delivered_l, resolution=0.1, period_s=10),
    ),
)  # fmt: skip
