"""A clock of its own for one process: steps of the wall clock as a time server or a hand makes them (libfaketime).

Only the time of day is set; the monotonic clock goes on as it does on a real machine. A time namespace of Linux would
not do: it shifts the monotonic and the boot clock alone.
"""

import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.ledger.account import Outage
from tests.faults.kind import Scale, around
from tests.faults.plant import Plant
from tests.faults.waiting import wait_until

HOUR_S = 3_600


def library() -> Path | None:
    """Return libfaketime; None where it is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found else None


class SettableClock:
    """The clock of processes that are started with its environment."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    def set(self, offset_s: int) -> None:
        """Set it so many seconds off the right time; processes that run see it within a second."""
        written = self._file.with_suffix(".new")
        written.write_text(f"{offset_s:+d}\n", encoding="ascii")
        written.replace(self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process must be started with."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a change is seen
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def give_clock(plant: Plant) -> None:
    """Give the edge a clock of its own, which is right at first."""
    plant.edge.environment = SettableClock(plant.folder).environment


def jump(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    """Step the edge's clock an hour ahead and back, and an hour behind and back; values must go on flowing."""
    clock = SettableClock(plant.folder)
    for offset_s in rng.sample([HOUR_S, -HOUR_S], 2):
        clock.set(offset_s)
        _wait_flagged(plant, offset_s, scale)
        plant.wait_flowing(scale.patience_s)
        time.sleep(around(rng, scale.outage_s / 4))
        clock.set(0)
        plant.wait_flowing(scale.patience_s)
        time.sleep(around(rng, scale.outage_s / 4))
    return False


def start_wrong(plant: Plant, rng: random.Random, scale: Scale) -> Sequence[Outage]:
    """Kill the edge, start it with a clock that is an hour off (no battery, no network), then let a step correct it."""
    clock = SettableClock(plant.folder)
    killed_ns = time.time_ns()
    plant.edge.kill()
    offset_s = rng.choice([HOUR_S, -HOUR_S])
    clock.set(offset_s)
    time.sleep(rng.uniform(0.3, min(5.0, scale.outage_s)))
    plant.edge.start(wait=False)
    plant.wait_flowing(scale.patience_s)
    outage = Outage(killed_ns, time.time_ns())
    _wait_flagged(plant, offset_s, scale)
    time.sleep(around(rng, scale.outage_s / 2))
    clock.set(0)
    return [outage]


def _wait_flagged(plant: Plant, offset_s: int, scale: Scale) -> None:
    """Wait until the gateway says how far the edge's clock is off."""

    def flagged() -> bool:
        skew_s = plant.api.edge().get("clock_skew_s")
        error = str(plant.api.hop("edge").get("error"))
        return skew_s is not None and abs(skew_s - offset_s) < HOUR_S / 10 and "its clock is" in error

    wait_until(flagged, scale.patience_s, lambda: f"the wrong clock to be flagged; {plant.state()}")
