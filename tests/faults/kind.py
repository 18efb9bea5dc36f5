"""What a fault is: how it is done, how long it lasts, what it may cost."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from deploy.ledger.account import Outage
from tests.faults.path import Store
from tests.faults.plant import Plant


@dataclass(frozen=True, slots=True)
class Scale:
    """How long things last.

    Attributes:
        outage_s: of a fault that lasts.
        keepalive_s: MQTT keep-alive; outages are longer than 1.5 times this.
        season_s: run before and after the fault.
        patience_s: longest wait for recovery and for the backlog to drain.
    """

    outage_s: float
    keepalive_s: int
    season_s: float
    patience_s: float


FULL = Scale(outage_s=60.0, keepalive_s=10, season_s=5.0, patience_s=300.0)
SHORT = Scale(outage_s=4.0, keepalive_s=2, season_s=1.0, patience_s=240.0)

Inject = Callable[[Plant, random.Random, Scale], bool | Sequence[Outage]]
"""Does the fault and heals it.

Returns whether values may be lost from its begin to its end, as declared gaps; or the times in which they may be.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault.

    Attributes:
        name: for the command line.
        promise: what must hold, in a few words.
        inject: does it.
        store: store it needs; None is either.
        disk: whose data lie on a small disk of their own, which needs the right to mount.
        prepare: done before the edge and the gateway start.
        quarantines: whether something must end up in quarantine.
        rules: report rules of the line's signals.
        throttled: whether a proxy that can misbehave stands between gateway and InfluxDB.
        sets_clock: whether the edge's clock is set, which needs libfaketime.
    """

    name: str
    promise: str
    inject: Inject
    store: Store | None = None
    disk: Literal["edge", "gateway"] | None = None
    prepare: Callable[[Plant], None] | None = None
    quarantines: bool = False
    rules: Sequence[tuple[str, str]] = ()
    throttled: bool = False
    sets_clock: bool = False


def around(rng: random.Random, seconds: float) -> float:
    """Return a duration that differs a little from run to run."""
    return seconds * rng.uniform(0.9, 1.1)
