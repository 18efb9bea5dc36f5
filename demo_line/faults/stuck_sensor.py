"""M12: a temperature transmitter repeats one value."""

from demo_line.fault import Fault, Growth, SensorEffect

FAULT = Fault(
    name="stuck_sensor",
    code="M12",
    title="Stuck temperature reading",
    unit_id="CH-91",
    component="supply temperature transmitter",
    mechanism="electronics frozen at one value",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("replace_sensor",),
    sensor=(SensorEffect("CH-91.supply_degc", "stuck"),),
)
