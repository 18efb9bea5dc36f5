"""Losses the gateway finds by itself: LSNs that an edge no longer holds and that were never stored.

A birth names the first LSN its log still holds. Where that lies beyond what is stored, or the log is a new one, values
are lost, and nobody but the gateway can know. The gap ends where the log begins: at the oldest time in the message of
that first LSN (or at the birth, where that is earlier), so it is declared when that message arrives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from gateway.inbox import Entry
from gateway.receipts import LogBegin, LogKey, Receipts
from gateway.store.base import EdgeKey

_CAUSES: Mapping[LogBegin, str] = {LogBegin.NEW_EPOCH: "epoch_changed", LogBegin.HOLE: "log_lost"}


@dataclass(frozen=True, slots=True)
class OpenLoss:
    """A loss whose end is not known yet.

    Attributes:
        cause: one of edge_agent.sparkplug.delivery.CAUSES.
        from_ns: newest source time that was stored of this edge before.
        born_ns: when the birth was received.
        first_lsn: first LSN the log holds; its message tells the end.
        never: LSNs that will not come.
    """

    cause: str
    from_ns: int
    born_ns: int
    first_lsn: int
    never: IntervalSet


class Losses:
    """Open losses by log, and the newest stored time of each edge. Safe to use from several threads."""

    def __init__(self, receipts: Receipts, stored_until: Mapping[EdgeKey, int]) -> None:
        self._receipts = receipts
        self._lock = Lock()
        self._open: dict[LogKey, OpenLoss] = {}
        self._stored_until = dict(stored_until)

    def stored(self, edge: EdgeKey, newest_ns: int) -> None:
        """Rows up to this source time are stored."""
        with self._lock:
            self._stored_until[edge] = max(newest_ns, self._stored_until.get(edge, 0))

    def stored_until(self, edge: EdgeKey) -> int | None:
        """Return the newest stored source time of an edge."""
        with self._lock:
            return self._stored_until.get(edge)

    def begin(self, log: LogKey, first_lsn: int, born_ns: int) -> Entry | None:
        """Take a birth; returns an entry where LSNs must be counted as received at once."""
        begin, never = self._receipts.compare(log, first_lsn)
        with self._lock:
            earlier = self._open.get(log)
            if earlier is not None:
                self._open[log] = OpenLoss(earlier.cause, earlier.from_ns, earlier.born_ns, first_lsn, never)
                return None
            if begin in _CAUSES:
                from_ns = min(self._stored_until.get(log[0], born_ns), born_ns)
                self._open[log] = OpenLoss(_CAUSES[begin], from_ns, born_ns, first_lsn, never)
                return None
        return Entry(log[0], log=log, never=never) if begin is LogBegin.FIRST and never else None

    def resolve(self, entry: Entry) -> None:
        """Add the gap to the entry whose message tells where the loss ends."""
        if entry.log is None or not self._open:
            return
        with self._lock:
            loss = self._open.get(entry.log)
            if loss is None or entry.lsn != loss.first_lsn:
                return
            del self._open[entry.log]
        oldest_ns = min(entry.rows.time_ns) if entry.rows is not None else loss.born_ns
        to_ns = max(loss.from_ns, min(loss.born_ns, oldest_ns))
        entry.gaps = (*entry.gaps, Gap(None, None, loss.from_ns, to_ns, None, loss.cause))
        entry.never = loss.never
