"""Caps out of tolerance."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="cap_batch",
    kind="filler",
    title="Caps out of tolerance",
    part="caps",
    signs=(
        Sign("torque", "down", 3.0),
        Sign("torque_scatter", "still", 4.0),
        Sign("leakers", "up", 1.0, early=False),
        Sign("light", "still", 1.5),
    ),
    next_check="torque by head; caps of another batch",
    act="change the batch of caps",
)
