"""What is known of each tag across losses of the connection: when it is stale, and what was missed. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from edge_agent.sources.base import Reading, Tag
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.unique_times import LATEST_NS


class Missed(NamedTuple):
    """Closed interval of source times in which values of these tags were missed."""

    tags: tuple[int, ...]
    from_ns: int
    to_ns: int


class Continuity:
    """Last source time of every tag, and from it stale marks and outages.

    After a (re)subscription a server first gives the newest value of each node with its own source time. So what was
    missed of a tag lies strictly between its last value, or the last contact with the server if that is later, and that
    first value; a node that has not changed since missed nothing.
    """

    def __init__(self) -> None:
        self.last_ns: dict[int, int] = {}
        self._devices: dict[int, tuple[str, bool]] = {}
        self._missing_from_ns: dict[int, int] = {}

    @property
    def waits(self) -> bool:
        """True while tags have not been heard since the last loss, so that `resume` must see their readings."""
        return bool(self._missing_from_ns)

    def know(self, tag: Tag, number: int) -> None:
        """Take note of a declared tag."""
        self._devices[number] = (tag.device_id, tag.origin is Origin.REPLAYED)

    def lose(self, contact_ns: int, now_ns: int, elapsed_ns: int) -> list[Reading]:
        """Mark every known tag stale; return the marks.

        Args:
            contact_ns: server time up to which every value is known to have arrived.
            now_ns: server time now, as far as can be told.
            elapsed_ns: time since the last value arrived; recordings have a time axis of their own, which goes on from
                their last value by this much.
        """
        newest: dict[str, int] = {}
        for number, time_ns in self.last_ns.items():
            device = self._devices[number][0]
            newest[device] = max(newest.get(device, time_ns), time_ns)
        marks = []
        for number, (device, replayed) in self._devices.items():
            last_ns = self.last_ns.get(number)
            stale_ns = newest.get(device, now_ns - elapsed_ns) + elapsed_ns if replayed else now_ns
            if last_ns is not None:
                stale_ns = max(stale_ns, last_ns + 1)
                if number not in self._missing_from_ns:
                    self._missing_from_ns[number] = last_ns + 1 if replayed else max(last_ns + 1, contact_ns)
            marks.append(Reading(number, stale_ns, None, Quality.STALE))
        return marks

    def resume(self, readings: Iterable[Reading]) -> Iterator[Missed]:
        """Yield what was missed by tags that are heard for the first time since a loss, one entry per interval."""
        missed: dict[tuple[str, int, int], list[int]] = {}
        for reading in readings:
            if not 0 < reading.time_ns <= LATEST_NS:
                continue  # no time: it does not tell when the source was back
            from_ns = self._missing_from_ns.pop(reading.tag, None)
            if from_ns is not None and reading.time_ns > from_ns:
                key = (self._devices[reading.tag][0], from_ns, reading.time_ns - 1)
                missed.setdefault(key, []).append(reading.tag)
        for (_, from_ns, to_ns), tags in missed.items():
            yield Missed(tuple(tags), from_ns, to_ns)
