"""Full pallets are not taken away."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="pallets_not_taken",
    kind="palletiser",
    title="Full pallets are not taken away",
    part="outlet",
    signs=(
        Sign("blocked", "up", 4.0),
        Sign("vacuum", "still", 2.0),
    ),
    next_check="look at the outlet of the palletiser",
    act="take the pallets away",
)
