"""The last hours of readings in memory, so that a reader that was away can fetch what it missed. Pure.

Bounded by age and by bytes; the oldest readings go first.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from math import nan
from typing import NamedTuple

BYTES_EACH = 17
"""Time 8, value 8, status 1."""

_SPARE = 2
"""Arrays are cut only when half of them is out of date, so that cutting costs nothing per reading."""


class Record(NamedTuple):
    """One kept reading; `value` is None where the status is bad, `status` is the number that it was kept with."""

    time_ns: int
    value: float | None
    status: int


class Extent(NamedTuple):
    """Which readings are asked for (OPC 10000-11, 6.5.3).

    Attributes:
        start_ns: first time; None = from the end backwards.
        end_ns: time before which it ends (going backwards: after which); None = as far as there are readings.
    """

    start_ns: int | None
    end_ns: int | None

    @property
    def backwards(self) -> bool:
        """Whether the newest reading comes first."""
        if self.start_ns is None:
            return True
        return self.end_ns is not None and self.end_ns < self.start_ns


class Track:
    """Readings of one signal in the order of their times.

    Args:
        capacity: most readings that are kept.
        age_ns: greatest age against the newest reading.
    """

    def __init__(self, capacity: int, age_ns: int) -> None:
        self._capacity = max(capacity, 1)
        self._age_ns = age_ns
        self._times, self._values, self._statuses = array("q"), array("d"), array("B")
        self._first = 0

    def __len__(self) -> int:
        return len(self._times) - self._first

    def append(self, time_ns: int, value: float | None, status: int) -> None:
        """Keep a reading; one that is not newer than the last is not kept, so that times stay in order."""
        times = self._times
        if times and time_ns <= times[-1]:
            return
        times.append(time_ns)
        self._values.append(nan if value is None else value)
        self._statuses.append(status)
        oldest_ns = time_ns - self._age_ns
        while times[self._first] < oldest_ns or len(times) - self._first > self._capacity:
            self._first += 1
        if self._first > 64 and self._first * _SPARE >= len(times):
            for column in (self._times, self._values, self._statuses):
                del column[: self._first]
            self._first = 0

    def read(self, extent: Extent) -> Iterator[Record]:
        """Readings of an extent, in its direction."""
        times = self._times
        if extent.backwards:
            newest_ns = extent.end_ns if extent.start_ns is None else extent.start_ns
            last = len(times) if newest_ns is None else bisect_right(times, newest_ns, self._first)
            until_ns = None if extent.start_ns is None else extent.end_ns
            first = self._first if until_ns is None else bisect_right(times, until_ns, self._first)
            return (self._record(place) for place in range(last - 1, first - 1, -1))
        first = self._first if extent.start_ns is None else bisect_left(times, extent.start_ns, self._first)
        last = len(times)
        if extent.end_ns is not None:
            # One moment is asked for by giving it twice.
            cut = bisect_right if extent.start_ns == extent.end_ns else bisect_left
            last = cut(times, extent.end_ns, self._first)
        return (self._record(place) for place in range(first, last))

    def before(self, time_ns: int) -> Record | None:
        """Last reading before a time."""
        place = bisect_left(self._times, time_ns, self._first) - 1
        return self._record(place) if place >= self._first else None

    def after(self, time_ns: int) -> Record | None:
        """First reading after a time."""
        place = bisect_right(self._times, time_ns, self._first)
        return self._record(place) if place < len(self._times) else None

    def at(self, time_ns: int) -> Record | None:
        """Reading of exactly this time."""
        place = bisect_left(self._times, time_ns, self._first)
        return self._record(place) if place < len(self._times) and self._times[place] == time_ns else None

    def _record(self, place: int) -> Record:
        value = self._values[place]
        return Record(self._times[place], None if value != value else value, self._statuses[place])


class History:
    """Tracks of all numeric signals of a server, by the number of their node.

    Args:
        nodes: numbers of the nodes that are kept.
        hours: greatest age of a reading.
        max_bytes: memory for all of them together; each gets an equal share.
    """

    def __init__(self, nodes: list[int], hours: float, max_bytes: int) -> None:
        capacity = max_bytes // (BYTES_EACH * _SPARE * max(len(nodes), 1))
        self.tracks = {node: Track(capacity, round(hours * 3.6e12)) for node in nodes}

    def append(self, node: int, time_ns: int, value: float | None, status: int) -> None:
        """Keep a reading of a node, if the node is one of those that are kept."""
        track = self.tracks.get(node)
        if track is not None:
            track.append(time_ns, value, status)
