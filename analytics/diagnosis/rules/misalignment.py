"""Coupling out of line."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="misalignment",
    kind="product_pump",
    title="Coupling out of line",
    part="coupling",
    signs=(
        Sign("velocity", "up", 4.0),
        Sign("envelope", "still", 3.0),
        Sign("hf", "still", 2.0),
        Sign("suction", "still", 2.0),
    ),
    next_check="axial vibration at once and twice the speed; laser alignment",
    act="align the coupling",
    growth=Growth("velocity", "linear", typical_life_h=1500.0, spread=0.3, duty="running"),
)
