"""Twin of M6: a delivery of caps with slippery liners closes loosely on all heads alike."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="cap_batch",
    title="Cap batch with slippery liners",
    unit_id="MONO-30",
    component="",
    mechanism="caps out of tolerance, the machine is sound",
    growth=Growth("linear", life_h=48.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="capper_head_clutch",
    cures=("change_cap_batch",),
)
