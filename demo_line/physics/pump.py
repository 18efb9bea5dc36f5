"""The centrifugal product pump: where it works, what it takes, when it cavitates.

Pump curve, affinity laws, NPSH: J. F. Guelich, "Centrifugal pumps", chapters 2 to 6.
"""

from math import sqrt
from typing import NamedTuple

from pydantic import Field

from demo_line.unit import Parameters

HYDRAULIC_W_PER_M3_H_BAR = 1e5 / 3600.0
"""1 m3/h at 1 bar is 27.8 W."""

_ATMOSPHERE_BAR, _VAPOUR_BAR = 1.013, 0.032
_BAR_PER_M = 0.0981 * 1.043
_ROOT_3 = sqrt(3.0)


class PumpParameters(Parameters):
    """Design values of pump, suction, motor and bearing."""

    tank_height_m: float = Field(default=2.0, gt=0)
    foot_height_m: float = Field(default=1.6, ge=0, description="height of the tank's bottom above the pump")
    rated_speed_rpm: float = 2900.0
    shutoff_bar: float = Field(default=3.5, description="differential pressure at rated speed and no flow")
    curve_bar_per_m3_h2: float = Field(
        default=0.01038, description="drop of the pump curve with the square of the flow"
    )
    static_bar: float = Field(default=2.5, description="back pressure of the line at no flow")
    system_bar_per_m3_h2: float = Field(default=0.2222, description="friction of the line to the pasteuriser")
    mixing_m3_h_per_sqrt_bar: float = Field(default=4.04, description="orifice of the mixing return")
    strainer_bar_per_m3_h2: float = Field(default=0.0006, description="clean suction strainer")
    strainer_blocked_times: float = Field(
        default=22.7,
        ge=1,
        description="the loss of the clean strainer when the fault is complete: 21 % of its area free",
    )
    npsh_required_m: float = Field(default=1.8, description="at no flow")
    npsh_m_per_m3_h2: float = Field(default=0.02, description="more with the square of the flow")
    cavitation_onset_m: float = Field(default=3.0, description="NPSH margin at which bubbles are first heard")
    cavitation_full_m: float = -0.5
    cavitation_head_share: float = Field(default=0.1, description="of the pump's head that is lost")
    cavitation_ripple: float = Field(default=0.04, description="of the flow, standard deviation in a second")
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
    standby_w: float = 35.0


class Hydraulics(NamedTuple):
    """Operating point of the pump; `speed` is relative to the rated speed."""

    suction_bar: float
    discharge_bar: float
    total_m3_h: float
    speed: float
    npsh_margin_m: float
    cavitation: float


def operating_point(p: PumpParameters, product_m3_h: float, level_pct: float, blocked: float) -> Hydraulics:
    """Where the pump curve meets the system at the wanted product flow.

    The line needs p_d = static + b Qp^2; the mixing return takes Qr = k sqrt(p_d); the affinity law gives the speed
    from p_d - p_s = s^2 p0 - a (Qp + Qr)^2 (s relative to rated speed). The strainer's loss goes with the square of the
    flow and grows in proportion to the severity. NPSH available and required: J. F. Guelich, "Centrifugal pumps",
    chapter 6; noise begins well above the NPSH at which the head breaks down.

    Args:
        p: design values.
        product_m3_h: flow to the pasteuriser.
        level_pct: of the tank.
        blocked: severity of the blocked strainer.
    """
    discharge = p.static_bar + p.system_bar_per_m3_h2 * product_m3_h * product_m3_h
    total = product_m3_h + p.mixing_m3_h_per_sqrt_bar * sqrt(discharge)
    square = total * total
    lossy = 1.0 + (p.strainer_blocked_times - 1.0) * blocked
    suction = standing_suction_bar(p, level_pct) - p.strainer_bar_per_m3_h2 * lossy * square
    available_m = (_ATMOSPHERE_BAR + suction - _VAPOUR_BAR) / _BAR_PER_M
    margin_m = available_m - p.npsh_required_m - p.npsh_m_per_m3_h2 * square
    developed = (p.cavitation_onset_m - margin_m) / (p.cavitation_onset_m - p.cavitation_full_m)
    cavitation = min(max(developed, 0.0), 1.0)
    shutoff_bar = p.shutoff_bar * (1.0 - p.cavitation_head_share * cavitation)
    speed = sqrt(max(discharge - suction + p.curve_bar_per_m3_h2 * square, 0.0) / shutoff_bar)
    return Hydraulics(suction, discharge, total, speed, margin_m, cavitation)


def electrical_power_w(p: PumpParameters, point: Hydraulics, friction_w: float) -> float:
    """Power from the mains: hydraulic work over the pump's efficiency plus friction, over that of motor and drive."""
    suction_bar, discharge_bar, total_m3_h, speed, _, _ = point
    hydraulic = HYDRAULIC_W_PER_M3_H_BAR * total_m3_h * (discharge_bar - suction_bar)
    x = total_m3_h / max(speed, 0.1) / p.best_flow_m3_h
    efficiency = max(p.best_efficiency * (2.0 * x - x * x), 0.05)
    return (hydraulic / efficiency + friction_w) / p.motor_efficiency


def bearing_friction_w(p: PumpParameters, speed: float, wear: float) -> float:
    """Friction of the bearing; it grows with speed and, late, up to fourfold with wear."""
    return p.bearing_friction_w * speed * (1.0 + 3.0 * wear * sqrt(wear))


def current_a(p: PumpParameters, power_w: float, voltage_share: float = 1.0) -> float:
    """Motor current: I^2 = Im^2 + Ir^2, so it is not proportional to the load."""
    active = power_w / (_ROOT_3 * p.voltage_v * max(voltage_share, 0.1))
    magnetising = p.magnetising_share * p.rated_current_a
    return sqrt(magnetising * magnetising + active * active)


def standing_suction_bar(p: PumpParameters, level_pct: float) -> float:
    """Suction pressure without flow, from the tank's level."""
    return _BAR_PER_M * (p.foot_height_m + p.tank_height_m * level_pct / 100.0)
