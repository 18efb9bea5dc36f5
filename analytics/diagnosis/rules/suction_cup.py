"""Cracked suction cup."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="suction_cup",
    kind="palletiser",
    title="Cracked suction cup",
    part="cup",
    signs=(
        Sign("vacuum", "up", 4.0),
        Sign("cycle", "up", 1.5, early=False),
    ),
    next_check="look at the lips of the cups",
    act="replace the cup",
    growth=Growth("vacuum", "exponential", typical_life_h=72.0, spread=0.25, duty="running"),
)
