"""The ledger finds exactly what is wrong with the books, and nothing where they are right."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.ledger.account import Fault, LedgerGap, Outage, Violations
from deploy.ledger.gaps import GapBook
from deploy.ledger.rule import Rule
from tests.deploy.ledger_books import SECOND_NS, T0, Books, Row, gap, reported

MS = 1_000_000
unhurried = settings(deadline=None, max_examples=60)

values = st.one_of(
    st.floats(-100, 100).map(lambda value: round(value, 1)),
    st.none(),
)
rules = st.sampled_from(
    [
        Rule(),
        Rule(absolute=2.0),
        Rule(relative=0.1),
        Rule(max_interval_s=3.0),
        Rule(absolute=5.0, max_interval_s=4.0),
        Rule(absolute=1.0, min_interval_s=1.0),
    ]
)


@st.composite
def rows(draw: st.DrawFn, minimum: int = 4) -> list[Row]:
    """Rows of one series at ascending, distinct times."""
    steps = draw(st.lists(st.integers(1, 20), min_size=minimum, max_size=40))
    result: list[Row] = []
    time_ns = T0
    for step in steps:
        time_ns += step * 100 * MS
        value = draw(values)
        quality = 0 if value is None else draw(st.sampled_from([192, 192, 192, 64]))
        result.append((time_ns, quality, value))
    return result


@st.composite
def right_books(draw: st.DrawFn) -> Books:
    """Journal and the store that correct reporting makes of it."""
    offered, rule = draw(rows()), draw(rules)
    ties = draw(st.lists(st.integers(0, 99), min_size=len(offered), max_size=len(offered)))
    kept = [(row[0] + tie, *row[1:]) for row, tie in zip(reported(offered, rule), ties, strict=False)]
    return Books(tuple(offered), tuple(kept), rule)


@unhurried
@given(right_books())
def test_right_books_balance(books: Books) -> None:
    """A store that holds what the rule reports has no violation, and every row is accounted for once."""
    account, violations = books.check()
    assert not violations.first
    assert account.missing == 0
    assert account.offered == account.stored + account.suppressed + account.quarantined + account.gaps
    assert account.stored == len(books.stored)


@unhurried
@given(right_books(), st.data())
def test_a_dropped_row_is_found(books: Books, data: st.DataObject) -> None:
    """A stored row taken away is missing, unless the rule explains its absence as well."""
    victim = data.draw(st.integers(0, len(books.stored) - 1))
    books = replace(books, rule=Rule(), stored=books.offered)
    victim = data.draw(st.integers(0, len(books.stored) - 1))
    account, violations = books.with_stored(books.stored[:victim] + books.stored[victim + 1 :]).check()
    assert violations.counts == {Fault.MISSING: 1}
    assert violations.first[0].time_ns == books.offered[victim][0]
    assert account.missing == 1


@unhurried
@given(right_books(), st.data())
def test_a_duplicated_row_is_found(books: Books, data: st.DataObject) -> None:
    """A row stored twice at its time is one duplicate."""
    twin = data.draw(st.sampled_from(books.stored))
    _, violations = books.with_stored([*books.stored, twin]).check()
    assert violations.counts == {Fault.DUPLICATE: 1}
    assert violations.first[0].time_ns == twin[0]


@unhurried
@given(right_books(), st.data())
def test_a_repeated_row_with_another_tie_break_is_found(books: Books, data: st.DataObject) -> None:
    """A row stored again some nanoseconds later, as a second delivery would, is a duplicate too."""
    twin = data.draw(st.sampled_from(books.stored))
    again = (twin[0] - twin[0] % 100 + (twin[0] + 1) % 100, *twin[1:])
    _, violations = books.with_stored([*books.stored, again]).check()
    assert violations.counts == {Fault.DUPLICATE: 1}


@unhurried
@given(right_books(), st.data())
def test_a_changed_value_is_found(books: Books, data: st.DataObject) -> None:
    """A stored number that differs from the offered one is a wrong value at that time, whatever the rule."""
    numbers = [index for index, row in enumerate(books.stored) if row[2] is not None]
    if not numbers:
        return
    victim = data.draw(st.sampled_from(numbers))
    time_ns, quality, value = books.stored[victim]
    assert isinstance(value, float)
    changed = [*books.stored]
    changed[victim] = (time_ns, quality, value + 0.5)
    _, violations = books.with_stored(changed).check()
    assert violations.counts[Fault.WRONG_VALUE] == 1
    assert [v.time_ns for v in violations.first if v.fault is Fault.WRONG_VALUE] == [time_ns]


@unhurried
@given(right_books(), st.data())
def test_a_changed_quality_is_found(books: Books, data: st.DataObject) -> None:
    """A stored quality that differs from the offered one is found."""
    victim = data.draw(st.integers(0, len(books.stored) - 1))
    time_ns, quality, value = books.stored[victim]
    changed = [*books.stored]
    changed[victim] = (time_ns, 64 if quality != 64 else 192, value)
    _, violations = books.with_stored(changed).check()
    assert violations.counts[Fault.WRONG_QUALITY] == 1


@unhurried
@given(rows(), st.data())
def test_a_shifted_row_is_found(offered: list[Row], data: st.DataObject) -> None:
    """A row stored at another time was never offered, and the offered one is missing."""
    victim = data.draw(st.integers(0, len(offered) - 1))
    stored = [*offered]
    stored[victim] = (offered[victim][0] + 7 * MS, *offered[victim][1:])
    _, violations = Books(tuple(offered), tuple(stored)).check()
    assert violations.counts == {Fault.MISSING: 1, Fault.NEVER_OFFERED: 1}


@unhurried
@given(rows(minimum=8), st.integers(0, 3), st.integers(1, 4))
def test_a_counted_gap_must_count_exactly(offered: list[Row], begin: int, number: int) -> None:
    """A gap whose count is the number of rows lost in it balances; one more or one less does not."""
    lost = offered[begin : begin + number]
    stored = tuple(row for row in offered if row not in lost)
    declared = gap(lost[0][0], lost[-1][0], len(lost))
    account, violations = Books(tuple(offered), stored, gaps=(declared,)).check()
    assert not violations.first
    assert account.gaps == number
    for wrong in (number - 1, number + 1):
        _, violations = Books(tuple(offered), stored, gaps=(replace(declared, count=wrong),)).check()
        assert violations.counts == {Fault.GAP_COUNT: 1}


@unhurried
@given(rows(minimum=8), st.integers(0, 3))
def test_a_gap_explains_only_what_it_names(offered: list[Row], begin: int) -> None:
    """A gap of another signal, device, edge or time leaves the row missing."""
    lost = offered[begin]
    stored = tuple(row for row in offered if row is not lost)
    right = gap(lost[0], lost[0], None, "source_down")
    assert not Books(tuple(offered), stored, gaps=(right,)).check()[1].first
    others = [
        replace(right, metric="y"),
        replace(right, device_id="M-2"),
        replace(right, edge="site/other"),
        replace(right, from_ns=lost[0] + 100, to_ns=lost[0] + 200),
        replace(right, cause="the dog ate it"),
    ]
    for other in others:
        _, violations = Books(tuple(offered), stored, gaps=(other,)).check()
        assert violations.counts[Fault.MISSING] == 1


def test_gaps_of_a_device_are_counted_over_its_series() -> None:
    """A gap that names a device counts the lost rows of all its series together."""
    book = GapBook([LedgerGap("site/edge", "M-1", None, T0, T0 + 10, 3, "log_overflow")])
    for metric, lost in (("x", 2), ("y", 1)):
        numbers = book.of("site/edge", "M-1", metric)
        book.lose(numbers, np.arange(T0, T0 + lost), np.ones(lost, np.bool_))
    violations = Violations()
    book.close(violations, None)
    assert not violations.first
    assert book.rows == [3]


def test_overlapping_gaps_are_counted_as_one_sum() -> None:
    """Two counted gaps over the same rows are right when their sum is the number of rows lost in either."""
    offered = tuple((T0 + second * SECOND_NS, 192, float(second)) for second in range(10))
    stored = (*offered[:2], *offered[7:])
    gaps = (gap(offered[2][0], offered[5][0], 3), gap(offered[3][0], offered[6][0], 2, "log_thinned"))
    assert not Books(offered, stored, gaps=gaps).check()[1].first
    _, violations = Books(offered, stored, gaps=(gaps[0], replace(gaps[1], count=3))).check()
    assert violations.counts == {Fault.GAP_COUNT: 1}


@pytest.mark.parametrize(
    ("from_s", "to_s", "wrong"),
    [(10, 20, False), (9.9, 20.1, False), (9.7, 20, True), (10, 20.3, True), (9.85, 20.15, True), (15, 15, False),
     (30, 30, True), (9, 9, True)],
)  # fmt: skip
def test_a_gap_may_exceed_its_outage_by_the_tolerance_only(from_s: float, to_s: float, wrong: bool) -> None:
    """What a gap covers outside of the injected outages is at most two publish intervals, here 200 ms."""
    declared = gap(T0 + int(from_s * SECOND_NS), T0 + int(to_s * SECOND_NS), None, "edge_down")
    violations = Violations()
    outages = [Outage(T0 + 10 * SECOND_NS, T0 + 15 * SECOND_NS), Outage(T0 + 15 * SECOND_NS, T0 + 20 * SECOND_NS)]
    GapBook([declared], outages, 200 * MS).close(violations, None)
    assert violations.counts == ({Fault.GAP_WIDTH: 1} if wrong else {})


def test_a_gap_may_reach_to_the_neighbouring_values_but_lose_none_outside() -> None:
    """A silent device's gap may begin at its last value before the outage; a row lost outside of it is a violation."""
    offered = tuple((T0 + second * SECOND_NS, 192, float(second)) for second in range(10))
    outages = (Outage(offered[3][0] + 900 * MS, offered[6][0] + 100 * MS),)
    stored = (*offered[:4], *offered[7:])
    tight = gap(offered[3][0] + 1, offered[7][0] - 1, None, "source_down")
    assert not Books(offered, stored, gaps=(tight,), outages=outages).check()[1].first
    wide = replace(tight, from_ns=offered[3][0] - 300 * MS)
    assert Books(offered, stored, gaps=(wide,), outages=outages).check()[1].counts == {Fault.GAP_WIDTH: 1}
    lost = replace(tight, from_ns=offered[2][0] + 1)
    early = (Outage(offered[4][0] - 100 * MS, offered[6][0] + 100 * MS),)
    books = Books(offered, (*offered[:3], *offered[7:]), gaps=(lost,), outages=early)
    assert books.check()[1].counts == {Fault.GAP_WIDTH: 1}


def test_a_value_at_the_maximum_interval_must_be_stored() -> None:
    """An unchanged value may be missing before max_interval and must be there at it."""
    offered = tuple((T0 + second * SECOND_NS, 192, 1.0) for second in range(7))
    rule = Rule(max_interval_s=3.0)
    assert not Books(offered, (offered[0], offered[3], offered[6]), rule).check()[1].first
    _, violations = Books(offered, (offered[0], offered[4]), rule).check()
    assert violations.counts == {Fault.MISSING: 1}
    assert violations.first[0].time_ns == offered[3][0]


def test_an_unchanged_value_may_be_stored_again_at_the_maximum_interval() -> None:
    """What its source vouched for is stored again, is what the next is compared with, and must be what was offered."""
    offered = tuple(
        (T0 + second * SECOND_NS, 192, value) for second, value in ((0, 5.0), (1, 5.5), (9, 5.2), (11, 9.0))
    )
    rule = Rule(absolute=1.0, max_interval_s=3.0)
    again = ((T0 + 4 * SECOND_NS, 192, 5.5), (T0 + 7 * SECOND_NS, 192, 5.5))
    account, violations = Books(offered, (offered[0], *again, offered[3]), rule).check()
    assert not violations.first
    assert (account.offered, account.stored, account.suppressed, account.vouched) == (4, 2, 2, 2)
    for wrong in ((T0 + 4 * SECOND_NS, 192, 5.0), (T0 + 2 * SECOND_NS, 192, 5.5), (T0 + 4 * SECOND_NS, 64, 5.5)):
        _, violations = Books(offered, (offered[0], wrong), replace(rule, min_interval_s=2.9)).check()
        assert violations.counts[Fault.NEVER_OFFERED] == 1
    _, violations = Books(offered, (offered[0], again[0]), Rule(absolute=1.0)).check()
    assert violations.counts[Fault.NEVER_OFFERED] == 1


def test_swinging_door_bounds_the_error_of_the_line() -> None:
    """A missing value must lie within the bound of the line between the stored ones around it."""
    line = [(T0 + second * SECOND_NS, 192, 2.0 * second + (0.4 if second == 3 else 0.0)) for second in range(8)]
    rule = Rule(swinging_door=0.5)
    assert not Books(tuple(line), (line[0], line[7]), rule).check()[1].first
    line[4] = (line[4][0], 192, 9.0)
    _, violations = Books(tuple(line), (line[0], line[7]), rule).check()
    assert [violation.time_ns for violation in violations.first] == [line[4][0]]


def test_values_lost_in_a_gap_are_what_later_ones_are_compared_with() -> None:
    """After a reported value was dropped from the log, the edge compares with it, and so does the count."""
    readings = [0.0, 5.0, 5.5, 0.5, 0.4, 6.0]
    offered = tuple((T0 + second * SECOND_NS, 192, value) for second, value in enumerate(readings))
    rule = Rule(absolute=1.0)
    stored = (offered[0], offered[5])
    declared = gap(offered[1][0], offered[4][0], 2)  # 5.0 and 0.5 were reported and dropped
    account, violations = Books(offered, stored, rule, (declared,)).check()
    assert not violations.first
    assert (account.gaps, account.suppressed) == (2, 2)


def test_values_at_one_time_are_told_apart() -> None:
    """Two changes within one nanosecond tick are two rows; the edge sets them apart, in order."""
    offered = ((T0, 192, 1.0), (T0, 192, 2.0), (T0, 192, 2.0), (T0 + SECOND_NS, 192, 3.0))
    stored = ((T0, 192, 1.0), (T0 + 1, 192, 2.0), (T0 + SECOND_NS, 192, 3.0))
    account, violations = Books(offered, stored).check()
    assert not violations.first
    assert (account.offered, account.repeated) == (3, 1)
    _, violations = Books(offered, ((T0, 192, 2.0), stored[2])).check()
    assert violations.counts == {Fault.MISSING: 1}
    assert violations.first[0].expected == "1.0"


def test_late_and_fine_times_are_matched() -> None:
    """A time finer than 100 ns is stored at the next step; a value offered again after another one is a second row."""
    offered: tuple[Row, ...] = ((T0 + 1, 192, 1.0), (T0 + SECOND_NS, 192, 2.0), (T0 + 1, 192, 1.0))
    stored: tuple[Row, ...] = ((T0 + 100, 192, 1.0), (T0 + 101, 192, 1.0), (T0 + SECOND_NS, 192, 2.0))
    account, violations = Books(offered, stored).check()
    assert not violations.first
    assert account.stored == 3


def test_a_null_is_stored_for_what_is_no_number() -> None:
    """Bad values, NaN and infinity are stored as null; a number in their place is wrong."""
    offered = ((T0, 0, None), (T0 + SECOND_NS, 0, None))
    assert not Books(offered, offered).check()[1].first
    _, violations = Books(offered, (offered[0], (T0 + SECOND_NS, 0, 7.0))).check()
    assert violations.counts == {Fault.WRONG_VALUE: 1}


def test_state_marks_are_no_samples() -> None:
    """Stale marks of a lost source stand outside of the equation."""
    offered = ((T0, 192, 1.0), (T0 + SECOND_NS, 192, 2.0))
    account, violations = Books(offered, (*offered, (T0 + 5, 500, None))).check()
    assert not violations.first
    assert account.state_marks == 1


def test_a_row_is_in_the_store_or_in_quarantine() -> None:
    """A quarantined row explains its absence from the store; in both it is a violation."""
    offered = tuple((T0 + second * SECOND_NS, 192, float(second)) for second in range(3))
    books = Books(offered, (offered[0], offered[2]), quarantined=(offered[1][0],))
    account, violations = books.check()
    assert not violations.first
    assert account.quarantined == 1
    assert books.with_stored(offered).check()[1].counts == {Fault.STORED_AND_QUARANTINED: 1}


def test_large_integers_and_text_are_compared_exactly() -> None:
    """Integers beyond 2^53 and text differ where float64 could not tell."""
    offered: tuple[Row, ...] = ((T0, 192, (1 << 60) + 1), (T0 + SECOND_NS, 192, "a"))
    assert not Books(offered, offered).check()[1].first
    _, violations = Books(offered, ((T0, 192, 1 << 60), (T0 + SECOND_NS, 192, "b"))).check()
    assert violations.counts == {Fault.WRONG_VALUE: 2}


def test_the_start_is_the_first_stored_row_unless_it_is_given() -> None:
    """Rows before the first stored one are set apart where no start is given, and missing where it is."""
    offered = tuple((T0 + second * SECOND_NS, 192, float(second)) for second in range(4))
    account, violations = Books(offered, offered[2:], start_ns=None).check()
    assert not violations.first
    assert account.outside == 2
    assert Books(offered, offered[2:], start_ns=T0).check()[1].counts == {Fault.MISSING: 2}
    assert Books(offered, (), start_ns=None).check()[1].counts == {Fault.MISSING: 4}
