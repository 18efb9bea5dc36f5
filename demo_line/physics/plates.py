"""The regenerator of a plate pasteuriser: heat transfer, pressure loss and fouling of its plates; lethality."""

import math

from pydantic import Field

from demo_line.unit import Parameters


class PlateParameters(Parameters):
    """Design values of the plates."""

    nominal_l_h: float = Field(default=1500.0, gt=0, description="at the buffer's set point")
    clean_k_kw: float = Field(default=0.1045, gt=0, description="resistance of the clean regenerator at 1,500 L/h")
    wall_share: float = Field(default=0.25, ge=0, le=1, description="of it that does not depend on the flow")
    fouled_k_kw: float = Field(default=0.0929, ge=0, description="more when the fault is complete: regeneration 75 %")
    plates_bar: float = Field(default=0.8, description="pressure loss of clean plates at 1,500 L/h")
    fouled_plates_share: float = Field(default=0.6, description="more of it when the fault is complete")


def clean_plates(p: PlateParameters, flow_l_h: float) -> tuple[float, float]:
    """Thermal resistance in K/kW and pressure loss in bar of the clean regenerator.

    The films' share of the resistance follows the flow to the power of -0.7, the loss to that of 1.8 (turbulent flow
    between corrugated plates, VDI Heat Atlas, chapter N6). Viscosity is left out: a richer recipe regenerates alike.
    """
    relative = flow_l_h / p.nominal_l_h
    films = (1.0 - p.wall_share) * math.pow(relative, -0.7)
    return p.clean_k_kw * (p.wall_share + films), p.plates_bar * math.pow(relative, 1.8)


def regeneration(capacity_w_k: float, resistance_k_kw: float) -> float:
    """Effectiveness NTU / (1 + NTU) of a counterflow exchanger with equal streams (VDI Heat Atlas, chapter C1)."""
    ntu = 1000.0 / (capacity_w_k * resistance_k_kw)
    return ntu / (1.0 + ntu)


def lethality_min(holding_degc: float, flow_l_h: float, holding_l: float) -> float:
    """Equivalent minutes at 80 °C with z = 10 K for the time in the holding tube (P-value of acid drinks)."""
    if flow_l_h <= 0.0:
        return 0.0
    return holding_l / flow_l_h * 60.0 * math.pow(10.0, (holding_degc - 80.0) / 10.0)
