"""Product fills slowly."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="slow_filling",
    kind="filler",
    title="Product fills slowly",
    part="recipe",
    signs=(
        Sign("fill_time", "up", 4.0),
        Sign("stops", "still", 1.0),
        Sign("set_speed", "still", 0.3),
    ),
    next_check="viscosity of the product",
    act="adjust the recipe",
)
