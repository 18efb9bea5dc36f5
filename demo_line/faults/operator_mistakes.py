"""What a crew can get wrong; each begins by a crew's probability (`[plan.crew]`) or because a run asks for it."""

from demo_line.fault import Fault, Growth

_AT_ONCE = Growth("sudden", life_h=1.0, clock="calendar")

FAULTS = (
    Fault(
        name="wrong_recipe",
        title="The crew has chosen the wrong recipe",
        unit_id="",
        component="recipe",
        mechanism="wrong choice in the changeover",
        growth=_AT_ONCE,
        cures=("correct_recipe",),
    ),
    Fault(
        name="wrong_label_roll",
        title="The crew has loaded another recipe's label roll",
        unit_id="",
        component="label roll",
        mechanism="wrong choice in the changeover",
        growth=_AT_ONCE,
        cures=("change_label_roll",),
    ),
    Fault(
        name="late_refill",
        title="The crew brings material late",
        unit_id="",
        component="material",
        mechanism="refill forgotten",
        growth=_AT_ONCE,
        cures=("bring_material",),
    ),
)
