"""Pure parts of the stores: plans, dirty hours, down-sampling, names, line protocol, bisecting."""

import string
import struct
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import SeriesKey
from gateway.store.checks import first_of_each, split_storable
from gateway.store.downsample import Partials, aggregate
from gateway.store.influx_names import escape_tag, line_prefix, quote_identifier, tag_value
from gateway.store.line_protocol import Lines, PointsRefusedError, encode, write_isolating
from gateway.store.rollup import HOUR_NS, RAW, DirtyHours, hours_of, plan_buckets, segments
from tests.contract.rows import T0_NS, floats, rows_of, samples_of

TIMES = st.integers(-(2**60), 2**61)


@given(start=TIMES, span=st.integers(1, 10**18), points=st.integers(1, 20_000))
def test_plans_cover_the_window_with_few_enough_buckets(start: int, span: int, points: int) -> None:
    """A plan covers the whole window, has at most the buckets asked for, and cuts rollups at whole minutes or hours."""
    plan = plan_buckets(start, start + span, points)
    assert plan.start_ns <= start
    assert plan.end_ns >= start + span
    assert 1 <= plan.size <= points
    if plan.tier is not RAW:
        assert plan.start_ns % plan.tier.width_ns == 0
        assert plan.width_ns % plan.tier.width_ns == 0
        assert plan.start_ns > start - plan.tier.width_ns
        assert plan.end_ns < start + span + plan.tier.width_ns


@pytest.mark.parametrize(("start", "end", "points"), [(5, 5, 10), (6, 5, 10), (0, 5, 0)])
def test_empty_windows_are_refused(start: int, end: int, points: int) -> None:
    """A window without extent, or no points at all, is an error that names the values."""
    with pytest.raises(ValueError, match="give"):
        plan_buckets(start, end, points)


@given(
    hours=st.sets(st.integers(-3, 60)), first=st.integers(0, 100), minutes=st.integers(1, 2000), limit=st.integers(1, 5)
)
def test_segments_cover_the_window_once_and_every_dirty_hour_raw(
    hours: set[int], first: int, minutes: int, limit: int
) -> None:
    """Pieces follow each other without overlap, and every dirty part of the window is read raw."""
    plan = plan_buckets(first * 60 * 10**9, (first + minutes) * 60 * 10**9, minutes)
    pieces = segments(plan, [hour * HOUR_NS for hour in hours], limit)
    assert pieces[0][0] == plan.start_ns
    assert pieces[-1][1] == plan.end_ns
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert sum(raw for _, _, raw in pieces) <= limit
    for hour in hours:
        start, end = max(hour * HOUR_NS, plan.start_ns), min((hour + 1) * HOUR_NS, plan.end_ns)
        if start < end:
            assert any(piece[0] <= start and end <= piece[1] and piece[2] for piece in pieces)


@given(rows=st.lists(st.tuples(st.integers(1, 4), st.integers(-5, 5)), max_size=40))
def test_every_sample_marks_its_hour(rows: list[tuple[int, int]]) -> None:
    """Each (series, hour) that a sample falls in is marked, and no other."""
    samples = samples_of([(series, hour * HOUR_NS + 7, 1.0, Quality.GOOD, Origin.REAL) for series, hour in rows])
    marked = {(series, hour) for hour, numbers in hours_of(samples).items() for series in numbers}
    assert marked == {(series, hour * HOUR_NS) for series, hour in rows}


def test_dirty_hours_wait_until_they_are_closed_and_quiet() -> None:
    """The open hour and an hour that still fills are not due; marks are stored once; cleaning takes them away."""
    dirty = DirtyHours([(1, 0)])
    now = 10 * HOUR_NS
    assert list(dirty.due(now)) == [(0, [1])]
    hours = {HOUR_NS: [1, 2], 9 * HOUR_NS + HOUR_NS // 2 * 2: [1]}
    assert dirty.unmarked(hours) == [(1, HOUR_NS), (2, HOUR_NS), (1, 10 * HOUR_NS)]
    dirty.mark(hours)
    assert dirty.unmarked(hours) == []
    assert list(dirty.due(now)) == [(0, [1])]
    assert list(dirty.due(now + 10**9, forced_before_ns=2 * HOUR_NS)) == [(0, [1]), (HOUR_NS, [1, 2])]
    assert list(dirty.due(now + 6 * 10**9)) == [(0, [1]), (HOUR_NS, [1, 2])]
    dirty.clean(HOUR_NS, [1])
    assert list(dirty.due(now + 6 * 10**9)) == [(0, [1]), (HOUR_NS, [2])]
    assert dirty.any_before(1)
    dirty.clean(0, [1])
    assert not dirty.any_before(HOUR_NS)
    assert len(dirty) == 2


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=60),
    cut=st.integers(1, 59),
    points=st.integers(1, 9),
)
def test_parts_merge_to_the_same_buckets(values: list[float | None], cut: int, points: int) -> None:
    """Down-sampling in two steps, from any cut of the rows, equals down-sampling once."""
    rows = samples_of(
        [
            (1, T0_NS + 10**9 * k, value, Quality.BAD if value is None else Quality.GOOD, Origin.REAL)
            for k, value in enumerate(values)
        ]
    )
    plan = plan_buckets(T0_NS, T0_NS + 10**9 * len(values), points)
    once = aggregate(rows, plan)
    parts = [rows.take(np.arange(min(cut, len(rows)))), rows.take(np.arange(min(cut, len(rows)), len(rows)))]
    twice = Partials.concatenate([Partials.of(part).widened(plan.start_ns, 1) for part in parts]).to_buckets(plan)
    for name in ("start_ns", "minimum", "maximum", "count", "bad"):
        np.testing.assert_array_equal(getattr(once, name), getattr(twice, name))
    np.testing.assert_allclose(once.mean, twice.mean, rtol=1e-9, atol=1e-9)


NAMES = st.text(alphabet=[*string.printable, "ä", "%", "\\", "\x00", "\x7f"], max_size=12)


@given(first=NAMES, second=NAMES)
def test_tag_values_differ_for_different_names(first: str, second: str) -> None:
    """Two names have the same tag value only where they are the same name."""
    assert (tag_value(first) == tag_value(second)) == (first == second)


@given(name=NAMES)
def test_tags_stand_on_one_line_and_end_where_they_should(name: str) -> None:
    """A written tag has no line break and no separator that is not escaped."""
    written = escape_tag(tag_value(name))
    assert not any(ord(character) < 32 for character in written)
    assert not written.endswith("\\")
    bare = written.replace("\\,", "").replace("\\=", "").replace("\\ ", "")
    assert not set(bare) & {",", "=", " ", "\\"}


@given(name=NAMES)
def test_identifiers_cannot_leave_their_quotes(name: str) -> None:
    """The only quotes in a quoted identifier that are not escaped are the first and the last."""
    quoted = quote_identifier(name)
    assert (quoted[0], quoted[-1]) == ('"', '"')
    inside = quoted[1:-1].replace("\\\\", "")
    assert '"' not in inside.replace('\\"', "")
    assert "\n" not in quoted


def lines_of(lines: Lines) -> list[str]:
    return lines.body(0, len(lines)).decode().splitlines()


def test_lines_are_as_documented() -> None:
    """A line has measurement, sorted tags without empty ones, the field of its kind, quality where not GOOD, time."""
    key = SeriesKey("showroom", "line edge", "", "level_%")

    def prefix(series: int, origin: int) -> str:
        return line_prefix("signal", key, Origin(origin))

    rows = samples_of(
        [
            (1, T0_NS, 1.5, Quality.GOOD, Origin.REAL),
            (1, T0_NS + 1, 7, Quality.UNCERTAIN, Origin.SIMULATED),
            (1, T0_NS + 2, True, Quality.GOOD, Origin.REPLAYED),
            (1, T0_NS + 3, 'a "b" \\', Quality.GOOD, Origin.REAL),
            (1, T0_NS + 4, None, Quality.STALE, Origin.REAL),
        ]
    )
    begin = "signal,edge=line\\ edge,origin={},signal=level_%,site=showroom "
    assert lines_of(encode(rows, prefix)) == [
        f"{begin.format('real')}f=1.5 {T0_NS}",
        f"{begin.format('simulated')}i=7i,q=64i {T0_NS + 1}",
        f"{begin.format('replayed')}b=t {T0_NS + 2}",
        f'{begin.format("real")}s="a \\"b\\" \\\\" {T0_NS + 3}',
        f"{begin.format('real')}q=500i {T0_NS + 4}",
    ]
    assert lines_of(encode(rows.take(np.array([0])), prefix)) == [f"{begin.format('real')}f=1.5 {T0_NS}"]
    assert lines_of(encode(rows.take(np.array([], np.intp)), prefix)) == []


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_are_written_exactly(numbers: list[float]) -> None:
    """Every finite number reads back as itself from its line."""
    rows = samples_of([(1, T0_NS, number, Quality.GOOD, Origin.REAL) for number in numbers])
    written = [line.removeprefix("m f=").split(" ")[0] for line in lines_of(encode(rows, lambda *_: "m "))]
    assert [struct.pack("<d", float(text)) for text in written] == [struct.pack("<d", number) for number in numbers]


@given(count=st.integers(1, 60), bad=st.sets(st.integers(0, 59)), honest=st.booleans())
def test_bisecting_finds_exactly_the_bad_points(count: int, bad: set[int], honest: bool) -> None:
    """Whatever a server says of a partial write, every good point is in an accepted request, no bad one is."""
    accepted: set[str] = set()

    def send(body: bytes) -> None:
        lines = body.decode().splitlines()
        wrong = [line for line in lines if int(line) in bad]
        if wrong:
            raise PointsRefusedError(f"partial write: bad dropped={len(wrong) if honest else 0}")
        accepted.update(lines)

    refused = write_isolating(Lines(pa.array([f"{number}\n" for number in range(count)])), 0, count, send)
    assert {index for index, _ in refused} == {number for number in bad if number < count}
    assert len(refused) == len({index for index, _ in refused})
    assert accepted == {str(number) for number in range(count)} - {str(number) for number in bad}


@given(rows=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=20))
def test_first_of_each_keeps_the_first(rows: list[tuple[int, int]]) -> None:
    """Of rows with one series and time the first stays, the order of the others does not change."""
    samples = samples_of([(series, time, float(k), Quality.GOOD, Origin.REAL) for k, (series, time) in enumerate(rows)])
    first: dict[tuple[int, int], float] = {}
    for k, pair in enumerate(rows):
        first.setdefault(pair, float(k))
    assert [(row[0], row[1], row[2]) for row in rows_of(first_of_each(samples))] == [
        (series, time, value) for (series, time), value in first.items()
    ]


def test_rows_that_are_no_numbers_are_split_off() -> None:
    """NaN, infinities and texts without text are told apart from what can be stored."""
    samples = floats(1, [1, 2, 3], [1.0, float("nan"), float("-inf")])
    good, rejected = split_storable(samples)
    assert good.number.tolist() == [1.0]
    assert [(part.samples.time_ns.tolist(), part.reason) for part in rejected] == [
        ([2, 3], "the value is not a finite number")
    ]
