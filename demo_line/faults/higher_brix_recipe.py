"""Twin of M3: a richer recipe, blended colder, takes more heat; nothing is wrong."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="higher_brix_recipe",
    title="Richer recipe",
    unit_id="MIX-10",
    component="",
    mechanism="recipe with more concentrate from the cold store",
    growth=Growth("sudden", life_h=0.0),
    kind=Kind.TWIN,
    twin_of="plate_fouling",
    cures=("restore_recipe",),
)
