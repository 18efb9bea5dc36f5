"""Low supply voltage."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="tunnel_supply_voltage",
    kind="shrink_tunnel",
    title="Low supply voltage",
    part="supply",
    signs=(
        Sign("voltage", "down", 4.0),
        Sign("zone", "down", 1.0, early=False),
        Sign("phase_l1", "still", 1.0),
        Sign("phase_l2", "still", 1.0),
        Sign("phase_l3", "still", 1.0),
    ),
    next_check="voltage of the three phases at the grid meter",
    act="call the grid operator",
)
