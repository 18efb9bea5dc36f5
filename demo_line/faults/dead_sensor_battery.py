"""M12: the battery of the pump's wireless vibration sensor is empty, and it falls silent."""

from demo_line.fault import Fault, Growth, SensorEffect

FAULT = Fault(
    name="dead_sensor_battery",
    code="M12",
    title="Empty battery of the vibration sensor",
    unit_id="MIX-10",
    component="wireless vibration sensor",
    mechanism="battery empty",
    growth=Growth("linear", life_h=300.0, spread=0.2, clock="calendar"),
    cures=("replace_battery",),
    sensor=(
        SensorEffect("MIX-10.vibration_velocity_mm_s", "dead"),
        SensorEffect("MIX-10.hf_acceleration_g", "dead"),
    ),
)
