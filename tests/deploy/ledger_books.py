"""Builds a journal's rows and the store that a correct delivery path would make of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from deploy.ledger.account import LedgerGap, Offered, Outage, SeriesAccount, Stored, Values, Violations
from deploy.ledger.check import Case, check_series
from deploy.ledger.gaps import GapBook
from deploy.ledger.rule import Rule

SECOND_NS = 1_000_000_000
T0 = 1_790_000_000 * SECOND_NS

Value = float | int | bool | str | None
Row = tuple[int, int, Value]
"""Time in ns, quality, value."""


@dataclass(frozen=True, slots=True)
class Books:
    """Offered and stored rows of one series with everything else the check is given."""

    offered: tuple[Row, ...]
    stored: tuple[Row, ...]
    rule: Rule = field(default_factory=Rule)
    gaps: tuple[LedgerGap, ...] = ()
    quarantined: tuple[int, ...] = ()
    start_ns: int | None = T0
    outages: tuple[Outage, ...] | None = None
    tolerance_ns: int = 200_000_000

    def with_stored(self, rows: Sequence[Row]) -> "Books":
        """Return the same books with other stored rows."""
        return replace(self, stored=tuple(rows))

    def check(self) -> tuple[SeriesAccount, Violations]:
        """Check the one series."""
        violations = Violations()
        gaps = GapBook(self.gaps, self.outages, self.tolerance_ns)
        case = Case("site/edge/M-1/x", "site/edge", "M-1", "x", self.rule, start_ns=self.start_ns)
        stored = sorted(self.stored, key=lambda row: row[0])
        account = check_series(
            case,
            Offered(*columns(self.offered)),
            Stored(*columns(stored)),
            np.array(self.quarantined, np.int64),
            gaps,
            violations,
        )
        gaps.close(violations, self.start_ns)
        return account, violations


def columns(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, Values]:
    """Return times, qualities and values as columns."""
    times = np.array([row[0] for row in rows], np.int64)
    return times, np.array([row[1] for row in rows], np.int16), Values.of([row[2] for row in rows])


def gap(
    from_ns: int, to_ns: int, count: int | None, cause: str = "log_overflow", metric: str | None = "x"
) -> LedgerGap:
    """Return a gap of the one series."""
    return LedgerGap("site/edge", "M-1", metric, from_ns, to_ns, count, cause)


def reported(rows: Sequence[Row], rule: Rule) -> list[Row]:
    """Apply deadbands and intervals in the plainest way there is, row by row, against the last reported one."""
    result: list[Row] = []
    for row in rows:
        if not result or _worth(row, result[-1], rule):
            result.append(row)
    return result


def _worth(row: Row, last: Row, rule: Rule) -> bool:
    if rule.reports_all or row[1] != last[1] or type(row[2]) is not type(last[2]):
        return True
    age_s = (row[0] - last[0]) / SECOND_NS
    if rule.max_interval_s and age_s >= rule.max_interval_s:
        return True
    if age_s < rule.min_interval_s:
        return False
    value, reference = row[2], last[2]
    if isinstance(value, float) and isinstance(reference, float):
        return abs(value - reference) > max(rule.absolute, rule.relative * abs(reference))
    return value != reference
