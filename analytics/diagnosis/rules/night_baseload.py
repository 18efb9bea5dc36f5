"""Auxiliaries run day and night."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="night_baseload",
    kind="grid_meter",
    title="Auxiliaries run day and night",
    part="auxiliaries",
    signs=(
        Sign("night", "up", 3.0),
        Sign("day", "up", 3.0),
        Sign("night_scatter", "still", 3.0),
    ),
    next_check="switch consumers off one by one at night",
    act="apply the shutdown schedule",
)
