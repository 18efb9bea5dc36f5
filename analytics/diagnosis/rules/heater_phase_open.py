"""One phase of the heaters is open."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="heater_phase_open",
    kind="shrink_tunnel",
    title="One phase of the heaters is open",
    part="heater",
    signs=(
        Sign("phase_l1", "down", 4.0, group="place"),
        Sign("phase_l2", "down", 4.0, group="place"),
        Sign("phase_l3", "down", 4.0, group="place"),
        Sign("zone", "down", 0.5, early=False),
        Sign("voltage", "still", 2.0),
    ),
    next_check="measure the three phases at the terminals, locked out",
    act="lock out, replace the terminal",
)
