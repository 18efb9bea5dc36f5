"""Compressed-air leak."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="air_leak",
    kind="compressor",
    title="Compressed-air leak",
    part="leaks",
    signs=(
        Sign("zone_1", "up", 4.0, group="place"),
        Sign("zone_2", "up", 4.0, group="place"),
        Sign("zone_3", "up", 4.0, group="place"),
        Sign("zone_4", "up", 4.0, group="place"),
        Sign("unmetered", "still", 3.0),
        Sign("off", "still", 0.5),
        Sign("power", "up", 0.5, early=False),
    ),
    next_check="close one zone valve after the other off shift",
    act="find the leak with ultrasound, repair, measure again",
    growth=Growth("zone_any", "linear", typical_life_h=700.0, spread=0.25, duty="calendar"),
)
