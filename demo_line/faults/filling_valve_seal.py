"""M5: the seal of filling valve 7 wears within days; every 12th bottle becomes light, the mean barely moves."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="filling_valve_seal",
    code="M5",
    title="Filling valve 7, seal",
    unit_id="MONO-30",
    component="seals of the filling valves",
    mechanism="wear of the seal of valve 7, air drawn in while it fills",
    growth=Growth("linear", life_h=72.0, spread=0.25),
    duty=works("MONO-30"),
    cures=("replace_valve_seal",),
)
