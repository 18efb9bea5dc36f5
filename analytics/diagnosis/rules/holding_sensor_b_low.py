"""Holding sensor B reads low: product is safe."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="holding_sensor_b_low",
    kind="pasteuriser",
    title="Holding sensor B reads low: product is safe",
    part="sensor_b",
    signs=(
        Sign("twin", "up", 4.0),
        Sign("regeneration", "still", 2.0),
        Sign("regenerated", "still", 2.0),
        Sign("plates", "still", 2.0),
    ),
    next_check="reference thermometer in the holding tube",
    act="calibrate sensor B",
    growth=Growth("twin", "linear", typical_life_h=24.0, spread=0.2, duty="calendar"),
)
