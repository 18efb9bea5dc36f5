"""M12: a transmitter was replaced and sends kilopascals where bar are expected."""

from demo_line.fault import Fault, Growth, SensorEffect

FAULT = Fault(
    name="pressure_unit_swap",
    code="M12",
    title="Pressure in kPa read as bar",
    unit_id="CH-91",
    component="suction pressure transmitter",
    mechanism="wrong unit after a replacement",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("set_transmitter_unit",),
    sensor=(SensorEffect("CH-91.suction_bar", "scale", 100.0),),
)
