"""One filling valve fills light."""

from analytics.diagnosis.mechanism import Growth, Mechanism, Sign

MECHANISM = Mechanism(
    key="filling_valve_seal",
    kind="filler",
    title="One filling valve fills light",
    part="valve_seal",
    signs=(
        Sign("light", "up", 3.0),
        Sign("fill_scatter", "up", 2.5, early=False),
        Sign("fill", "down", 1.0, early=False),
        Sign("torque", "still", 1.5),
        Sign("leakers", "still", 1.0),
    ),
    next_check="weigh by valve",
    act="change the seal of the valve",
    growth=Growth("fill", "linear", typical_life_h=72.0, spread=0.25, widen=1.3),
)
