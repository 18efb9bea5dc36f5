"""Filler set below the recipe's speed."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="speed_loss",
    kind="filler",
    title="Filler set below the recipe's speed",
    part="speed",
    signs=(
        Sign("set_speed", "down", 4.0),
        Sign("fill_time", "still", 3.0),
        Sign("stops", "still", 1.0),
    ),
    next_check="compare the set speed with the recipe",
    act="restore the set speed",
)
