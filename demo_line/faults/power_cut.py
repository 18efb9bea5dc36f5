"""E4: the grid fails for a while; the generator must carry what is not shed."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="power_cut",
    code="E4",
    title="Power cut",
    unit_id="EL-92",
    component="grid",
    mechanism="outage of the grid",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("grid_returns",),
)
