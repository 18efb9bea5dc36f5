"""Colder or richer feed."""

from analytics.diagnosis.mechanism import Mechanism, Sign

MECHANISM = Mechanism(
    key="colder_feed",
    kind="pasteuriser",
    title="Colder or richer feed",
    part="",
    signs=(
        Sign("heater", "up", 2.5),
        Sign("regeneration", "still", 3.0),
        Sign("plates", "still", 3.0),
        Sign("twin", "still", 2.0),
    ),
    next_check="temperature and sugar content of the blend",
    act="none at the pasteuriser",
)
