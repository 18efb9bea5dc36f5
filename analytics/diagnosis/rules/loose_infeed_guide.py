"""Loose infeed guide: bottles fall."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="loose_infeed_guide",
    kind="filler",
    title="Loose infeed guide: bottles fall",
    part="guide",
    signs=(
        Sign("stops", "up", 4.0),
        Sign("set_speed", "still", 2.0),
        Sign("fill_time", "still", 2.0),
    ),
    next_check="look at the stops' reasons and at the guide",
    act="set the infeed guide",
    growth=Growth("stops", "linear", typical_life_h=16.0, spread=0.25, duty="running", widen=1.4),
)
