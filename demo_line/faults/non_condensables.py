"""Twin of M9: air in the refrigerant circuit; subcooling reads high, and the pressure at rest betrays it."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="non_condensables",
    title="Air in the refrigerant circuit",
    unit_id="CH-91",
    component="refrigerant circuit",
    mechanism="non-condensable gas drawn in or left after a repair",
    growth=Growth("linear", life_h=800.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="dirty_condenser",
    cures=("recharge_refrigerant",),
)
