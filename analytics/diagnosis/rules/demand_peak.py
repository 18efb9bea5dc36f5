"""Preheaters come on together."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="demand_peak",
    kind="grid_meter",
    title="Preheaters come on together",
    part="preheaters",
    signs=(
        Sign("day_scatter", "up", 4.0),
        # Between the quarters of an hour in which they all heat, they take less than when they are staggered.
        Sign("day", "down", 2.0, early=False),
        Sign("night", "still", 2.0),
        Sign("night_scatter", "still", 1.0),
        Sign("pv", "still", 1.0),
    ),
    next_check="quarter-hour demand against the preheaters' schedule",
    act="stagger the preheaters",
)
