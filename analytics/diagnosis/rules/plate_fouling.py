"""Fouled plates."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="plate_fouling",
    kind="pasteuriser",
    title="Fouled plates",
    part="plates",
    signs=(
        Sign("plates", "up", 3.0),
        Sign("regeneration", "down", 2.5),
        Sign("heater", "up", 2.0),
        Sign("twin", "still", 2.0),
    ),
    next_check="compare regeneration with that after the last cleaning",
    act="clean the plates",
    growth=Growth("plates", "linear", typical_life_h=8.0, spread=0.12, duty="running", widen=1.2),
)
