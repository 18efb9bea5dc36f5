"""Clutch of one capper head slips."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="capper_head_clutch",
    kind="filler",
    title="Clutch of one capper head slips",
    part="clutch",
    signs=(
        Sign("torque", "down", 2.0),
        Sign("torque_scatter", "up", 4.0, early=False),
        Sign("leakers", "up", 1.5, early=False),
        Sign("light", "still", 1.5),
    ),
    next_check="torque by head",
    act="change the clutch",
    growth=Growth("torque", "linear", typical_life_h=60.0, spread=0.25, duty="running", widen=1.4),
)
