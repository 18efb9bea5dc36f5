"""Losses the gateway finds by itself: LSNs that an edge no longer holds and that were never stored.

A birth names the first LSN its log still holds. Where that lies beyond what is stored, or the log is a new one, values
are lost that nobody but the gateway can declare. The gap ends where the log begins: at the oldest time in its first
message that has values. And it may be declared already: an edge that dropped rows by its overflow policy says so in a
gap record of its own, which lies further back in the same log. So a loss stays open until everything that the log held
at the birth is stored; then it is declared, unless the edge did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from edge_agent.sparkplug.delivery import Gap
from gateway.inbox import Entry
from gateway.receipts import LogBegin, LogKey, Receipts
from gateway.state.open_losses import OpenLoss, OpenLosses
from gateway.store.base import DeclaredGap, EdgeKey

PATIENCE_NS = 600_000_000_000
"""A loss is declared at the latest after this time: the edge may be away, or drop rows again."""
_CAUSES: Mapping[LogBegin, str] = {LogBegin.NEW_EPOCH: "epoch_changed", LogBegin.HOLE: "log_lost", LogBegin.FIRST: ""}
_DECLARED_BY_EDGE = frozenset({"log_overflow", "log_thinned", "log_damaged"})


class Losses:
    """Open losses by log, and the newest stored time of each edge. Safe to use from several threads."""

    def __init__(self, receipts: Receipts, stored_until: Mapping[EdgeKey, int], kept: OpenLosses) -> None:
        self._receipts = receipts
        self._kept = kept
        self._lock = Lock()
        self._open: dict[LogKey, OpenLoss] = dict(kept.all())
        self._stored_until = dict(stored_until)

    def stored(self, edge: EdgeKey, newest_ns: int) -> None:
        """Rows up to this source time are stored."""
        with self._lock:
            self._stored_until[edge] = max(newest_ns, self._stored_until.get(edge, 0))

    def begin(self, log: LogKey, first_lsn: int, born_ns: int) -> None:
        """Take a birth. Raises sqlite3.Error where a loss cannot be kept; the birth must not count then."""
        begin, never = self._receipts.compare(log, first_lsn)
        with self._lock:
            loss = self._open.get(log)
            if loss is not None:
                loss = replace(loss, first_lsn=first_lsn, never=never, begins_ns=None, begins_lsn=None, live_lsn=None)
            elif begin in _CAUSES and never:
                from_ns = min(self._stored_until.get(log[0], born_ns), born_ns)
                loss = OpenLoss(_CAUSES[begin], from_ns, born_ns, first_lsn, never)
            else:
                return
            self._kept.put(log, loss)
            self._open[log] = loss

    def wants(self, log: LogKey, lsn: int, *, historical: bool) -> bool:
        """Whether `note` must see this message by itself, because its time or number decides on an open loss."""
        loss = self._open.get(log)
        return loss is not None and (_begins_earlier(loss, lsn) or (loss.live_lsn is None and not historical))

    def note(self, entry: Entry) -> None:
        """Learn from queued messages where the log begins and what is live."""
        log = entry.log
        if not self._open or log is None or not entry.lsns:
            return
        ((lsn, _), *_) = entry.lsns
        with self._lock:
            loss = self._open.get(log)
            if loss is None:
                return
            if entry.rows is not None and _begins_earlier(loss, lsn):
                loss = replace(loss, begins_ns=entry.rows.oldest_ns, begins_lsn=lsn)
            if loss.live_lsn is None and not entry.historical:
                loss = replace(loss, live_lsn=lsn)
            self._open[log] = loss

    def ripe(self, now_ns: int) -> Sequence[tuple[LogKey, OpenLoss]]:
        """Return the losses that can be decided: all that the log held at its birth is stored."""
        if not self._open:
            return ()
        with self._lock:
            return [(log, loss) for log, loss in self._open.items() if self._is_ripe(log, loss, now_ns)]

    def _is_ripe(self, log: LogKey, loss: OpenLoss, now_ns: int) -> bool:
        if now_ns - loss.born_ns > PATIENCE_NS or not loss.cause:
            return True
        return loss.live_lsn is not None and not self._receipts.stored(log).missing(loss.first_lsn, loss.live_lsn)

    def settled(self, log: LogKey) -> None:
        """The loss is stored as a gap, or needed none. Raises sqlite3.Error; it is then decided again."""
        with self._lock:
            self._kept.remove(log)
            self._open.pop(log, None)


def _begins_earlier(loss: OpenLoss, lsn: int) -> bool:
    return loss.begins_lsn is None or lsn < loss.begins_lsn


def declare(log: LogKey, loss: OpenLoss, declared: Iterable[DeclaredGap], now_ns: int) -> Sequence[DeclaredGap]:
    """Return the gap of a ripe loss, or nothing where the edge itself declared it (`declared`: gaps since from_ns)."""
    edge, epoch = log
    if not loss.cause:
        return ()
    if loss.cause == "log_lost" and any(
        gap.edge == edge and gap.epoch == epoch and gap.gap.cause in _DECLARED_BY_EDGE for gap in declared
    ):
        return ()
    begins_ns = loss.born_ns if loss.begins_ns is None else loss.begins_ns
    to_ns = max(loss.from_ns, min(loss.born_ns, begins_ns))
    return (DeclaredGap(edge, epoch, Gap(None, None, loss.from_ns, to_ns, None, loss.cause), now_ns),)
