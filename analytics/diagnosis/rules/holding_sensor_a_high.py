"""Holding sensor A reads high: product is under-heated."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="holding_sensor_a_high",
    kind="pasteuriser",
    title="Holding sensor A reads high: product is under-heated",
    part="sensor_a",
    signs=(
        Sign("twin", "up", 4.0),
        Sign("regeneration", "down", 2.0),
        Sign("regenerated", "down", 2.0),
        Sign("plates", "still", 2.0),
    ),
    next_check="reference thermometer in the holding tube",
    act="hold the product, calibrate sensor A",
    growth=Growth("twin", "linear", typical_life_h=24.0, spread=0.2, duty="calendar", widen=1.2),
)
