"""Bearing temperature reads wrong."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="pump_temperature_sensor",
    kind="product_pump",
    title="Bearing temperature reads wrong",
    part="temperature_sensor",
    signs=(
        Sign("bearing_temperature", "up", 3.0),
        Sign("envelope", "still", 3.0),
        Sign("hf", "still", 2.0),
        Sign("power", "still", 1.0),
    ),
    next_check="compare with a contact thermometer",
    act="check the sensor's terminals",
)
