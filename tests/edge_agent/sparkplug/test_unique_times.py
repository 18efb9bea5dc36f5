"""Unique times of a series, under any order of source times and any number of restarts."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.unique_times import DUPLICATE, EXHAUSTED, MAX_OFFSET, SeriesTimes, TimeState, digest

GOOD = Quality.GOOD
readings = st.tuples(st.integers(1, 3_000), st.integers(0, 2), st.booleans())
"""Source time, value, and whether the edge restarts first."""


@given(st.lists(readings, max_size=300))
def test_no_time_is_used_twice(values: list[tuple[int, int, bool]]) -> None:
    """Whatever the order, ties, repetitions and restarts, no two values of a series get the same time."""
    times = SeriesTimes()
    sent: list[int] = []
    for time_ns, value, restart in values:
        if restart:
            times = SeriesTimes(times.state())
        unique = times.accept(time_ns, value, GOOD)
        if unique >= 0:
            sent.append(unique)
            assert 0 <= unique - time_ns <= 2 * MAX_OFFSET
    assert len(sent) == len(set(sent))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3), st.sampled_from(["value", "mark", "mark late"]))))
def test_marks_and_values_never_share_a_time(steps: list[tuple[int, int, str]]) -> None:
    """State marks of the edge have times of their own, whether they follow the source's clock or the edge's."""
    times = SeriesTimes()
    sent: list[int] = []
    for step, value, kind in steps:
        if kind == "value":
            sent.append(times.accept(step * 100, value, GOOD))
        else:
            sent.append(times.mark(step * 130, keep_clock=kind == "mark late"))
    kept = [time for time in sent if time >= 0]
    assert len(kept) == len(set(kept))


@given(st.lists(st.integers(1, 10_000), min_size=1, unique=True))
def test_ascending_times_are_kept(steps: list[int]) -> None:
    """Times of the source that ascend are sent as they are."""
    times = SeriesTimes()
    ascending = [step * 100 for step in sorted(steps)]
    assert [times.accept(time, time, GOOD) for time in ascending] == ascending


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_order_of_values_of_one_time_is_kept(values: list[int]) -> None:
    """Different values of one source time get ascending times in their order."""
    times = SeriesTimes()
    sent = [times.accept(1_000, value, GOOD) for value in values]
    kept = [time for time in sent if time != DUPLICATE]
    assert kept == list(range(1_000, 1_000 + len(kept)))
    changes = 1 + sum(1 for one, other in pairwise(values) if one != other)
    assert len(kept) == changes


def test_repeated_value_is_a_duplicate_across_restart() -> None:
    """The identical time, value and quality is dropped, also right after a restart; a changed quality is not."""
    times = SeriesTimes()
    assert times.accept(500, 1.5, GOOD) == 500
    assert times.accept(500, 1.5, GOOD) == DUPLICATE
    times = SeriesTimes(times.state())
    assert times.accept(500, 1.5, GOOD) == DUPLICATE
    assert times.accept(500, 1.5, Quality.UNCERTAIN) == 501
    assert times.accept(500, 1, Quality.UNCERTAIN) == 502


def test_value_seen_again_after_a_stale_mark_is_a_duplicate() -> None:
    """A source that comes back and gives its last value again does not make a second sample of it."""
    times = SeriesTimes()
    assert times.accept(500, 1.5, GOOD) == 500
    assert times.mark(900, keep_clock=False) == 900
    assert times.accept(500, 1.5, GOOD) == DUPLICATE
    assert times.accept(800, 2.5, GOOD) == 801
    assert times.mark(700, keep_clock=False) > 900


def test_small_disorder_never_exhausts() -> None:
    """Values that come a little late, over and over, always find a free time."""
    times = SeriesTimes()
    for step in range(10, 5_000, 3):
        for time in (step, step + 2, step + 1):
            assert times.accept(time * 100, step, GOOD) >= 0


def test_going_back_too_often_is_said() -> None:
    """The hundredth history over the same times is refused, and the series goes on afterwards."""
    times = SeriesTimes()
    sent = [times.accept(time * 100, attempt, GOOD) for attempt in range(102) for time in (1, 2)]
    assert sent.count(EXHAUSTED) == 2 * (102 - 100)
    assert times.accept(300, 1, GOOD) == 300
    assert times.accept(0, 1, GOOD) == EXHAUSTED


def test_state_survives_as_plain_values() -> None:
    """What is remembered consists of integers and bytes, as a database takes them."""
    state = SeriesTimes().state()
    assert TimeState._make(list(state)) == state
    assert {type(field) for field in state} == {int, bytes}
    assert digest(0.0, GOOD) == digest(-0.0, GOOD)
    assert digest(1.0, GOOD) != digest(1, GOOD) != digest(value=True, quality=GOOD) != digest("1", GOOD)


@given(st.lists(readings, max_size=200), st.integers(0, 200))
def test_recovered_from_logged_values_no_time_is_used_twice(values: list[tuple[int, int, bool]], crash: int) -> None:
    """After a crash the logged values bring the memory back: no time is used twice, the last value is a duplicate."""
    times = SeriesTimes()
    state = times.state()
    logged: list[tuple[int, int]] = []
    sent: list[int] = []
    for index, (time_ns, value, remembered) in enumerate(values):
        if remembered:
            state, logged = times.state(), []
        if index == crash:
            times = SeriesTimes(state)
            for unique, old in logged:
                times.recover(unique, old, GOOD)
            if logged and values[index - 1][0] % 100 == 0 and logged[-1][0] == sent[-1] == values[index - 1][0]:
                assert times.accept(*values[index - 1][:2], GOOD) == DUPLICATE
        unique = times.accept(time_ns, value, GOOD)
        if unique >= 0:
            sent.append(unique)
            logged.append((unique, value))
    assert len(sent) == len(set(sent))
