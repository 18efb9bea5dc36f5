"""M5: the seal of one filling valve wears within days; every 12th bottle becomes light, the mean barely moves."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.filling import VALVES
from demo_line.packaging.station import works

FAULT = Fault(
    name="filling_valve_seal",
    code="M5",
    title="Filling valve, seal",
    unit_id="MONO-30",
    component="seals of the filling valves",
    mechanism="wear of the seal of one valve, air drawn in while it fills",
    growth=Growth("linear", life_h=72.0, spread=0.25),
    places=VALVES,
    duty=works("MONO-30"),
    cures=("replace_valve_seal",),
)
