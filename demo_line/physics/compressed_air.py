"""Compressed air: flow through holes, and times to a pressure. Flows are in free air (1 bar, 20 °C)."""

from math import inf, log, pi, sqrt

ATMOSPHERE_BAR = 1.013
CHOKED_ABOVE_BAR = 0.9
"""Gauge pressure above which a hole's flow is choked: ratio 0.528 of the absolute pressures, ISO 6358-1."""

AT_7_BAR = 7.0 + ATMOSPHERE_BAR
"""Absolute pressure at which leaks are stated, in bar."""


def hole_m3_min(diameter_mm: float, pressure_bar: float, discharge_coefficient: float = 0.785) -> float:
    """Free air in m3/min that leaves a round hole at a gauge pressure in bar above `CHOKED_ABOVE_BAR`.

    Choked flow of an ideal gas: m = C A p0 sqrt(g / (R T)) (2 / (g + 1))^((g + 1) / (2 (g - 1))), with g = 1.4,
    R = 287 J/(kg K), T = 293 K (Anderson, "Modern Compressible Flow", section 5.4). The coefficient is that of a
    hole with ragged edges.

    Raises ValueError below the choked range.
    """
    if pressure_bar < CHOKED_ABOVE_BAR:
        raise ValueError(
            f"pressure_bar = {pressure_bar}: below {CHOKED_ABOVE_BAR} bar the flow is not choked; give a higher one"
        )
    gamma, gas_constant, temperature_k = 1.4, 287.0, 293.15
    area_m2 = pi * (diameter_mm / 1000.0) ** 2 / 4.0
    pressure_pa = (pressure_bar + ATMOSPHERE_BAR) * 1e5
    exponent = (gamma + 1.0) / (2.0 * (gamma - 1.0))
    factor = sqrt(gamma / (gas_constant * temperature_k)) * pow(2.0 / (gamma + 1.0), exponent)
    density_kg_m3 = 1e5 / (gas_constant * temperature_k)
    flow_kg_s: float = discharge_coefficient * area_m2 * pressure_pa * factor
    return flow_kg_s / density_kg_m3 * 60.0


def seconds_until(gap_bar: float, slope_bar_s: float, k: float) -> float:
    """Seconds until a pressure has changed by a gap, at a slope now that fades with rate `k` a second.

    From gap = slope (1 - exp(-k t)) / k; infinite where the pressure never gets there.
    """
    if slope_bar_s == 0.0:
        return inf
    if k == 0.0:
        return max(gap_bar / slope_bar_s, 0.0)
    rest = 1.0 - k * gap_bar / slope_bar_s
    return max(-log(rest) / k, 0.0) if rest > 0.0 else inf
