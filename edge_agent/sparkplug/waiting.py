"""Work on its way to the log: bounded in values, so that a log that cannot be written never fills the memory."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.overflow import Loss


@dataclass(frozen=True, slots=True)
class Declare:
    """Metrics that a source makes known, with their numbers."""

    source: str
    metrics: Sequence[tuple[int, Declaration]]


@dataclass(slots=True)
class Flush:
    """What came since the last one, by source; what the agent hands over once per publish interval.

    Attributes:
        until_ns: time of the hand-over.
        complete_ns: nothing that had reached this process by then is missing in this and earlier ones.
    """

    until_ns: int
    batches: list[tuple[str, list[ReportedValue]]]
    complete_ns: int


@dataclass(frozen=True, slots=True)
class DeclareGaps:
    """Gaps that a source knows of."""

    gaps: Sequence[Gap]


Item = Declare | Flush | DeclareGaps


class WaitingWork:
    """Queue from the sources to the log, used by two threads. What is given up is counted exactly.

    Beyond max_values the oldest values waiting give way, or, with `keep_oldest`, the newest.
    """

    def __init__(self, max_values: int, *, keep_oldest: bool) -> None:
        self.n_values = 0
        self.dropped = 0
        self._max_values = max_values
        self._keep_oldest = keep_oldest
        self._items: deque[Item] = deque()
        self._devices: dict[int, str] = {}
        self._losses: dict[str, Loss] = {}
        self._lock = threading.Lock()

    def put(self, item: Item) -> None:
        """Add work at the end."""
        with self._lock:
            if isinstance(item, Declare):
                self._devices.update((number, declaration.device_id) for number, declaration in item.metrics)
            elif isinstance(item, Flush):
                self.n_values += _count(item)
                last = self._items[-1] if self._items else None
                if not item.batches and isinstance(last, Flush):
                    last.until_ns, last.complete_ns = item.until_ns, item.complete_ns
                    return
            self._items.append(item)
            if self.n_values > self._max_values:
                self._give_way()

    def take(self) -> Item | None:
        """Take the oldest work, or None."""
        with self._lock:
            if not self._items:
                return None
            item = self._items.popleft()
            if isinstance(item, Flush):
                self.n_values -= _count(item)
            return item

    def put_back(self, item: Declare) -> None:
        """Put work back that could not be done."""
        with self._lock:
            self._items.appendleft(item)

    def take_losses(self) -> Sequence[Loss]:
        """Return what was given up since the last call."""
        with self._lock:
            losses = list(self._losses.values())
            self._losses.clear()
        return losses

    def _give_way(self) -> None:
        for item in reversed(self._items) if self._keep_oldest else iter(self._items):
            if isinstance(item, Flush) and item.batches:
                for _, values in item.batches:
                    self._lose(values)
                item.batches.clear()
                if self.n_values <= self._max_values:
                    return

    def _lose(self, values: Sequence[ReportedValue]) -> None:
        for number, time_ns, _, _ in values:
            self._lost(self._devices[number]).add(time_ns, time_ns, 1)
        self.n_values -= len(values)
        self.dropped += len(values)

    def _lost(self, device_id: str) -> Loss:
        return self._losses.setdefault(device_id, Loss(device_id, "memory_overflow"))


def _count(flush: Flush) -> int:
    return sum(len(values) for _, values in flush.batches)
