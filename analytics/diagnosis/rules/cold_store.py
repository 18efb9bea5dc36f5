"""A cold store runs."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="cold_store",
    kind="grid_meter",
    title="A cold store runs",
    part="auxiliaries",
    signs=(
        Sign("night", "up", 3.0),
        Sign("night_scatter", "up", 4.0),
        Sign("day", "up", 1.0, early=False),
    ),
    next_check="ask whether its goods are needed",
    act="none while it is needed",
)
