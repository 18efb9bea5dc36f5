"""Makes the times of a series unique, so that no store has to guess which of two values at one time is right. Pure.

Source times count in steps of 100 ns (the resolution of OPC UA); finer ones are rounded up to the next step. The 99 ns
in between are ours: they tell apart values that a source gave the same time, and values that came again for a time
that had passed already (a device that sends its history, a clock set back).
"""

import struct
from hashlib import blake2b
from typing import NamedTuple

from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.quality import Quality

STEP_NS = 100
MAX_OFFSET = STEP_NS - 1
DUPLICATE = -1
"""Result of SeriesTimes.accept: identical to the value before; not to be sent."""
EXHAUSTED = -2
"""Result of SeriesTimes.accept: no free time is left near this one, or it is no time at all (see LATEST_NS)."""
LATEST_NS = 9_000_000_000_000_000_000
"""Times of 0 or less and times beyond this (year 2255) are none: no store keeps them, and some servers send the year
9999 for "unknown"."""


class TimeState(NamedTuple):
    """What is remembered of a series across restarts; times in ns, digest of the last value and quality."""

    high: int
    floor: int
    used: int
    used_below: int
    base: int
    offset: int
    start_offset: int
    source_time: int
    digest: bytes


class SeriesTimes:
    """Gives the values of one series strictly different times, in O(1) time and memory.

    A *pass* is a run of ascending times. The first pass uses the times as they are. A time that lies behind begins a
    new pass, whose values are moved by an offset larger than any that was used in the range it may touch: `used` above
    `floor`, `used_below` anywhere. When a pass gets ahead of everything sent before, `floor` moves up there and the
    offsets begin again at 0; so ordinary disorder never uses them up, only going back behind `floor` more than 99 times
    does.
    """

    __slots__ = ("_base", "_digest", "_floor", "_high", "_offset", "_quality", "_source_time", "_start", "_used",
                 "_used_below", "_value")  # fmt: skip

    def __init__(self, state: TimeState | None = None) -> None:
        self._value: Value = None
        self._quality: Quality | None = None
        self._digest: bytes | None = None
        if state is None:
            self._high = self._floor = self._base = self._source_time = -1
            self._used = self._used_below = self._offset = self._start = 0
        else:
            self._high, self._floor, self._used, self._used_below = state[:4]
            self._base, self._offset, self._start, self._source_time, self._digest = state[4:]

    def accept(self, time_ns: int, value: Value, quality: Quality) -> int:
        """Take the next value of the series; return its unique time, DUPLICATE or EXHAUSTED (nothing changed then).

        The unique time is at most 198 ns after time_ns, at most 99 ns where time_ns is a multiple of 100 ns.
        """
        if (
            time_ns > self._high and not time_ns % STEP_NS and 0 < time_ns <= LATEST_NS
        ):  # nearly always; never a duplicate
            if self._used:
                self._rise(time_ns)
            self._high = self._base = self._source_time = time_ns
            self._offset = self._start = 0
            self._value = value
            self._quality = quality
            self._digest = None
            return time_ns
        return self._accept_unusual(time_ns, value, quality)

    def _accept_unusual(self, time_ns: int, value: Value, quality: Quality) -> int:
        if not 0 < time_ns <= LATEST_NS:
            return EXHAUSTED
        if time_ns == self._source_time and self._repeats(value, quality):
            return DUPLICATE
        rest = time_ns % STEP_NS
        base = time_ns + STEP_NS - rest if rest else time_ns
        if base > self._high:
            self._rise(base)
        else:
            offset = self._offset_of_late(base)
            if offset > MAX_OFFSET:
                return EXHAUSTED
            self._use(base, offset)
        self._base = base
        self._source_time = time_ns
        self._value = value
        self._quality = quality
        self._digest = None
        return base + self._offset

    def mark(self, time_ns: int, *, keep_clock: bool) -> int:
        """Return a unique time for a state mark of our own (STALE); it is never taken for a value of the source.

        With keep_clock (replayed series, whose clock is not ours) the mark stands right behind the last value.
        """
        if not 0 < time_ns <= LATEST_NS:
            return EXHAUSTED
        rest = time_ns % STEP_NS
        base = time_ns + STEP_NS - rest if rest else time_ns
        if base > self._high and not (keep_clock and self._high >= 0):
            remembered = self._source_time, self._value, self._quality, self._digest
            sent = self.accept(base, None, Quality.STALE)
            self._source_time, self._value, self._quality, self._digest = remembered
            return sent
        offset = self._used + 1
        if offset > MAX_OFFSET:
            return EXHAUSTED
        self._used = offset
        self._start = self._offset = offset
        self._base = self._high
        return self._high + offset

    def recover(self, sent_ns: int, value: Value, quality: Quality) -> None:
        """Learn a value that was logged after the state this began with was remembered."""
        offset = sent_ns % STEP_NS
        base = sent_ns - offset
        if base > self._high:
            self._rise(base)
            self._used = self._offset = offset
        else:
            self._use(base, offset)
        self._base = base
        if quality != Quality.STALE:
            self._source_time, self._value, self._quality, self._digest = base, value, quality, None

    def state(self) -> TimeState:
        """Return what must be remembered across a restart."""
        if self._digest is None:
            self._digest = digest(self._value, self._quality or Quality.GOOD)
        return TimeState(
            self._high,
            self._floor,
            self._used,
            self._used_below,
            self._base,
            self._offset,
            self._start,
            self._source_time,
            self._digest,
        )

    def _rise(self, base: int) -> None:
        """Get ahead of everything sent before."""
        if self._used:
            self._floor = self._high
            self._used_below = max(self._used_below, self._used)
            self._used = 0
        self._high = base
        self._offset = self._start = 0

    def _offset_of_late(self, base: int) -> int:
        if base == self._base:
            return self._offset + 1
        if base > self._base:
            return self._start
        return self._top(base) + 1

    def _top(self, base: int) -> int:
        return self._used if base > self._floor else max(self._used, self._used_below)

    def _use(self, base: int, offset: int) -> None:
        """Count an offset as used, in the range it touches; going back begins a new pass with it."""
        if base < self._base:
            self._start = offset
        if base > self._floor:
            self._used = max(self._used, offset)
        else:
            self._used_below = max(self._used_below, offset)
        self._offset = offset

    def _repeats(self, value: Value, quality: Quality) -> bool:
        if self._digest is not None:
            return self._digest == digest(value, quality)
        return quality == self._quality and type(value) is type(self._value) and value == self._value


def digest(value: Value, quality: Quality) -> bytes:
    """Return 8 bytes that are equal for equal values of one type and quality, in every process."""
    if isinstance(value, float):
        content = b"f" + struct.pack("<d", value + 0.0)  # -0.0 equals 0.0
    elif isinstance(value, bytes):
        content = b"b" + value
    else:
        content = f"{type(value).__name__} {value}".encode("utf-8", "surrogatepass")
    return blake2b(content + int(quality).to_bytes(2, "little"), digest_size=8).digest()
