"""M12: a transmitter's gateway hangs, so its tag keeps the last value without a new time."""

from demo_line.fault import Fault, Growth, SensorEffect

FAULT = Fault(
    name="stale_tag",
    code="M12",
    title="Stale tag",
    unit_id="CA-90",
    component="pressure transmitter of the receiver",
    mechanism="field bus gateway hangs",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("restart_field_gateway",),
    sensor=(SensorEffect("CA-90.receiver_bar", "stale"),),
)
