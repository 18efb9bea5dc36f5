"""Entries of the queues joined to what a store writes at once."""

from collections.abc import Iterable, Sequence

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.columns import Rows, join
from gateway.inbox import Entry
from gateway.receipts import LogKey
from gateway.store.base import DeclaredGap, EdgeKey, Series, WriteBatch


class FirstValues:
    """Tells which entries hold the first value of a series since a birth of its node, live or late.

    An edge whose log was lost, damaged or replaced by an older copy does not know, or not in full, what it sent before,
    and its sources give the present value of every signal again, with the time it has had since its last change. No LSN
    tells that this value is stored already: the store must look. Looking after every birth costs next to nothing.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[EdgeKey, bool], tuple[int, set[int]]] = {}

    def mark(self, entries: Iterable[Entry]) -> None:
        """Tell each entry whether the store must look; an entry is asked about once."""
        for entry in entries:
            entry.compared = entry.log is None or self._is_first(entry)

    def _is_first(self, entry: Entry) -> bool:
        if entry.rows is None:
            return False
        births, known = self._known.get((entry.edge, entry.historical), (-1, set()))
        if births != entry.births:
            known = set()
            self._known[entry.edge, entry.historical] = entry.births, known
        fresh = entry.rows.distinct_series() - known
        known.update(fresh)
        return bool(fresh)


def assemble(entries: Iterable[Entry], series: Sequence[Series], now_ns: int) -> WriteBatch:
    """Make one batch of entries, in their order."""
    numbered: list[Rows] = []
    compared: list[Rows] = []
    receipts: dict[LogKey, IntervalSet] = {}
    gaps: list[DeclaredGap] = []
    for entry in entries:
        if entry.rows is not None:
            (compared if entry.compared else numbered).append(entry.rows)
        if entry.log is None:
            continue
        received = receipts.get(entry.log)
        if received is None:
            received = receipts[entry.log] = IntervalSet()
        received.update(entry.lsns)
        gaps.extend(DeclaredGap(entry.edge, entry.log[1], gap, now_ns) for gap in entry.gaps)
    return WriteBatch(series=series, samples=join(numbered), unnumbered=join(compared), receipts=receipts, gaps=gaps)
