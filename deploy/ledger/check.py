"""The equation of one series: every offered row is stored, suppressed by rule, quarantined or in a declared gap."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import Fault, Offered, SeriesAccount, Stored, Violation, Violations, same_value
from deploy.ledger.gaps import GapBook
from deploy.ledger.match import STEP_NS, TIE_BREAK_NS, Match, match
from deploy.ledger.rule import Rule
from deploy.ledger.vouched import find_vouched, offer_again

STALE = 500
"""Quality of a state mark: the source was lost at that time. It is no sample, nobody offered it."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a series besides its rows.

    Attributes:
        name: path of the series, for people.
        edge, device_id, metric: names by which gaps refer to it.
        rule: report rule.
        single: True where values travel as 32-bit floats.
        start_ns: rows offered earlier need not be stored; None means from the first stored row on.
        end_ns: rows offered from then on need not be stored; None means that every one must be.
    """

    name: str
    edge: str
    device_id: str
    metric: str
    rule: Rule
    single: bool = False
    start_ns: int | None = None
    end_ns: int | None = None


def check_series(
    case: Case,
    offered: Offered,
    stored: Stored,
    quarantined_ns: NDArray[np.int64],
    gaps: GapBook,
    violations: Violations,
) -> SeriesAccount:
    """Check one series and book its lost rows on `gaps`.

    Args:
        case: the series.
        offered: its rows in the order in which they were offered.
        stored: its rows ascending by time; several rows at one time are duplicates.
        quarantined_ns: times of its rows in quarantine.
        gaps: gaps of the run.
        violations: takes what is wrong.

    Returns:
        The account; it balances by construction, and is right where `missing` is 0 and nothing was added to violations.
    """
    account = SeriesAccount(case.name)
    offered, account.repeated = _ordered(offered)
    gaps.saw(case.edge, case.device_id, offered.time_ns)
    marks = stored.quality == STALE
    account.state_marks = int(np.count_nonzero(marks))
    stored = stored.take(~marks)
    again, partner = find_vouched(case.rule, offered, stored, single=case.single)
    account.vouched = len(again)
    offered = offer_again(offered, partner, stored.time_ns[again])
    pairs = match(offered, stored, single=case.single)
    _check_stored(case, offered, stored, pairs, violations)
    quarantined = _quarantined(offered.time_ns, quarantined_ns)
    for row in np.flatnonzero(quarantined & pairs.kept):
        _add(violations, Fault.STORED_AND_QUARANTINED, case, offered, int(row), "one of the two", "both")
    anchors = pairs.kept | quarantined
    needed = _needed(case, offered, stored, anchors)
    explained, in_gap = _explain(case, offered, anchors, needed, gaps)
    missing = needed & ~anchors & ~explained & ~in_gap
    account.outside = int(np.count_nonzero(~needed))
    account.offered = len(offered) - account.outside - account.vouched
    account.stored = int(np.count_nonzero(pairs.kept)) - account.vouched
    account.quarantined = int(np.count_nonzero(quarantined & ~pairs.kept))
    account.suppressed = int(np.count_nonzero(explained))
    account.gaps = int(np.count_nonzero(in_gap))
    account.missing = int(np.count_nonzero(missing))
    _report_rows(
        violations, Fault.MISSING, case, offered, np.flatnonzero(missing), "nothing stored, no rule or gap explains it"
    )
    return account


def _ordered(offered: Offered) -> tuple[Offered, int]:
    """Drop a row that only repeats the one before it, round times up to STEP_NS, and sort by time.

    Rows of one time keep the order in which they were offered.
    """
    later, earlier = np.arange(1, len(offered)), np.arange(len(offered) - 1)
    repeats = np.zeros(len(offered), np.bool_)
    repeats[1:] = (
        (offered.time_ns[later] == offered.time_ns[earlier])
        & (offered.quality[later] == offered.quality[earlier])
        & same_value(offered.values, later, offered.values, earlier)
    )
    kept = offered.take(~repeats)
    kept = Offered(-(-kept.time_ns // STEP_NS) * STEP_NS, kept.quality, kept.values)
    return kept.take(np.argsort(kept.time_ns, kind="stable")), int(np.count_nonzero(repeats))


def _check_stored(case: Case, offered: Offered, stored: Stored, pairs: Match, violations: Violations) -> None:
    for row in np.flatnonzero(pairs.duplicate):
        found = repr(stored.values.at(int(row)))
        violations.add(
            Violation(Fault.DUPLICATE, case.name, int(stored.time_ns[row]), "one row", f"another one: {found}")
        )
    for row in np.flatnonzero((pairs.partner < 0) & ~pairs.duplicate):
        found = repr(stored.values.at(int(row)))
        violations.add(Violation(Fault.NEVER_OFFERED, case.name, int(stored.time_ns[row]), "nothing", found))
    rows = np.flatnonzero(pairs.partner >= 0)
    partners = pairs.partner[rows]
    wrong_quality = offered.quality[partners] != stored.quality[rows]
    for index in np.flatnonzero(wrong_quality):
        expected, found = str(offered.quality[partners[index]]), str(stored.quality[rows[index]])
        violations.add(Violation(Fault.WRONG_QUALITY, case.name, int(stored.time_ns[rows[index]]), expected, found))
    equal = same_value(offered.values, partners, stored.values, rows, single=case.single)
    for index in np.flatnonzero(~equal & ~wrong_quality):
        expected = repr(offered.values.at(int(partners[index])))
        found = repr(stored.values.at(int(rows[index])))
        violations.add(Violation(Fault.WRONG_VALUE, case.name, int(stored.time_ns[rows[index]]), expected, found))


def _quarantined(time_ns: NDArray[np.int64], quarantined_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    result = np.zeros(len(time_ns), np.bool_)
    if len(time_ns):
        row = np.searchsorted(time_ns, quarantined_ns, side="right") - 1
        hit = (row >= 0) & (quarantined_ns - time_ns[row] <= TIE_BREAK_NS)
        result[row[hit]] = True
    return result


def _needed(case: Case, offered: Offered, stored: Stored, anchors: NDArray[np.bool_]) -> NDArray[np.bool_]:
    start = case.start_ns
    if start is None:
        start = int(stored.time_ns[0]) - TIE_BREAK_NS if len(stored) else None
    needed = np.ones(len(offered), np.bool_)
    if start is not None:
        needed &= offered.time_ns >= start
    if case.end_ns is not None:
        needed &= offered.time_ns < case.end_ns
    return needed | anchors


def _explain(
    case: Case, offered: Offered, anchors: NDArray[np.bool_], needed: NDArray[np.bool_], gaps: GapBook
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell apart the rows without a stored row: bool[n] explained by the rule, bool[n] in a gap."""
    numbers = gaps.of(case.edge, case.device_id, case.metric)
    if case.rule.max_interval_s:
        gaps.may_hold_vouched(numbers, round(case.rule.max_interval_s * 1e9))
    counted, uncounted = gaps.covers(numbers, offered.time_ns)
    absent = needed & ~anchors
    explained = np.zeros(len(offered), np.bool_)
    if not case.rule.reports_all:
        rows = np.flatnonzero(absent)
        by_line = case.rule.applies_to_line(offered, rows)
        explained[rows[by_line]] = _on_line(case.rule, offered, anchors, counted | uncounted, rows[by_line])
        explained[rows[~by_line]] = _by_last(case.rule, offered, anchors, counted, rows[~by_line])
    covered = absent & (counted | uncounted)
    lost = covered & ~explained
    # What the rule explains may have been lost as well where the rule holds values back; then the count has a margin.
    holds_back = bool(case.rule.swinging_door or case.rule.min_interval_s)
    doubtful = covered & explained & holds_back
    booked = np.flatnonzero(lost | doubtful)
    gaps.lose(numbers, offered.time_ns[booked], lost[booked])
    return explained, lost


def _previous(marks: NDArray[np.bool_], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the last marked row before each row; -1 where there is none."""
    latest = np.maximum.accumulate(np.where(marks, np.arange(len(marks)), -1))
    return latest[rows] if len(marks) else rows


def _next(marks: NDArray[np.bool_], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first marked row after each row; n where there is none."""
    n = len(marks)
    nearest = np.minimum.accumulate(np.where(marks, np.arange(n), n)[::-1])[::-1]
    return nearest[rows] if n else rows


def _by_last(
    rule: Rule, offered: Offered, anchors: NDArray[np.bool_], counted: NDArray[np.bool_], rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether the rule explains each row relative to the last reported one.

    A row that was reported and lost (in a counted gap, and the rule does not explain it) is what the edge compared the
    next ones with, so stretches with such rows are followed row by row.
    """
    last = _previous(anchors, rows)
    known = last >= 0
    explained = np.zeros(len(rows), np.bool_)
    explained[known] = rule.suppresses(offered, rows[known], last[known])
    reported = ~explained & counted[rows]
    for stretch in np.unique(last[reported]):
        members = np.flatnonzero(last == stretch)
        reference = int(stretch)
        for index in members:
            row = int(rows[index])
            if reference >= 0:
                explained[index] = rule.suppresses(offered, np.array([row]), np.array([reference]))[0]
            if not explained[index] and counted[row]:
                reference = row
    return explained


def _on_line(
    rule: Rule, offered: Offered, anchors: NDArray[np.bool_], covered: NDArray[np.bool_], rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether each row lies close enough to the line between its reported neighbours.

    Where a gap or the end of the journal comes before the next reported row, the last row before it stands in: the
    swinging door holds it back until the door closes.
    """
    left = _previous(anchors, rows)
    right = _next(anchors, rows)
    gap = _next(covered & ~anchors, rows)
    right = np.where((gap < right) & (gap > rows), gap - 1, right)
    right = np.minimum(right, len(offered) - 1)
    known = left >= 0
    explained = np.zeros(len(rows), np.bool_)
    explained[known] = rule.interpolates(offered, rows[known], left[known], right[known])
    return explained


def _report_rows(
    violations: Violations, fault: Fault, case: Case, offered: Offered, rows: NDArray[np.intp], found: str
) -> None:
    for row in rows[:_LISTED]:
        _add(violations, fault, case, offered, int(row), repr(offered.values.at(int(row))), found)
    violations.add_uncounted(fault, max(len(rows) - _LISTED, 0))


_LISTED = 100


def _add(
    violations: Violations, fault: Fault, case: Case, offered: Offered, row: int, expected: str, found: str
) -> None:
    violations.add(Violation(fault, case.name, int(offered.time_ns[row]), expected, found))
