"""M10: refrigerant leaks, over weeks; without a receiver the subcooling falls first."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="low_refrigerant",
    code="M10",
    title="Low refrigerant",
    unit_id="CH-91",
    component="refrigerant circuit",
    mechanism="leak of refrigerant",
    growth=Growth("linear", life_h=900.0, spread=0.25, clock="calendar"),
    cures=("repair_refrigerant_leak",),
)
