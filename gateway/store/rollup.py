"""Rollup tiers and their bookkeeping: which tier answers a window, and which hours must be computed again. Pure.

Both stores keep one row a minute and one row an hour for each series. What is stored in a rollup is exact as long as
its hour is not *dirty*: every written sample marks the (series, hour) it falls in, the mark is as durable as the
sample, and it goes away in the same step that computes the rollup rows of that hour again. Readers take clean hours
from the rollup and dirty hours from the raw rows, so an answer never depends on when a rollup was last computed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.store.base import Samples

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
SETTLE_NS = 60_000_000_000
"""An hour is rolled up this long after its end, so that live rows on their way do not make it dirty at once again."""
QUIET_NS = 5_000_000_000
"""A late hour is rolled up when no row has come for this long: a backlog fills an hour in many batches."""


@dataclass(frozen=True, slots=True)
class Tier:
    """What buckets are computed from: `raw` (width 0) or one of the two rollups."""

    name: str
    width_ns: int


RAW = Tier("raw", 0)
MINUTE = Tier("1min", MINUTE_NS)
HOUR = Tier("1h", HOUR_NS)


@dataclass(frozen=True, slots=True)
class BucketPlan:
    """How a window is cut: buckets [start_ns + k * width_ns, start_ns + (k + 1) * width_ns) below end_ns."""

    tier: Tier
    start_ns: int
    end_ns: int
    width_ns: int

    @property
    def size(self) -> int:
        """Number of buckets, empty ones included."""
        return -(-(self.end_ns - self.start_ns) // self.width_ns)


def floor_to(time_ns: int, width_ns: int) -> int:
    """Return the largest multiple of `width_ns` that is not above `time_ns`."""
    return time_ns // width_ns * width_ns


def plan_buckets(
    start_ns: int, end_ns: int, max_points: int, raw_from_ns: int = 0, tier: Tier | None = None
) -> BucketPlan:
    """Pick the coarsest tier that is not wider than the buckets asked for, and cut the window.

    Windows answered by a rollup are widened to whole minutes or hours, because a rollup row cannot be split.

    Args:
        start_ns: begin of the window, inclusive.
        end_ns: end of the window, exclusive.
        max_points: largest number of buckets.
        raw_from_ns: raw rows before this time are gone: windows that begin earlier use a rollup however short they are.
        tier: use this tier instead of picking one.

    Raises:
        ValueError: the window is empty or `max_points` is below 1.
    """
    if end_ns <= start_ns:
        raise ValueError(f"window [{start_ns}, {end_ns}) is empty; give an end after its start")
    if max_points < 1:
        raise ValueError(f"max_points is {max_points}; give at least 1")
    width_ns = -(-(end_ns - start_ns) // max_points)
    if tier is None:
        tier = HOUR if width_ns >= HOUR_NS else MINUTE if width_ns >= MINUTE_NS else RAW
        if tier is RAW and start_ns < raw_from_ns:
            tier = MINUTE
    if tier is RAW:
        return BucketPlan(RAW, start_ns, end_ns, width_ns)
    start_ns = floor_to(start_ns, tier.width_ns)
    end_ns = -floor_to(-end_ns, tier.width_ns)
    rows = (end_ns - start_ns) // tier.width_ns
    return BucketPlan(tier, start_ns, end_ns, -(-rows // max_points) * tier.width_ns)


def hours_of(samples: Samples) -> Mapping[int, Sequence[int]]:
    """Return the series numbers of each hour (begin in ns) that the samples fall in."""
    if not len(samples):
        return {}
    hours = samples.time_ns // HOUR_NS
    if hours.min() == hours.max():  # live batches nearly always
        return {int(hours[0]) * HOUR_NS: np.unique(samples.series).tolist()}
    marked: dict[int, list[int]] = {}
    pairs = np.unique(np.stack((hours, samples.series.astype(np.int64)), axis=1), axis=0)
    for hour, series in pairs.tolist():
        marked.setdefault(hour * HOUR_NS, []).append(series)
    return marked


class DirtyHours:
    """Dirty (series, hour) pairs of a store, as the writing thread knows them."""

    def __init__(self, marks: Iterable[tuple[int, int]] = ()) -> None:
        """Start from stored (series, hour) pairs."""
        self._series: dict[int, set[int]] = {}
        self._touched: set[int] = set()
        self._touched_at: dict[int, int] = {}
        for series, hour_ns in marks:
            self._series.setdefault(hour_ns, set()).add(series)

    def unmarked(self, hours: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
        """Return the (series, hour) pairs that are not marked yet."""
        return [
            (series, hour_ns)
            for hour_ns, numbers in hours.items()
            for series in numbers
            if series not in self._series.get(hour_ns, ())
        ]

    def mark(self, hours: Mapping[int, Sequence[int]]) -> None:
        """Mark pairs; call when their samples and marks are durable."""
        for hour_ns, numbers in hours.items():
            self._series.setdefault(hour_ns, set()).update(numbers)
            self._touched.add(hour_ns)

    def clean(self, hour_ns: int, series: Iterable[int]) -> None:
        """Take marks away; call when the rollup rows are durable."""
        left = self._series.get(hour_ns, set())
        left.difference_update(series)
        if not left:
            self._series.pop(hour_ns, None)
            self._touched_at.pop(hour_ns, None)

    def due(self, now_ns: int, forced_before_ns: int = 0) -> Iterator[tuple[int, Sequence[int]]]:
        """Yield (hour, series) that should be computed now, oldest first; those before `forced_before_ns` at once."""
        for hour_ns in self._touched:
            self._touched_at[hour_ns] = now_ns
        self._touched.clear()
        for hour_ns in sorted(self._series):
            if hour_ns + HOUR_NS + SETTLE_NS > now_ns:
                break
            quiet = abs(now_ns - self._touched_at.get(hour_ns, 0)) >= QUIET_NS
            if quiet or hour_ns < forced_before_ns:
                yield hour_ns, sorted(self._series[hour_ns])

    def any_before(self, time_ns: int) -> bool:
        """Tell whether an hour that begins before `time_ns` is dirty."""
        return any(hour_ns < time_ns for hour_ns in self._series)

    def __len__(self) -> int:
        return sum(len(numbers) for numbers in self._series.values())


def segments(plan: BucketPlan, dirty_hours: Sequence[int], limit: int = 16) -> list[tuple[int, int, bool]]:
    """Cut the window of a rollup plan into [start_ns, end_ns, raw) pieces: clean ones, and dirty ones to read raw.

    Raw rows are exact for clean hours too, so where there would be more than `limit` dirty pieces, all from the first
    dirty hour to the last become one.
    """
    inside = [hour for hour in sorted(dirty_hours) if plan.start_ns - HOUR_NS < hour < plan.end_ns]
    spans: list[tuple[int, int]] = []
    for hour in inside:
        if spans and spans[-1][1] == hour:
            spans[-1] = (spans[-1][0], hour + HOUR_NS)
        else:
            spans.append((hour, hour + HOUR_NS))
    if len(spans) > limit:
        spans = [(spans[0][0], spans[-1][1])]
    pieces: list[tuple[int, int, bool]] = []
    position = plan.start_ns
    for start_ns, end_ns in spans:
        start_ns, end_ns = max(start_ns, plan.start_ns), min(end_ns, plan.end_ns)
        if start_ns > position:
            pieces.append((position, start_ns, False))
        pieces.append((start_ns, end_ns, True))
        position = end_ns
    if position < plan.end_ns:
        pieces.append((position, plan.end_ns, False))
    return pieces
