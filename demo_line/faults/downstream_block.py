"""Twin of M7: full pallets are not taken away, so bottles stand on the conveyor and slide on a sound chain."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="downstream_block",
    title="Full pallets not taken away",
    unit_id="PAL-70",
    component="",
    mechanism="discharge of the palletiser blocked from outside",
    growth=Growth("linear", life_h=8.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="dry_chain",
    cures=("clear_pallets",),
)
