"""Which devices are heard: stale marks when one goes away, and what was missed when it is back. Pure."""

from collections.abc import Iterator, Sequence

from edge_agent.sources.base import Reading
from edge_agent.sparkplug.quality import Quality

REORDER_NS = 50_000_000
"""Messages of one device may be sent this much out of the order of their times, e.g. energy after power."""


class Presence:
    """Newest source time of every device.

    A device sends all its messages in order over one connection, so up to its newest value nothing was missed; and from
    the first message after a loss on, nothing is missed any more, whichever of its tags that message has.
    """

    def __init__(self, *, replayed: bool) -> None:
        self._replayed = replayed
        self._device_of: dict[int, str] = {}
        self._newest_ns: dict[str, int] = {}
        self._heard_ns: dict[str, int] = {}
        self._missing_from_ns: dict[str, int] = {}
        self._stale: set[str] = set()

    def know(self, number: int, device: str) -> None:
        """Take note of a declared tag."""
        self._device_of[number] = device

    def lose_all(self, now_ns: int, monotonic_ns: int) -> list[Reading]:
        """Mark the tags of every device stale; `now_ns` is the wall clock."""
        devices = dict.fromkeys(self._device_of.values())
        return [reading for device in devices for reading in self.lose(device, now_ns, monotonic_ns)]

    def lose(self, device: str, now_ns: int, monotonic_ns: int) -> list[Reading]:
        """Mark the tags of a device stale, once; a recording goes on from its own newest time, not from ours."""
        if device in self._stale:
            return []
        self._stale.add(device)
        newest_ns = self._newest_ns.get(device)
        if newest_ns is not None:
            self._missing_from_ns.setdefault(device, newest_ns + 1)
            if self._replayed:
                now_ns = newest_ns + monotonic_ns - self._heard_ns.get(device, monotonic_ns)
            now_ns = max(now_ns, newest_ns + 1)
        return [Reading(tag, now_ns, None, Quality.STALE) for tag, owner in self._device_of.items() if owner == device]

    def hear(self, readings: Sequence[Reading], monotonic_ns: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Take note of readings of one message; yield (tags, from, to) of what was missed before them.

        A tag that is not in the first message may have been in one that was missed and sent just before, but carries a
        slightly later time.
        """
        fresh: dict[str, dict[int, int]] = {}
        for reading in readings:
            if reading.quality is Quality.STALE:
                continue
            device = self._device_of[reading.tag]
            fresh.setdefault(device, {}).setdefault(reading.tag, reading.time_ns)
            self._newest_ns[device] = max(self._newest_ns.get(device, 0), reading.time_ns)
        for device, first_ns in fresh.items():
            self._heard_ns[device] = monotonic_ns
            self._stale.discard(device)
            from_ns = self._missing_from_ns.get(device)
            if from_ns is not None and min(first_ns.values()) >= from_ns:
                del self._missing_from_ns[device]
                yield from self._missed(device, from_ns, first_ns)

    def _missed(
        self, device: str, from_ns: int, first_ns: dict[int, int]
    ) -> Iterator[tuple[tuple[int, ...], int, int]]:
        earliest_ns = min(first_ns.values())
        present = tuple(first_ns)
        absent = tuple(tag for tag, owner in self._device_of.items() if owner == device and tag not in first_ns)
        if earliest_ns > from_ns:
            yield present, from_ns, earliest_ns - 1
            if absent:
                yield absent, from_ns, earliest_ns + REORDER_NS
