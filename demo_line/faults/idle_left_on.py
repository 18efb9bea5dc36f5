"""Lights, belts and auxiliary drives run on after the shift."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="idle_left_on",
    title="Idle machines left on",
    unit_id="EL-92",
    component="shutdown of the hall",
    mechanism="not switched off after the shift",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("apply_shutdown_schedule",),
)
