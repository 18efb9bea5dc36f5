"""L2: a guide rail at the filler's infeed works loose; many short stops add up to more than a breakdown."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="loose_infeed_guide",
    code="L2",
    title="Filler, loose infeed guide",
    unit_id="MONO-30",
    component="guide rail at the infeed worm",
    mechanism="clamp works loose, bottles fall",
    growth=Growth("linear", life_h=16.0, spread=0.25),
    duty=works("MONO-30"),
    cures=("set_infeed_guide",),
)
