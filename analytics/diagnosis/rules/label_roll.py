"""Badly wound or wrong label roll."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="label_roll",
    kind="labeller",
    title="Badly wound or wrong label roll",
    part="label_roll",
    signs=(
        Sign("stops", "up", 4.0),
        Sign("gain", "still", 4.0),
    ),
    next_check="look at the web of the roll",
    act="change the label roll",
)
