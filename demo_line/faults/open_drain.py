"""Twin of E2: the receiver's condensate drain does not close any more; isolating the zones does not stop it."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="open_drain",
    title="Condensate drain stays open",
    unit_id="CA-90",
    component="condensate drain of the receiver",
    mechanism="dirt in the valve seat",
    growth=Growth("linear", life_h=700.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="compressed_air_leaks",
    cures=("clean_drain",),
)
