"""Dry chain or gearbox."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="dry_chain",
    kind="conveyor",
    title="Dry chain or gearbox",
    part="chain",
    signs=(
        Sign("power", "up", 3.0),
        Sign("slip", "up", 3.0),
        Sign("gearbox", "up", 0.5, early=False),
    ),
    next_check="listen to the chain, feel the gearbox",
    act="lubricate in a gap, food grade H1",
    growth=Growth("power", "exponential", typical_life_h=400.0, spread=0.25, duty="running"),
)
