"""Air in the refrigerant circuit."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="non_condensables",
    kind="chiller",
    title="Air in the refrigerant circuit",
    part="refrigerant",
    signs=(
        Sign("condensing", "up", 3.0),
        Sign("subcooling", "up", 4.0),
        Sign("superheat", "still", 2.0),
        Sign("power", "up", 1.0, early=False),
    ),
    next_check="pressure of the standing condenser against its temperature",
    act="licensed contractor: recover, evacuate, recharge",
    growth=Growth("condensing", "linear", typical_life_h=800.0, spread=0.25, duty="calendar", power=1.0),
)
