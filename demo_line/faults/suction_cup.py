"""A suction cup of the palletiser wears within days: weaker vacuum, longer cycles, dropped packs."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="suction_cup",
    title="Palletiser, suction cup",
    unit_id="PAL-70",
    component="suction cups of the gripper",
    mechanism="crack in the lip of one, air drawn in",
    growth=Growth("exponential", life_h=72.0, spread=0.25),
    duty=works("PAL-70"),
    cures=("replace_suction_cup",),
)
