"""Dirty condenser."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="dirty_condenser",
    kind="chiller",
    title="Dirty condenser",
    part="condenser",
    signs=(
        Sign("condensing", "up", 3.0),
        Sign("subcooling", "still", 3.0),
        Sign("superheat", "still", 2.0),
        Sign("power", "up", 1.0, early=False),
    ),
    next_check="look at the coil; temperature of the air on both sides",
    act="clean the coil",
    growth=Growth("condensing", "linear", typical_life_h=800.0, spread=0.25, duty="calendar", power=1.9),
)
