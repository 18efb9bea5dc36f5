"""From notifications to readings, stale marks and outages, without any server."""

import pytest

from edge_agent.sources.base import Reading, Tag
from edge_agent.sources.mqtt.presence import REORDER_NS, Presence
from edge_agent.sources.opcua.intake import Intake
from edge_agent.sources.opcua.outage import Continuity
from edge_agent.sources.opcua.publish import UNIX_EPOCH_TICKS, Notification
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from tests.integration.source_sink import KeepingSink

SECOND = 1_000_000_000
NOW = 1_763_780_000 * SECOND


def _tag(metric: str, datatype: DataType = DataType.DOUBLE, origin: Origin = Origin.SIMULATED) -> Tag:
    return Tag("MIX-10", metric, datatype, f"nsu=urn:x;s={metric}", origin)


def _notification(
    handle: int, time_ns: int | None, value: float | str | None = 1.0, kind: int = 11, status: int = 0
) -> Notification:
    ticks = 0 if time_ns is None else time_ns // 100 + UNIX_EPOCH_TICKS
    return Notification(handle, kind, value, status, ticks, 0)


@pytest.fixture
def sink() -> KeepingSink:
    """Keeps everything."""
    return KeepingSink()


def test_overflow_is_a_gap_between_the_neighbours(sink: KeepingSink) -> None:
    """The overflow bit declares a gap of that tag alone, strictly between its last value and this one."""
    intake = Intake([_tag("a"), _tag("b")], sink, Continuity())
    intake.take([_notification(0, NOW), _notification(1, NOW), _notification(0, NOW + SECOND, 2.0, status=0x480)], NOW)
    assert sink.outages == [(("a",), NOW + 1, NOW + SECOND - 1, "queue_overflow")]
    assert sink.of("a")[-1] == (NOW + SECOND, 2.0, Quality.GOOD)


def test_changed_type_is_declared_before_its_value(sink: KeepingSink) -> None:
    """A value of another type declares the tag anew; a bad or null value changes no type."""
    intake = Intake([_tag("a")], sink, Continuity())
    intake.take([_notification(0, NOW, None, kind=0, status=0x80000000)], NOW)
    assert [tag.datatype for tag in sink.tags] == [DataType.DOUBLE]
    intake.take([_notification(0, NOW + SECOND, "seven", kind=12)], NOW)
    assert [tag.datatype for tag in sink.tags] == [DataType.STRING]
    assert sink.of("a") == [(NOW, None, Quality.BAD), (NOW + SECOND, "seven", Quality.GOOD)]


def test_value_without_any_time_gets_ours_and_is_counted(sink: KeepingSink) -> None:
    """A value without a time is stored at the time of its arrival, and the status can say so."""
    intake = Intake([_tag("a")], sink, Continuity())
    intake.take([_notification(0, None, 3.0)], NOW)
    assert sink.of("a") == [(NOW, 3.0, Quality.GOOD)]
    assert intake.without_time == 1


def test_recording_gets_no_value_at_our_time(sink: KeepingSink) -> None:
    """A node of a recording that has no value yet adds nothing at a time outside of the recording."""
    intake = Intake([_tag("a", origin=Origin.REPLAYED)], sink, Continuity())
    intake.take([_notification(0, None, None, kind=0, status=0x80320000)], NOW)
    assert sink.readings == []


def _lost(sink: KeepingSink, origin: Origin = Origin.SIMULATED) -> tuple[Intake, Continuity]:
    """Two tags, one slow, lost 3 s after their device was last heard."""
    books = Continuity()
    intake = Intake([_tag("fast", origin=origin), _tag("slow", origin=origin)], sink, books)
    intake.take([_notification(1, NOW - 60 * SECOND), _notification(0, NOW)], NOW)
    sink.emit(books.lose(NOW - SECOND // 10, NOW + 3 * SECOND, 3 * SECOND))
    sink.readings = sink.readings[2:]
    return intake, books


@pytest.mark.parametrize("origin", [Origin.SIMULATED, Origin.REPLAYED])
def test_stale_marks_follow_the_last_value(sink: KeepingSink, origin: Origin) -> None:
    """Each tag is stale once, now on its own time axis and later than its last value."""
    _lost(sink, origin)
    assert [(r.time_ns, r.value, r.quality) for r in sink.readings] == [(NOW + 3 * SECOND, None, Quality.STALE)] * 2


def test_outage_is_as_wide_as_what_was_not_seen(sink: KeepingSink) -> None:
    """A slow tag's outage begins at the last contact, not at its last value, which may be long ago."""
    intake, books = _lost(sink)
    intake.take([_notification(0, NOW + 9 * SECOND), _notification(1, NOW + 8 * SECOND)], NOW + 9 * SECOND)
    assert sink.outages == [
        (("fast",), NOW + 1, NOW + 9 * SECOND - 1, "source_down"),
        (("slow",), NOW - SECOND // 10, NOW + 8 * SECOND - 1, "source_down"),
    ]
    assert not books.waits


def test_tags_with_one_outage_share_it(sink: KeepingSink) -> None:
    """Tags of a device that missed the same interval are one outage."""
    books = Continuity()
    intake = Intake([_tag("a"), _tag("b")], sink, books)
    intake.take([_notification(0, NOW), _notification(1, NOW)], NOW)
    books.lose(NOW, NOW + SECOND, SECOND)
    intake.take([_notification(0, NOW + 5 * SECOND), _notification(1, NOW + 5 * SECOND)], NOW)
    assert sink.outages == [(("a", "b"), NOW + 1, NOW + 5 * SECOND - 1, "source_down")]


def test_unchanged_value_missed_nothing(sink: KeepingSink) -> None:
    """A tag whose value is still the one from before the loss has no outage."""
    intake, _ = _lost(sink)
    intake.take([_notification(1, NOW - 60 * SECOND)], NOW + 9 * SECOND)
    assert sink.outages == []


def test_loss_before_the_return_of_a_tag_keeps_its_beginning(sink: KeepingSink) -> None:
    """A second loss before a tag was heard again extends its outage instead of starting another."""
    intake, books = _lost(sink)
    books.lose(NOW + 5 * SECOND, NOW + 6 * SECOND, 6 * SECOND)
    intake.take([_notification(0, NOW + 9 * SECOND)], NOW + 9 * SECOND)
    assert sink.outages == [(("fast",), NOW + 1, NOW + 9 * SECOND - 1, "source_down")]


def _good(tag: int, time_ns: int) -> Reading:
    return Reading(tag, time_ns, 1.0, Quality.GOOD)


def test_plain_device_missed_all_its_tags_between_its_messages() -> None:
    """After a loss, the first message of a device ends the outage of all its tags; others wait for their own."""
    presence = Presence(replayed=False)
    for number, device in enumerate(["meter", "meter", "other"]):
        presence.know(number, device)
    list(presence.hear([_good(0, NOW), _good(1, NOW - SECOND), _good(2, NOW)], 0))
    assert len(presence.lose_all(NOW + SECOND, 0)) == 3
    assert presence.lose_all(NOW + 2 * SECOND, 0) == []
    back_ns = NOW + 5 * SECOND
    assert list(presence.hear([_good(0, back_ns)], 0)) == [
        ((0,), NOW + 1, back_ns - 1),
        ((1,), NOW + 1, back_ns + REORDER_NS),
    ]
    assert list(presence.hear([_good(1, back_ns + SECOND)], 0)) == []
    assert list(presence.hear([_good(2, back_ns)], 0)) == [((2,), NOW + 1, back_ns - 1)]


def test_late_value_after_a_loss_is_no_outage() -> None:
    """An older value that comes first after a loss does not end the outage; the next new one does."""
    presence = Presence(replayed=False)
    presence.know(0, "meter")
    list(presence.hear([_good(0, NOW)], 0))
    presence.lose("meter", NOW + SECOND, 0)
    assert list(presence.hear([_good(0, NOW - SECOND)], 0)) == []
    assert list(presence.hear([_good(0, NOW + 2 * SECOND)], 0)) == [((0,), NOW + 1, NOW + 2 * SECOND - 1)]


def test_recording_over_mqtt_is_stale_on_its_own_axis() -> None:
    """The stale mark of a recording stands as long after its last value as its source has been silent."""
    presence = Presence(replayed=True)
    presence.know(0, "skab")
    list(presence.hear([_good(0, NOW)], 0))
    (mark,) = presence.lose("skab", 2 * NOW, 4 * SECOND)
    assert (mark.time_ns, mark.quality) == (NOW + 4 * SECOND, Quality.STALE)


def test_impossible_time_does_not_hide_an_outage(sink: KeepingSink) -> None:
    """After a value of the year 9999 (DateTime.MaxValue) an outage is still declared, and no wider than it was."""
    books = Continuity()
    intake = Intake([_tag("a")], sink, books)
    year_9999_ns = 253_402_300_799 * SECOND
    intake.take([_notification(0, NOW), _notification(0, year_9999_ns)], NOW)
    sink.emit(books.lose(NOW + SECOND, NOW + 2 * SECOND, SECOND))
    intake.take([_notification(0, year_9999_ns), _notification(0, NOW + 5 * SECOND)], NOW + 5 * SECOND)
    assert sink.outages == [(("a",), NOW + SECOND, NOW + 5 * SECOND - 1, "source_down")]
