"""Newest values in memory."""

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.columns import RowBuilder, Rows, join
from gateway.latest import LatestTable
from gateway.store.base import EdgeKey, SeriesKey, Value

EDGE = EdgeKey("showroom", "line-edge")


def table() -> LatestTable:
    catalogue = Catalogue()
    for device, metric in (("MIX-10", "flow"), ("MIX-10", "state"), ("CA-90", "pressure")):
        catalogue.learn(SeriesKey("showroom", "line-edge", device, metric), DataType.DOUBLE, {})
    catalogue.learn(SeriesKey("showroom", "meter-edge", "EM", "power"), DataType.DOUBLE, {})
    return LatestTable(catalogue)


def rows(*values: tuple[int, int, Value] | tuple[int, int, Value, int]) -> Rows:
    builder = RowBuilder()
    for series, time_ns, value, *quality in values:
        builder.add(series, time_ns, value, quality[0] if quality else 192, 1)
    return builder.rows()


def shown(latest: LatestTable) -> dict[int, tuple[int, Value, Quality]]:
    return {value.series.number: (value.time_ns, value.value, value.quality) for value in latest.snapshot()}


def test_the_newest_time_wins_whatever_the_order() -> None:
    """Late values never overwrite a newer one, neither within a step nor across steps; equal times: the last wins."""
    latest = table()
    latest.offer(rows((1, 50, 5.0), (1, 30, 3.0), (2, 10, "RUN")), 1)
    latest.offer(rows((1, 40, 4.0)), 2)
    assert shown(latest) == {1: (50, 5.0, Quality.GOOD), 2: (10, "RUN", Quality.GOOD)}
    latest.offer(rows((1, 20, 2.0), (2, 10, "STOP")), 3)
    assert shown(latest) == {1: (50, 5.0, Quality.GOOD), 2: (10, "STOP", Quality.GOOD)}


def test_a_stale_reading_keeps_the_last_known_value_in_view() -> None:
    """A source that went away leaves its last value with its own time, marked as stale."""
    latest = table()
    latest.offer(rows((1, 50, 5.0), (1, 90, None, 500)), 1)
    assert shown(latest)[1][2] is Quality.STALE
    latest = table()
    latest.offer(rows((1, 50, 5.0)), 1)
    latest.fold()
    latest.offer(rows((1, 90, None, 500)), 2)
    assert shown(latest)[1] == (50, 5.0, Quality.STALE)
    latest.offer(rows((1, 80, 8.0)), 3)
    assert shown(latest)[1] == (50, 5.0, Quality.STALE)


def test_death_makes_stale_and_birth_revives() -> None:
    """A device's death marks its series alone, an edge's death all of its; a birth or new data ends it."""
    latest = table()
    latest.offer(rows((1, 50, 5.0), (3, 50, 6.0), (4, 50, 7.0)), 1)
    latest.expire(EDGE, "MIX-10")
    assert {number: value[2].name for number, value in shown(latest).items()} == {1: "STALE", 3: "GOOD", 4: "GOOD"}
    latest.expire(EDGE, None)
    assert {number: value[2].name for number, value in shown(latest).items()} == {1: "STALE", 3: "STALE", 4: "GOOD"}
    latest.revive([1])
    latest.offer(rows((3, 60, 6.5)), 2)
    assert {number: value[2].name for number, value in shown(latest).items()} == {1: "GOOD", 3: "GOOD", 4: "GOOD"}


def test_a_source_that_is_away_at_birth_stays_stale() -> None:
    """A series without a value at birth keeps its last one, stale, and takes the next whatever its source time."""
    latest = table()
    latest.offer(rows((1, 50, 5.0)), 1)
    latest.mark_stale([1])
    assert shown(latest)[1] == (50, 5.0, Quality.STALE)
    latest.offer(rows((1, 51, 6.0)), 2)
    assert shown(latest)[1] == (51, 6.0, Quality.GOOD)


def test_stored_values_are_stale_until_their_edge_is_born() -> None:
    """After a restart nothing is known of the edges, so nothing looks alive."""
    latest = table()
    latest.prime(join([rows((1, 50, 5.0))]), 1)
    assert shown(latest) == {1: (50, 5.0, Quality.STALE)}


def test_a_consumer_gets_each_change_once() -> None:
    """Asking for changes since a version gives those after it, newest state only."""
    latest = table()
    version, changed = latest.since(0)
    assert list(changed) == []
    latest.offer(rows((1, 50, 5.0), (2, 50, 6.0)), 1)
    latest.offer(rows((1, 60, 5.5)), 1)
    version, changed = latest.since(version)
    assert sorted((value.series.number, value.value) for value in changed) == [(1, 5.5), (2, 6.0)]
    assert list(latest.since(version)[1]) == []
    latest.expire(EDGE, "MIX-10")
    assert len(latest.since(version)[1]) == 2


def test_a_time_far_in_the_future_does_not_freeze_the_newest_value() -> None:
    """One value of next year, also one that was stored before a restart, gives way to the values of today."""
    day_ns = 86_400_000_000_000
    now_ns = 20_000 * day_ns
    latest = table()
    latest.prime(join([rows((1, now_ns + 365 * day_ns, 9.0))]), now_ns)
    latest.offer(rows((1, now_ns, 1.0)), now_ns)
    assert shown(latest)[1] == (now_ns, 1.0, Quality.GOOD)
    latest.offer(rows((1, now_ns + 365 * day_ns, 9.0)), now_ns + 1)
    latest.fold()
    latest.offer(rows((1, now_ns + 2, 2.0)), now_ns + 2)
    assert shown(latest)[1] == (now_ns + 2, 2.0, Quality.GOOD)
    latest.offer(rows((1, now_ns + 1, 1.5)), now_ns + 3)
    assert shown(latest)[1] == (now_ns + 2, 2.0, Quality.GOOD)


def test_a_series_of_waveforms_has_no_newest_value() -> None:
    """Its blocks are kept elsewhere, so a mark of staleness would stay for ever."""
    latest = table()
    number = latest._catalogue.learn(
        SeriesKey("showroom", "meter-edge", "MIX-10", "waveform_g"), DataType.BYTES, {}
    ).number
    latest.offer(rows((number, 50, None, 500), (1, 50, 5.0)), 1)
    assert set(shown(latest)) == {1}
