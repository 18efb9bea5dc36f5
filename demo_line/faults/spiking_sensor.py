"""M12: a loose terminal makes a reading jump now and then."""

from demo_line.fault import Fault, Growth, SensorEffect

FAULT = Fault(
    name="spiking_sensor",
    code="M12",
    title="Spiking bearing temperature",
    unit_id="MIX-10",
    component="bearing temperature sensor",
    mechanism="loose contact at its terminal",
    growth=Growth("linear", life_h=200.0, spread=0.3, clock="calendar"),
    cures=("tighten_terminal",),
    sensor=(SensorEffect("MIX-10.bearing_temperature_degc", "spikes", 30.0),),
)
