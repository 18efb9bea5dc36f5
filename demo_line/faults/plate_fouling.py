"""M3: pulp burns on to the regenerator's plates within a shift."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="plate_fouling",
    code="M3",
    title="Fouled plates",
    unit_id="PAS-20",
    component="regenerator plates",
    mechanism="deposit of product",
    growth=Growth("linear", life_h=8.0, spread=0.12),
    duty=lambda units: units["PAS-20"].through_l_h / 1500.0,
    cures=("clean_plates",),
)
