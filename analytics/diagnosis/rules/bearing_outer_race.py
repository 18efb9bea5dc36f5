"""Bearing damage, outer race."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="bearing_outer_race",
    kind="product_pump",
    title="Bearing damage, outer race",
    part="bearing",
    signs=(
        Sign("envelope", "up", 4.0),
        Sign("hf", "up", 1.5, early=False),
        Sign("velocity", "up", 1.0, early=False),
        Sign("bearing_temperature", "up", 1.0, early=False),
        Sign("power", "up", 0.5, early=False),
        Sign("suction", "still", 3.0),
    ),
    next_check="envelope spectrum at the bearing's outer-race frequency",
    act="change the bearing at the next cleaning stop",
    growth=Growth("envelope", "exponential", typical_life_h=500.0, spread=0.25, power=1.6, background=0.095),
)
