"""Machines left on after the shift."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="idle_left_on",
    kind="grid_meter",
    title="Machines left on after the shift",
    part="auxiliaries",
    signs=(
        Sign("night", "up", 3.0),
        Sign("day", "still", 3.0),
        Sign("night_scatter", "still", 2.0),
    ),
    next_check="walk the hall after the shift",
    act="apply the shutdown schedule",
)
