"""Twin of L1: a thicker product fills slower; output is lost while the line runs, the changeovers are as usual."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="slow_recipe",
    title="Product that fills slowly",
    unit_id="MONO-30",
    component="",
    mechanism="viscosity above the recipe's, filling time longer",
    growth=Growth("sudden", life_h=0.0),
    kind=Kind.TWIN,
    cures=("adjust_recipe",),
)
