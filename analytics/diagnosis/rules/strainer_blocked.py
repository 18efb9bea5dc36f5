"""Blocked strainer, the pump cavitates."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="strainer_blocked",
    kind="product_pump",
    title="Blocked strainer, the pump cavitates",
    part="strainer",
    signs=(
        Sign("suction", "down", 4.0),
        Sign("hf", "up", 1.5, early=False),
        Sign("velocity", "up", 0.5, early=False),
        Sign("envelope", "up", 0.5, early=False),
        Sign("bearing_temperature", "still", 0.5),
    ),
    next_check="watch suction pressure and noise at low speed: cavitation goes away",
    act="clean the strainer",
    growth=Growth("suction", "linear", typical_life_h=8.0, spread=0.25, duty="running", widen=1.2),
)
