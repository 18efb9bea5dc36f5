"""What hasty work on the pump leaves behind: the coupling runs out of line until somebody aligns it."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="misalignment",
    title="Pump coupling out of line",
    unit_id="MIX-10",
    component="coupling between motor and pump",
    mechanism="angular misalignment after work on it",
    growth=Growth("linear", life_h=1500.0, spread=0.3),
    duty=lambda units: units["MIX-10"].shaft_speed_rpm / 2900.0,
    cures=("align_pump",),
)
