"""Lets a store misbehave as overloaded and dying servers do, and sees that its clients behave."""

import random
import time
from collections.abc import Sequence
from http import HTTPStatus

from tests.faults.kind import Scale, around
from tests.faults.plant import Plant
from tests.faults.throttling_proxy import Trouble
from tests.faults.waiting import wait_until


def throttle(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    """Let the server misbehave in every way in turn; live values must go on, and Retry-After must be obeyed."""
    proxy = plant.influx_proxy
    assert proxy is not None
    troubles = troubles_of(rng)
    for trouble in troubles:
        proxy.trouble = trouble
        until_s = time.monotonic() + around(rng, scale.outage_s / len(troubles))

        def met(trouble: Trouble = trouble) -> bool:
            return proxy.troubled(trouble) > 0

        wait_until(met, scale.patience_s, lambda: f"a write that meets {proxy.trouble}; {plant.state()}")
        plant.wait_flowing(scale.patience_s)  # the live view does not depend on the store
        time.sleep(max(0.0, until_s - time.monotonic()))
    proxy.trouble = None
    wait_until(
        lambda: any(write.trouble is None for write in proxy.writes[-1:]),
        scale.patience_s,
        lambda: f"a write after the trouble; {plant.state()}",
    )
    early = proxy.impatient(connections=2)
    assert not early, f"{len(early)} writes came before Retry-After was over, first {early[0]}"
    return False


def troubles_of(rng: random.Random) -> Sequence[Trouble]:
    """Return one trouble of each sort, in an order and with figures that the seed decides."""
    troubles = [
        Trouble("too many requests", HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=rng.randint(2, 5)),
        Trouble("unavailable", HTTPStatus.SERVICE_UNAVAILABLE),
        Trouble("unavailable for a time", HTTPStatus.SERVICE_UNAVAILABLE, retry_after_s=rng.randint(1, 3)),
        Trouble("slow", delay_s=rng.uniform(1.0, 3.0)),
        Trouble("answers lost", cut=True),
    ]
    rng.shuffle(troubles)
    return troubles
