"""M4: holding sensor A drifts up to +1.5 K; the controller follows it and the product is under-heated.

The error acts through the controller, so it is physics of PAS-20 and no `SensorEffect`.
"""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="holding_sensor_a_high",
    code="M4",
    title="Holding sensor A reads high",
    unit_id="PAS-20",
    component="holding temperature sensor A",
    mechanism="drift of +1.5 K",
    growth=Growth("linear", life_h=24.0, clock="calendar"),
    cures=("calibrate_holding_sensor_a",),
)
