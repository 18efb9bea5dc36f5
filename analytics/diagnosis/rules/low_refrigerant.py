"""Low refrigerant."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="low_refrigerant",
    kind="chiller",
    title="Low refrigerant",
    part="refrigerant",
    signs=(
        Sign("subcooling", "down", 4.0),
        Sign("superheat", "up", 3.0, early=False),
        Sign("suction", "down", 1.0, early=False),
        Sign("supply", "up", 0.5, early=False),
        Sign("condensing", "down", 0.5, early=False),
    ),
    next_check="leak test; sight glass",
    act="licensed contractor: find the leak, refill",
    growth=Growth(
        "superheat", "linear", typical_life_h=900.0, spread=0.25, duty="calendar", power=0.6, hidden_share=0.1
    ),
)
