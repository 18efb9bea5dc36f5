"""What every store must do; runs over each of them."""

from dataclasses import replace

import numpy as np
import pytest

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Buckets, DeclaredGap, Samples, Series, SeriesKey, Store, WriteBatch
from gateway.store.downsample import aggregate
from gateway.store.rollup import HOUR_NS, MINUTE_NS, plan_buckets
from tests.contract.conftest import OpenedStores
from tests.contract.rows import EDGE, EPOCH, T0_NS, Row, batch_of, floats, rows_of, samples_of, series_numbered

FOREVER = (T0_NS - 400 * 24 * HOUR_NS, T0_NS + 400 * 24 * HOUR_NS)


def test_new_store_is_empty(stores: OpenedStores) -> None:
    """A new store knows no series, no receipts, no rows and no gaps."""
    store = stores.open()
    known = store.load()
    assert (list(known.series), dict(known.receipts), len(known.latest)) == ([], {}, 0)
    assert list(store.series()) == []
    assert list(store.gaps(*FOREVER)) == []


def test_catalogue_survives_reopen_and_changes(stores: OpenedStores) -> None:
    """A series comes back with every property, and a changed one replaces its former self."""
    full = Series(
        number=7,
        key=SeriesKey("site, with = odd", "edge 1", "", 'a "quoted" \\ name'),
        datatype=DataType.UINT16,
        unit="m³/min",
        low=-1.5,
        high=2e9,
        description="Füllstand\nzweite Zeile",
        origin=Origin.REPLAYED,
        address="nsu=urn:x;s=MIX-10.flow",
        report="report",
    )
    store = stores.open()
    store.load()
    store.write(WriteBatch(series=[full, series_numbered(8)]), stores.rejected.append)
    changed = Series(number=8, key=series_numbered(8).key, datatype=DataType.STRING)
    store.write(WriteBatch(series=[changed]), stores.rejected.append)
    assert list(store.series()) == [full, changed]
    assert list(stores.open().load().series) == [full, changed]


ROUND_TRIP: tuple[tuple[DataType, tuple[Row, ...]], ...] = (
    (
        DataType.DOUBLE,
        tuple(
            (1, T0_NS + k, value, quality, Origin(k % 3))
            for k, (value, quality) in enumerate(
                [
                    *((value, Quality.GOOD) for value in (0.0, -0.0, 1.5, -1e308, 5e-324, 0.1 + 0.2, 1e15, 3.0)),
                    *((value, Quality.UNCERTAIN) for value in (2.25, 1e-300)),
                    (None, Quality.BAD),
                    (None, Quality.STALE),
                ]
            )
        ),
    ),
    (
        DataType.INT64,
        tuple(
            (1, T0_NS + k, value, Quality.GOOD, Origin.REAL)
            for k, value in enumerate((0, -1, 2**53 + 1, 2**63 - 1, -(2**63)))
        ),
    ),
    (DataType.BOOLEAN, tuple((1, T0_NS + k, k % 2 == 0, Quality.GOOD, Origin.SIMULATED) for k in range(4))),
    (
        DataType.STRING,
        tuple(
            (1, T0_NS + k, text, Quality.GOOD, Origin.REPLAYED)
            for k, text in enumerate(
                (
                    'plain "quoted"',
                    "",
                    "back\\slash\\",
                    "two\nlines\r\n",
                    "ភាសាខ្មែر ñ 😀",
                    "a,b c=d",
                    "\t",
                    "a\x00b",
                    "\\n",
                    '\\"',
                    "5",
                )
            )
        ),
    ),
)


@pytest.mark.parametrize(("datatype", "rows"), ROUND_TRIP, ids=[datatype.name for datatype, _ in ROUND_TRIP])
def test_rows_come_back_equal(stores: OpenedStores, datatype: DataType, rows: tuple[Row, ...]) -> None:
    """Every kind of value comes back bit for bit with its time, quality and origin, ascending by time."""
    store = stores.open()
    store.load()
    shuffled = [rows[k] for k in np.random.default_rng(3).permutation(len(rows))]
    store.write(batch_of(samples_of(shuffled), 1, series=[series_numbered(1, datatype)]), stores.rejected.append)
    read = rows_of(store.raw(1, *FOREVER, 1000))
    assert read == list(rows)
    assert [str(row[2]) for row in read] == [str(row[2]) for row in rows]  # -0.0 and True are not 0.0 and 1
    assert stores.rejected == []


def test_a_series_may_change_its_type(stores: OpenedStores) -> None:
    """Values of several kinds live in one series side by side."""
    values: tuple[Row, ...] = (
        (1, T0_NS, 1.5, Quality.GOOD, Origin.REAL),
        (1, T0_NS + 1, 7, Quality.GOOD, Origin.REAL),
        (1, T0_NS + 2, True, Quality.GOOD, Origin.REAL),
        (1, T0_NS + 3, "seven", Quality.GOOD, Origin.REAL),
        (1, T0_NS + 4, None, Quality.STALE, Origin.REAL),
    )
    store = stores.open()
    store.load()
    store.write(batch_of(samples_of(values), 1, series=[series_numbered(1)]), stores.rejected.append)
    assert rows_of(store.raw(1, *FOREVER, 10)) == list(values)
    assert store.count(1, *FOREVER) == 5


def test_odd_names_keep_series_apart(stores: OpenedStores) -> None:
    """Names with blanks, separators, quotes, backslashes and line breaks stay different series."""
    store = stores.open()
    store.load()
    names = ["a b", "a,b", "a=b", 'a"b', "a'b", "a\\", "a\\ ", "a\nb", "a%0Ab", "a%", "ä", "$metric", "a\tb", "a%5C"]
    series = [series_numbered(number, metric=name) for number, name in enumerate(names, start=1)]
    edge_metric = SeriesKey(EDGE.group_id, EDGE.edge_node_id, "", "a b")
    series.append(Series(len(names) + 1, edge_metric, DataType.DOUBLE))
    rows = [floats(one.number, [T0_NS], [one.number]) for one in series]
    store.write(batch_of(Samples.concatenate(rows), 1, series=series), stores.rejected.append)
    assert [store.raw(one.number, *FOREVER, 10).number.tolist() for one in series] == [[one.number] for one in series]
    newest = stores.open().load().latest
    assert sorted(newest.number.tolist()) == [one.number for one in series]


def test_windows_are_half_open_and_limited(stores: OpenedStores) -> None:
    """A window holds its begin and not its end, only its own series, and at most `limit` rows from the front."""
    store = stores.open()
    store.load()
    times = [T0_NS + k for k in range(10)]
    both = Samples.concatenate([floats(1, times, range(10)), floats(2, times, range(10))])
    store.write(batch_of(both, 1, series=[series_numbered(1), series_numbered(2)]), stores.rejected.append)
    assert store.raw(1, T0_NS + 2, T0_NS + 5, 100).time_ns.tolist() == times[2:5]
    assert store.raw(1, T0_NS + 2, T0_NS + 9, 3).time_ns.tolist() == times[2:5]
    assert store.count(1, T0_NS + 2, T0_NS + 5) == 3
    assert store.count(1, T0_NS + 10, T0_NS + 20) == 0
    assert len(store.raw(3, *FOREVER, 10)) == 0


def test_rows_of_several_series_come_by_series_and_time(stores: OpenedStores) -> None:
    """Rows of the series that are named, half open, by series then time; a limit cuts the end off."""
    store = stores.open()
    store.load()
    numbers = (3, 1, 2)
    written = Samples.concatenate([floats(one, [T0_NS + 2, T0_NS, T0_NS + 1], [one, 0.5, -one]) for one in numbers])
    series = [series_numbered(one) for one in sorted(numbers)]
    store.write(batch_of(written, 1, series=series), stores.rejected.append)
    rows = rows_of(store.several([3, 99, 1], T0_NS, T0_NS + 2, 10))
    assert [row[:3] for row in rows] == [(1, T0_NS, 0.5), (1, T0_NS + 1, -1), (3, T0_NS, 0.5), (3, T0_NS + 1, -3)]
    assert rows_of(store.several([3, 1], T0_NS, T0_NS + 2, 3)) == rows[:3]
    assert len(store.several([3, 1], *FOREVER, 100)) == 6
    assert len(store.several([], *FOREVER, 100)) == len(store.several([1], T0_NS, T0_NS, 100)) == 0


def test_receipts_and_newest_rows_survive_reopen(stores: OpenedStores) -> None:
    """After a reopen the store knows every received LSN and the newest row of each series, whatever came last."""
    store = stores.open()
    store.load()
    series = [series_numbered(1), series_numbered(2), series_numbered(3)]
    store.write(batch_of(floats(1, [T0_NS + 5], [5]), 1, 3, series), stores.rejected.append)
    store.write(batch_of(floats(1, [T0_NS - 40 * 24 * HOUR_NS], [4]), 7, 9), stores.rejected.append)
    store.write(batch_of(floats(2, [T0_NS - 50 * 24 * HOUR_NS], [1]), 4), stores.rejected.append)
    known = stores.open().load()
    assert dict(known.receipts) == {(EDGE, EPOCH): IntervalSet([(1, 4), (7, 9)])}
    assert sorted((row[0], row[2]) for row in rows_of(known.latest)) == [(1, 5.0), (2, 1.0)]


def test_unnumbered_rows_are_stored_once(stores: OpenedStores) -> None:
    """A row of a foreign node whose series and time are stored is left out, also within one batch."""
    store = stores.open()
    store.load()
    store.write(batch_of(floats(1, [T0_NS], [1]), 1, series=[series_numbered(1)]), stores.rejected.append)
    times = [T0_NS, T0_NS + 1, T0_NS + 1, T0_NS + 2]
    for _ in range(2):
        store.write(WriteBatch(unnumbered=floats(1, times, [1, 2, 2, 3])), stores.rejected.append)
    assert [row[1:3] for row in rows_of(store.raw(1, *FOREVER, 10))] == [(T0_NS + k, k + 1.0) for k in range(3)]


def test_gaps_come_back_by_overlap(stores: OpenedStores) -> None:
    """Declared gaps come back whole where their closed interval overlaps the half-open window, after a reopen too."""
    store = stores.open()
    store.load()
    gaps = [
        DeclaredGap(EDGE, EPOCH, Gap("MIX-10", "flow", T0_NS, T0_NS + 10, 3, "log_overflow"), T0_NS + 99),
        DeclaredGap(EDGE, 0, Gap(None, None, T0_NS + 20, T0_NS + 20, None, "edge_down"), T0_NS + 99),
    ]
    store.write(WriteBatch(gaps=gaps), stores.rejected.append)
    for reopened in (False, True):
        store = stores.open() if reopened else store
        assert list(store.gaps(*FOREVER)) == gaps
        assert list(store.gaps(T0_NS + 10, T0_NS + 20)) == gaps[:1]
        assert list(store.gaps(T0_NS + 20, T0_NS + 21)) == gaps[1:]
        assert list(store.gaps(T0_NS + 11, T0_NS + 20)) == []


def test_a_number_that_is_none_is_rejected(stores: OpenedStores) -> None:
    """NaN and infinity are handed to quarantine with their rows; the rest of the batch and its receipts are stored."""
    store = stores.open()
    store.load()
    rows = floats(1, [T0_NS + k for k in range(4)], [1.0, float("nan"), float("inf"), 2.0])
    store.write(batch_of(rows, 1, series=[series_numbered(1)]), stores.rejected.append)
    assert store.raw(1, *FOREVER, 10).number.tolist() == [1.0, 2.0]
    assert [part.samples.time_ns.tolist() for part in stores.rejected] == [[T0_NS + 1, T0_NS + 2]]
    assert dict(store.load().receipts) == {(EDGE, EPOCH): IntervalSet([(1, 1)])}


def test_absurd_numbers_do_no_harm(stores: OpenedStores) -> None:
    """Times that leave no room for arithmetic are rejected, gaps beyond 64 bits are cut, and upkeep goes on."""
    store = stores.open()
    store.load()
    times = [-(2**63), 2**63 - 1, T0_NS]
    gap = DeclaredGap(EDGE, 2**64 - 1, Gap("MIX-10", "flow", -(10**30), 10**30, 10**30, "edge_down"), T0_NS)
    batch = batch_of(floats(1, times, [1, 2, 3]), 2**63 - 1, series=[series_numbered(1)])
    store.write(replace(batch, gaps=[gap]), stores.rejected.append)
    assert [part.samples.time_ns.tolist() for part in stores.rejected] == [times[:2]]
    maintained(store, T0_NS)
    assert store.raw(1, *FOREVER, 10).time_ns.tolist() == [T0_NS]
    assert len(store.gaps(*FOREVER)) == 1
    assert dict(store.load().receipts) == {(EDGE, EPOCH): IntervalSet([(2**63 - 1, 2**63 - 1)])}


def mixed(seed: int, count: int, span_ns: int) -> Samples:
    """Rows of series 1 (floats), 2 (integers), 3 (booleans), every quality, at odd times over a span."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for series in (1, 2, 3):
        for time_ns in np.unique(random.integers(T0_NS, T0_NS + span_ns, count)).tolist():
            quality = Quality(int(random.choice([192, 192, 192, 192, 64, 0, 500])))
            value = (float(random.normal(20, 5)), int(random.integers(-1000, 1000)), bool(random.integers(2)))
            rows.append(
                (series, time_ns, value[series - 1] if quality >= 64 and quality < 500 else None, quality, Origin.REAL)
            )
    return samples_of([rows[k] for k in random.permutation(len(rows))])


TYPES = (DataType.DOUBLE, DataType.INT32, DataType.BOOLEAN)
MIXED_SERIES = [series_numbered(number, datatype) for number, datatype in enumerate(TYPES, start=1)]


@pytest.mark.parametrize(
    ("span_ns", "max_points", "tier"),
    [(7_000_000_007, 100, "raw"), (50 * MINUTE_NS, 40, "1min"), (3 * HOUR_NS + 5, 7, "1min"), (30 * HOUR_NS, 12, "1h")],
)
def test_buckets_equal_the_reference(stores: OpenedStores, span_ns: int, max_points: int, tier: str) -> None:
    """Buckets of every tier equal a NumPy reference over the stored rows, before and after upkeep, late rows too."""
    store = stores.open()
    store.load()
    samples = mixed(span_ns % 97, 400, span_ns)
    late = samples_of([(1, T0_NS + span_ns // 2 + 1, 1000.0, Quality.GOOD, Origin.REAL)])
    store.write(batch_of(samples, 1, series=MIXED_SERIES), stores.rejected.append)
    assert_reference(store, samples, span_ns, max_points, tier)
    maintained(store, T0_NS + span_ns)
    assert_reference(store, samples, span_ns, max_points, tier)
    store.write(batch_of(late, 2), stores.rejected.append)
    everything = Samples.concatenate([samples, late])
    assert_reference(store, everything, span_ns, max_points, tier)
    maintained(store, T0_NS + span_ns + HOUR_NS)
    assert_reference(store, everything, span_ns, max_points, tier)
    assert_reference(stores.open(), everything, span_ns, max_points, tier)


def test_buckets_of_text_count_rows(stores: OpenedStores) -> None:
    """Buckets of texts count good and bad rows and have no numbers."""
    store = stores.open()
    store.load()
    rows: list[Row] = [(1, T0_NS + k, "x", Quality.GOOD, Origin.REAL) for k in range(3)]
    rows.append((1, T0_NS + 3, None, Quality.BAD, Origin.REAL))
    store.write(batch_of(samples_of(rows), 1, series=[series_numbered(1, DataType.STRING)]), stores.rejected.append)
    for plan_of in (10, HOUR_NS):
        buckets = store.buckets(1, T0_NS, T0_NS + plan_of, 1)
        assert (buckets.count.tolist(), buckets.bad.tolist()) == ([3], [1])
        assert np.isnan(buckets.minimum).all()
        assert np.isnan(buckets.mean).all()


def test_empty_windows_have_no_buckets(stores: OpenedStores) -> None:
    """A window or a series without rows gives no bucket."""
    store = stores.open()
    store.load()
    store.write(batch_of(floats(1, [T0_NS], [1]), 1, series=[series_numbered(1)]), stores.rejected.append)
    for span_ns in (1000, 100 * MINUTE_NS, 100 * HOUR_NS):
        assert len(store.buckets(1, T0_NS + HOUR_NS, T0_NS + HOUR_NS + span_ns, 50).start_ns) == 0
        assert len(store.buckets(2, T0_NS, T0_NS + span_ns, 50).start_ns) == 0


def maintained(store: Store, newest_ns: int) -> None:
    """Call upkeep often enough to close every hour up to the newest row."""
    for step in range(40):
        store.maintain(newest_ns + 2 * HOUR_NS + step * 10_000_000_000)


def assert_reference(store: Store, samples: Samples, span_ns: int, max_points: int, tier: str) -> None:
    for number in (1, 2, 3):
        start_ns, end_ns = T0_NS, T0_NS + span_ns
        plan = plan_buckets(start_ns, end_ns, max_points)
        inside = (samples.series == number) & (samples.time_ns >= plan.start_ns) & (samples.time_ns < plan.end_ns)
        expected = aggregate(samples.take(inside), plan)
        actual = store.buckets(number, start_ns, end_ns, max_points)
        assert actual.tier == tier
        assert len(actual.start_ns) <= max_points
        assert_same(actual, expected)


def assert_same(actual: Buckets, expected: Buckets) -> None:
    assert actual.width_ns == expected.width_ns
    for name in ("start_ns", "count", "bad"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name), err_msg=name)
    for name in ("minimum", "maximum"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12, atol=1e-12)
