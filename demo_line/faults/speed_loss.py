"""Twin of L2: an operator has turned the filler's speed down; output falls as much, without more stops."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="speed_loss",
    title="Filler run below its set speed",
    unit_id="MONO-30",
    component="",
    mechanism="speed turned down by an operator and left there",
    growth=Growth("linear", life_h=16.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="loose_infeed_guide",
    cures=("restore_set_speed",),
)
