"""Which log sequence numbers of which edge log are stored, and which wait in the gateway."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from threading import Lock

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.store.base import EdgeKey

LogKey = tuple[EdgeKey, int]
"""One log: its edge and epoch."""


class Admission(Enum):
    """What to do with a numbered message."""

    NEW = "new"
    WAITING = "waiting"  # queued here already: neither store twice nor acknowledge early
    STORED = "stored"  # acknowledge again, do not store


class LogBegin(Enum):
    """What a birth's epoch and first LSN mean, compared with what is stored."""

    CONTINUES = "continues"
    FIRST = "first"  # nothing is known of this edge: start at its first LSN
    NEW_EPOCH = "new_epoch"  # the edge began a new log: what the old one held is lost
    HOLE = "hole"  # LSNs that are not stored are no longer in the log


@dataclass(slots=True)
class _Log:
    stored: IntervalSet
    waiting: set[int]


class Receipts:
    """Stored and waiting LSNs by log. Safe to use from several threads."""

    def __init__(self, stored: Mapping[LogKey, IntervalSet]) -> None:
        self._lock = Lock()
        self._logs = {key: _Log(IntervalSet(intervals), set()) for key, intervals in stored.items()}

    def admit(self, log: LogKey, lsn: int) -> Admission:
        """Decide on a message; a NEW one counts as waiting from now on."""
        with self._lock:
            known = self._logs.get(log)
            if known is None:
                known = self._logs[log] = _Log(IntervalSet(), set())
            if lsn in known.waiting:
                return Admission.WAITING
            if lsn in known.stored:
                return Admission.STORED
            known.waiting.add(lsn)
            return Admission.NEW

    def release(self, log: LogKey, lsns: Iterable[int]) -> None:
        """Waiting messages were dropped; the edge will send them again."""
        with self._lock:
            self._logs[log].waiting.difference_update(lsns)

    def commit(self, receipts: Mapping[LogKey, IntervalSet]) -> None:
        """The store has these LSNs."""
        with self._lock:
            for key, intervals in receipts.items():
                log = self._logs.setdefault(key, _Log(IntervalSet(), set()))
                log.stored.update(intervals)
                for first, last in intervals:
                    log.waiting.difference_update(_members(first, last, log.waiting))

    def compare(self, log: LogKey, first_lsn: int) -> tuple[LogBegin, IntervalSet]:
        """Compare a birth with what is stored; returns the LSNs below first_lsn that will never come."""
        edge, _ = log
        with self._lock:
            known = self._logs.get(log)
            if known is None or not (known.stored or known.waiting):
                others = any(other.stored for (name, _), other in self._logs.items() if name == edge)
                return (LogBegin.NEW_EPOCH if others else LogBegin.FIRST), _below(first_lsn)
            missing = known.stored.missing(0, first_lsn - 1) if first_lsn > 0 else IntervalSet()
            holes = IntervalSet()
            for first, last in missing:
                for lsn in _uncovered(first, last, known.waiting):
                    holes.add(*lsn)
            return (LogBegin.HOLE if holes else LogBegin.CONTINUES), holes

    def highest(self, log: LogKey) -> int:
        """Return the highest LSN of a log that is stored or waits; 0 where there is none."""
        with self._lock:
            known = self._logs.get(log)
            if known is None:
                return 0
            return max((*known.waiting, *(last for _, last in known.stored)), default=0)

    def stored(self, log: LogKey) -> IntervalSet:
        """Return a copy of the stored LSNs of a log."""
        with self._lock:
            known = self._logs.get(log)
            return IntervalSet(known.stored) if known is not None else IntervalSet()

    def around(self, log: LogKey, lsns: IntervalSet) -> IntervalSet:
        """Return the stored intervals that contain these LSNs.

        Acknowledging whole intervals costs nothing more and heals acknowledgements that were lost on the way.
        """
        with self._lock:
            known = self._logs.get(log)
            if known is None:
                return IntervalSet()
            return IntervalSet(
                (first, last) for first, last in known.stored if any(a <= last and b >= first for a, b in lsns)
            )


def _below(first_lsn: int) -> IntervalSet:
    return IntervalSet([(0, first_lsn - 1)]) if first_lsn > 0 else IntervalSet()


def _members(first: int, last: int, waiting: set[int]) -> list[int]:
    if last - first < len(waiting):
        return [lsn for lsn in range(first, last + 1) if lsn in waiting]
    return [lsn for lsn in waiting if first <= lsn <= last]


def _uncovered(first: int, last: int, waiting: set[int]) -> IntervalSet:
    covered = IntervalSet((lsn, lsn) for lsn in waiting if first <= lsn <= last)
    return covered.missing(first, last)
