"""M3: pulp burns on to the regenerator's plates within a shift."""

from typing import Any

from demo_line.fault import Fault, Growth
from demo_line.units.cip93 import CipStep

_ENOUGH_S = 600.0
"""Hot caustic for so long takes the deposit off."""


def _cleaned(units: dict[str, Any]) -> bool:
    cip = units.get("CIP-93")
    return cip is not None and cip.step is CipStep.RINSE and cip.washed_s >= _ENOUGH_S


FAULT = Fault(
    name="plate_fouling",
    code="M3",
    title="Fouled plates",
    unit_id="PAS-20",
    component="regenerator plates",
    mechanism="deposit of product",
    growth=Growth("linear", life_h=8.0, spread=0.12),
    duty=lambda units: units["PAS-20"].through_l_h / 1500.0,
    removed=_cleaned,
    cures=("clean_plates",),
)
