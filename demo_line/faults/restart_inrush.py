"""Twin of E4: the load would fit the generator, but all motors start at once and trip it."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="restart_inrush",
    title="Restart inrush",
    unit_id="EL-92",
    component="restart sequence",
    mechanism="outage of the grid, and all drives restart in the same second",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="power_cut",
    cures=("stagger_restart",),
)
