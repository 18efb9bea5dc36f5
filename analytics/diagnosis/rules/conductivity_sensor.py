"""Conductivity sensor reads low."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="conductivity_sensor",
    kind="cleaning_in_place",
    title="Conductivity sensor reads low",
    part="conductivity",
    signs=(Sign("conductivity", "down", 3.0),),
    next_check="titrate a sample of the caustic",
    act="clean the sensor",
    growth=Growth("conductivity", "linear", typical_life_h=240.0, spread=0.2, duty="calendar", power=1.4, widen=1.5),
)
