"""Reads the store's side of the books: rows of a series page by page, declared gaps."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from deploy.ledger.account import NULL, NUMBER, TEXT, TRUTH, LedgerGap, Stored, Values
from gateway.store.base import DeclaredGap, Kind, Samples, Series

PAGE_ROWS = 200_000
END_OF_TIME_NS = (1 << 63) - 1
_EXACT_IN_INT = 1 << 53
_KINDS = {
    Kind.NULL: NULL,
    Kind.FLOAT: NUMBER,
    Kind.INTEGER: NUMBER,
    Kind.BOOLEAN: TRUTH,
    Kind.TEXT: TEXT,
}
_KIND_OF = np.array([_KINDS[kind] for kind in sorted(Kind)], np.uint8)


class StoredSide(Protocol):
    """The part of gateway.store.base.SampleReader that the ledger needs."""

    def series(self) -> Sequence[Series]:
        """Return the catalogue."""

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return at most `limit` rows of one series with start_ns <= time < end_ns, ascending by time."""

    def gaps(self, start_ns: int, end_ns: int) -> Sequence[DeclaredGap]:
        """Return the declared gaps that overlap [start_ns, end_ns)."""


def declared_gaps(store: StoredSide) -> list[LedgerGap]:
    """Return every declared gap of the store."""
    return [
        LedgerGap(
            str(declared.edge), declared.gap.device_id, declared.gap.metric, declared.gap.from_ns, declared.gap.to_ns,
            declared.gap.count, declared.gap.cause,
        )
        for declared in store.gaps(0, END_OF_TIME_NS)
    ]  # fmt: skip


def all_rows(store: StoredSide, series: Series, page_rows: int = PAGE_ROWS) -> Stored:
    """Read every row of a series.

    The next page begins at the last time of the page before, so that a duplicate on the border of two pages is seen.
    """
    parts: list[Samples] = []
    start_ns = 0
    while True:
        page = store.raw(series.number, start_ns, END_OF_TIME_NS, page_rows)
        if len(page) < page_rows:
            parts.append(page)
            break
        last_ns = int(page.time_ns[-1])
        if last_ns == start_ns:  # a whole page at one time: duplicates beyond measure; keep what there is and go on
            parts.append(page)
            start_ns = last_ns + 1
        else:
            parts.append(page.take(page.time_ns < last_ns))
            start_ns = last_ns
    return as_stored(Samples.concatenate(parts))


def as_stored(samples: Samples) -> Stored:
    """Return the columns that the ledger compares."""
    kind = _KIND_OF[samples.kind]
    large = (samples.kind == Kind.INTEGER) & (np.abs(samples.integer) >= _EXACT_IN_INT)
    exact = None
    if samples.text is not None or bool(large.any()):
        exact = np.array([*(samples.value(row) for row in range(len(samples))), None], dtype=object)[:-1]
    number = np.where((kind == NUMBER) | (kind == TRUTH), samples.number, np.nan)
    return Stored(samples.time_ns, samples.quality, Values(kind, number, exact))
