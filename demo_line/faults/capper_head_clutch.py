"""M6: the clutch of capper head 3 weakens within days; every 5th cap is loose, some bottles leak."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="capper_head_clutch",
    code="M6",
    title="Capper head 3, clutch",
    unit_id="MONO-30",
    component="magnetic clutches of the capper heads",
    mechanism="slip of the clutch of head 3 below its setting",
    growth=Growth("linear", life_h=60.0, spread=0.25),
    duty=works("MONO-30"),
    cures=("replace_capper_clutch",),
)
