"""E5: the rinser's water valve no longer closes; water runs to the drain day and night."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="rinse_valve_passing",
    code="E5",
    title="Rinse valve passing",
    unit_id="MONO-30",
    component="water valve of the rinser",
    mechanism="seat eroded, does not close",
    growth=Growth("linear", life_h=72.0, clock="calendar"),
    cures=("replace_rinse_valve",),
)
