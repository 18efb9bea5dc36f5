"""M6: the clutch of one capper head weakens within days; every 5th cap is loose, some bottles leak."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.filling import HEADS
from demo_line.packaging.station import works

FAULT = Fault(
    name="capper_head_clutch",
    code="M6",
    title="Capper head, clutch",
    unit_id="MONO-30",
    component="magnetic clutches of the capper heads",
    mechanism="slip of the clutch of one head below its setting",
    growth=Growth("linear", life_h=60.0, spread=0.25),
    places=HEADS,
    duty=works("MONO-30"),
    cures=("replace_capper_clutch",),
)
