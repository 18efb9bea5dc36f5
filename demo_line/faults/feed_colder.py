"""Twin of M3: the blend water's tempering stands in bypass, so the pasteuriser is fed colder and heats more."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="feed_colder",
    title="Colder feed: tempering in bypass",
    unit_id="MIX-10",
    component="tempering valve of the blend water",
    mechanism="left in bypass",
    growth=Growth("sudden", life_h=0.0),
    kind=Kind.TWIN,
    twin_of="plate_fouling",
    cures=("open_tempering_valve",),
)
