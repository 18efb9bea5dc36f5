"""Low supply voltage."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="low_supply_voltage",
    kind="grid_meter",
    title="Low supply voltage",
    part="grid",
    signs=(
        Sign("voltage", "down", 4.0),
        Sign("outage", "still", 2.0),
    ),
    next_check="call the grid operator",
    act="change the transformer's tap",
)
