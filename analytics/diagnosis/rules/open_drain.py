"""Condensate drain stays open."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="open_drain",
    kind="compressor",
    title="Condensate drain stays open",
    part="drain",
    signs=(
        Sign("unmetered", "up", 4.0),
        Sign("zone_1", "still", 1.0),
        Sign("zone_2", "still", 1.0),
        Sign("zone_3", "still", 1.0),
        Sign("zone_4", "still", 1.0),
        Sign("power", "up", 0.5, early=False),
    ),
    next_check="listen at the drain of the receiver",
    act="clean the drain",
    growth=Growth("unmetered", "linear", typical_life_h=700.0, spread=0.25, duty="calendar"),
)
