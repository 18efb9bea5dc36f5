"""The books of a whole run: every journal against a store, series by series."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import (
    Fault,
    LedgerGap,
    Offered,
    Outage,
    SeriesAccount,
    Stored,
    Violation,
    Violations,
)
from deploy.ledger.check import Case, check_series
from deploy.ledger.gaps import GapBook
from deploy.ledger.journal import JournalParts
from deploy.ledger.rule import Rule
from deploy.ledger.stored import StoredSide, all_rows, declared_gaps
from edge_agent.sparkplug.metric import DataType
from gateway.store.base import Series

QuarantinedTimes = Mapping[str, NDArray[np.int64]]
"""Times of rows in quarantine, by path of the series."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of the books.

    Attributes:
        start_ns: rows offered earlier need not be stored; None: each series counts from its first stored row on.
        end_ns: rows offered from then on need not be stored: the line stopped before they could arrive.
        ignore: patterns (`*`, `?`) of journal nodes that no edge is meant to read.
        outages: injected outages, so that gaps are held against them; None where they are not known.
        tolerance_ns: what a gap may exceed its outage by: two publish intervals.
    """

    start_ns: int | None = None
    end_ns: int | None = None
    ignore: Sequence[str] = ()
    outages: Sequence[Outage] | None = None
    tolerance_ns: int = 200_000_000


@dataclass(slots=True)
class Ledger:
    """Result of a check; the books are right where `balanced`."""

    accounts: list[SeriesAccount] = field(default_factory=list)
    violations: Violations = field(default_factory=Violations)
    gaps: list[tuple[LedgerGap, int]] = field(default_factory=list)
    without_journal: list[str] = field(default_factory=list)
    ignored_rows: int = 0
    seconds: float = 0.0

    @property
    def balanced(self) -> bool:
        """Whether the equation holds everywhere."""
        return self.violations.total == 0

    def total(self, what: str) -> int:
        """Sum one field of the accounts."""
        return sum(getattr(account, what) for account in self.accounts)


def check(
    journals: Sequence[Path],
    store: StoredSide,
    quarantined: QuarantinedTimes,
    terms: Terms,
    scratch: Path | None = None,
) -> Ledger:
    """Check journals against a store.

    Args:
        journals: journal files of all sources, each in its own order.
        store: where the samples lie.
        quarantined: rows that are in quarantine instead.
        terms: start, exceptions, injected outages.
        scratch: folder for temporary parts of the journals (about 30 bytes a row); the system's where None.

    Raises:
        JournalError: a journal cannot be read.
        StoreUnavailableError: the store cannot be read.
    """
    begun = time.monotonic()
    ledger = Ledger()
    series_of: dict[str, list[Series]] = {}
    for series in store.series():
        series_of.setdefault(series.address, []).append(series)
    with tempfile.TemporaryDirectory(dir=scratch) as folder, JournalParts(Path(folder)) as parts:
        for path in journals:
            parts.add(path)
        _check_nodes(parts.series(), series_of, store, quarantined, terms, ledger)
    journalled = {account.series for account in ledger.accounts}
    paths = (str(series.key) for several in series_of.values() for series in several)
    ledger.without_journal = sorted(path for path in paths if path not in journalled)
    ledger.accounts.sort(key=lambda account: account.series)
    ledger.seconds = time.monotonic() - begun
    return ledger


def _check_nodes(
    nodes: Iterator[tuple[str, Offered]],
    series_of: Mapping[str, Sequence[Series]],
    store: StoredSide,
    quarantined: QuarantinedTimes,
    terms: Terms,
    ledger: Ledger,
) -> None:
    gaps = GapBook(declared_gaps(store), terms.outages, terms.tolerance_ns)
    for node, offered in nodes:
        if not series_of.get(node):
            if any(fnmatchcase(node, pattern) for pattern in terms.ignore):
                ledger.ignored_rows += len(offered)
            else:
                ledger.violations.add(_no_series(node, offered))
            continue
        for series in series_of[node]:
            stored = _in_reach(all_rows(store, series), offered)
            times = quarantined.get(str(series.key), np.empty(0, np.int64))
            account = check_series(_case(series, terms), offered, stored, times, gaps, ledger.violations)
            ledger.accounts.append(account)
    gaps.close(ledger.violations, terms.start_ns)
    ledger.gaps = [(gap, gaps.rows[number]) for number, gap in enumerate(gaps.gaps)]


def _in_reach(stored: Stored, offered: Offered) -> Stored:
    """Leave out what was stored before the journal began: it says nothing about that time."""
    return stored.take(stored.time_ns >= offered.time_ns.min()) if len(offered) else stored


def _no_series(node: str, offered: Offered) -> Violation:
    found = f"{len(offered)} rows of a node that no series names as its address"
    return Violation(Fault.NO_SERIES, node, int(offered.time_ns.min()), "a series, or --ignore for this node", found)


def _case(series: Series, terms: Terms) -> Case:
    key = series.key
    return Case(
        name=str(key),
        edge=f"{key.group_id}/{key.edge_node_id}",
        device_id=key.device_id,
        metric=key.metric,
        rule=Rule.parse(series.report),
        single=series.datatype == DataType.FLOAT,
        start_ns=terms.start_ns,
        end_ns=terms.end_ns,
    )
