"""Twin of M4: holding sensor B, which only indicates, drifts down to -1.5 K; the product is safe."""

from demo_line.fault import Fault, Growth, Kind, SensorEffect

FAULT = Fault(
    name="holding_sensor_b_low",
    title="Holding sensor B reads low",
    unit_id="PAS-20",
    component="holding temperature sensor B",
    mechanism="drift of -1.5 K",
    growth=Growth("linear", life_h=24.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="holding_sensor_a_high",
    cures=("calibrate_holding_sensor_b",),
    sensor=(SensorEffect("PAS-20.holding_b_degc", "offset", -1.5),),
)
