"""From notifications to readings and outages. Pure: the time comes with them, the sink takes what comes out."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edge_agent.sources.base import Reading, Sink, Tag
from edge_agent.sources.opcua.outage import Continuity
from edge_agent.sources.opcua.publish import DOUBLE, FLOAT, UNIX_EPOCH_TICKS, Notification
from edge_agent.sources.opcua.reading import WIRE_TYPES, has_overflowed, judge, ticks_to_ns
from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.unique_times import LATEST_NS

_LOG = logging.getLogger(__name__)
_LATEST_TICKS = LATEST_NS // 100 + UNIX_EPOCH_TICKS
_BUILTIN_TYPES = {wire: builtin for builtin, wire in WIRE_TYPES.items()}


class Intake:
    """Turns the notifications of one connection into readings of declared tags.

    The client handle of a monitored item is the position of its tag in `tags`.

    Attributes:
        without_time: number of values that had no time of their own.
    """

    def __init__(self, tags: Iterable[Tag], sink: Sink, books: Continuity) -> None:
        self.without_time = 0
        self._tags = list(tags)
        self._sink = sink
        self._books = books
        self._numbers = list(sink.declare(self._tags))
        self._types = [_BUILTIN_TYPES[tag.datatype] for tag in self._tags]
        for tag, number in zip(self._tags, self._numbers, strict=True):
            books.know(tag, number)

    def take(self, notifications: Sequence[Notification], now_ns: int) -> None:
        """Emit the readings, and before them the outages that they reveal; `now_ns` is the wall clock."""
        readings = self._readings(notifications, now_ns)
        if self._books.waits:
            for missed in self._books.resume(readings):
                self._sink.outage(missed.tags, missed.from_ns, missed.to_ns, "source_down")
        self._sink.emit(readings)

    def vouch(self, until_ns: int) -> None:
        """Say that everything the server had to say until then was taken."""
        self._sink.unchanged(until_ns)

    def _readings(self, notifications: Sequence[Notification], now_ns: int) -> list[Reading]:
        numbers, types, last_ns = self._numbers, self._types, self._books.last_ns
        readings: list[Reading] = []
        append, good = readings.append, Quality.GOOD
        for handle, variant_type, value, status, source_ticks, server_ticks in notifications:
            if (
                status
                or variant_type != types[handle]
                or variant_type > DOUBLE
                or not UNIX_EPOCH_TICKS < source_ticks <= _LATEST_TICKS
            ):
                unusual = self._unusual(handle, variant_type, value, status, source_ticks or server_ticks, now_ns)
                if unusual is not None:
                    append(unusual)
                continue
            tag = numbers[handle]
            time_ns = (source_ticks - UNIX_EPOCH_TICKS) * 100
            last_ns[tag] = time_ns
            if variant_type >= FLOAT and value - value != 0.0:  # type: ignore[operator]  # NaN and infinities
                append(Reading(tag, time_ns, None, Quality.BAD))
            else:
                append(Reading(tag, time_ns, value, good))
        return readings

    def _unusual(
        self, handle: int, variant_type: int, value: Value, status: int, ticks: int, now_ns: int
    ) -> Reading | None:
        """Judge a notification that is not simply a good value of the expected type with its own time."""
        checked, quality = judge(variant_type, value, status)
        if checked is not None and variant_type != self._types[handle]:
            self._retype(handle, variant_type)
        tag = self._numbers[handle]
        if ticks:
            time_ns = ticks_to_ns(ticks)
        elif self._tags[handle].origin is Origin.REPLAYED and checked is None:
            return None  # our clock has no place on the time axis of a recording, and nothing is known yet
        else:
            self.without_time += 1
            time_ns = now_ns
        if not 0 < time_ns <= LATEST_NS:  # the edge node sets it aside; what is missing must not be reckoned from it
            return Reading(tag, time_ns, checked, quality)
        last_ns = self._books.last_ns.get(tag)
        if has_overflowed(status) and last_ns is not None and time_ns - 1 > last_ns:
            self._sink.outage((tag,), last_ns + 1, time_ns - 1, "queue_overflow")
        self._books.last_ns[tag] = time_ns
        return Reading(tag, time_ns, checked, quality)

    def _retype(self, handle: int, variant_type: int) -> None:
        """Declare a tag anew whose node changed its type, so that the next birth says so."""
        tag = replace(self._tags[handle], datatype=WIRE_TYPES[variant_type])
        _LOG.warning("%s changed its type to %s", tag.address, tag.datatype.name)
        self._tags[handle] = tag
        self._types[handle] = variant_type
        (self._numbers[handle],) = self._sink.declare([tag])
        self._books.know(tag, self._numbers[handle])
