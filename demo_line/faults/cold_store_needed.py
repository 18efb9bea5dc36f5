"""Twin of E1: a cold store that is needed; it cycles, and takes more when it is warm outside."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="cold_store_needed",
    title="Cold store that is needed",
    unit_id="EL-92",
    component="",
    mechanism="a rented cold store full of goods",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="night_baseload",
    cures=("empty_cold_store",),
)
