"""Twin of E3: clouds take the photovoltaic power away, so the grid delivers more though the plant takes no more."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="cloud_over_pv",
    title="Cloud over the PV",
    unit_id="SITE-00",
    component="",
    mechanism="overcast sky",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="demand_peak",
    cures=("wait_for_sun",),
)
