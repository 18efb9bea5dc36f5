"""How long to wait before a failed process is started again. Pure."""

from dataclasses import dataclass, replace
from random import Random

BASE_S = 0.5
CAP_S = 30.0
HEALTHY_S = 30.0
"""A process that ran this long had started properly: its next failure counts as the first."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter: a random share of a bound that doubles with every failure in a row. It never gives up."""

    failures: int = 0

    def failed(self, ran_s: float) -> "Backoff":
        """Return the state after a failure of a process that ran for `ran_s` seconds."""
        return replace(self, failures=1 if ran_s >= HEALTHY_S else self.failures + 1)

    def delay_s(self, random: Random) -> float:
        """Seconds to wait after the last failure."""
        return random.uniform(0.0, min(CAP_S, BASE_S * 2.0 ** min(self.failures - 1, 10)))
