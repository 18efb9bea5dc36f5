"""Twin of M3: the waterworks switch to a colder source, more than the tempering can make up for."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="raw_water_colder",
    title="Colder raw water",
    unit_id="WAT-94",
    component="",
    mechanism="the waterworks have switched to another source",
    growth=Growth("sudden", life_h=0.0),
    kind=Kind.TWIN,
    twin_of="plate_fouling",
    cures=("wait_for_warmer_water",),
)
