"""Rinse valve does not close."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="rinse_valve_passing",
    kind="filler",
    title="Rinse valve does not close",
    part="rinse_valve",
    signs=(
        Sign("rinse_rest", "up", 3.0),
        Sign("rinse", "up", 3.0),
    ),
    next_check="look at the rinser while the filler rests",
    act="change the rinse valve",
    growth=Growth("rinse_rest", "linear", typical_life_h=72.0, spread=0.25, duty="calendar"),
)
