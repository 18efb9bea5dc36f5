"""Clogged filter drier."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="clogged_drier",
    kind="chiller",
    title="Clogged filter drier",
    part="drier",
    signs=(
        Sign("subcooling", "up", 3.0),
        Sign("superheat", "up", 3.0),
        Sign("suction", "down", 1.0, early=False),
        Sign("condensing", "still", 0.5),
    ),
    next_check="temperature before and behind the drier",
    act="licensed contractor: replace the drier",
    growth=Growth(
        "superheat", "linear", typical_life_h=900.0, spread=0.25, duty="calendar", power=0.6, hidden_share=0.1
    ),
)
