"""The newest days of all signals on a grid that rolls on: only what is new is worked out again. Pure.

A row is one step, e.g. a minute. Its value is the mean of its good readings; a row without a reading repeats the last
one, because values are reported by exception, for as long as its edge agent may stay silent; a row whose readings are
all bad or stale is empty. These are the rules of `analytics.stored.read_store`, which reads the rows of the past.
"""

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analytics.window import Window
from gateway.store.base import Kind, Samples

_NONE, _GOOD, _BAD = 0, 1, 2
_SPARE = 0.25
"""Columns kept free at the end, as a share of the capacity, so that the buffer moves rarely."""


class LiveWindow:
    """Rolling window of numeric signals.

    Args:
        numbers: number of the series of each signal name.
        hold_s: how long a value stands without a new reading, by signal name; missing = for ever.
        step_ns: width of a row.
        rows: rows that are kept.
    """

    def __init__(self, numbers: Mapping[str, int], hold_s: Mapping[str, float], step_ns: int, rows: int) -> None:
        self.numbers = dict(numbers)
        self.step_ns = step_ns
        self._rows = rows
        self._names = list(numbers)
        self._place = {number: place for place, number in enumerate(numbers.values())}
        forever = np.iinfo(np.int32).max
        limits = [hold_s.get(name) for name in self._names]
        self._hold = np.array([forever if one is None else max(1, round(one * 1e9 / step_ns)) for one in limits])
        capacity = rows + max(16, int(rows * _SPARE))
        self._value = np.full((len(self._names), capacity), np.nan)
        self._bad = np.zeros((len(self._names), capacity), np.bool_)
        self._age = np.full((len(self._names), capacity), forever, np.int32)
        self._first = 0  # grid index of column 0
        self._count = 0

    @property
    def end_ns(self) -> int:
        """End of the last row; 0 while there is none."""
        return (self._first + self._count) * self.step_ns if self._count else 0

    def __len__(self) -> int:
        return min(self._count, self._rows)

    def put(self, past: Window) -> None:
        """Begin with a window of the past on the same grid; signals that it lacks are unknown."""
        kept = past.between(int(past.time_ns[-1]) - (self._rows - 1) * self.step_ns, int(past.time_ns[-1]) + 1)
        self._first = int(kept.time_ns[0]) // self.step_ns - 1
        self._count = len(kept)
        for place, name in enumerate(self._names):
            self._value[place, : self._count] = kept.number(name)
            self._bad[place, : self._count] = kept.bad.get(name, False)
        known = np.isfinite(self._value[:, : self._count]) | self._bad[:, : self._count]
        self._age[:, : self._count] = np.where(known, 0, np.iinfo(np.int32).max)

    def add(self, samples: Samples, start_ns: int, end_ns: int) -> None:
        """Work out anew the rows that begin in [start_ns, end_ns), from all their samples read so far.

        Args:
            samples: every sample from the begin of the first of these rows on.
            start_ns: rounded down to the grid; rows between what is known and this have no reading.
            end_ns: not included.
        """
        first, last = start_ns // self.step_ns, -(-end_ns // self.step_ns)
        if self._count == 0:
            self._first = first
        first = max(first, self._first)
        self._make_room(last)
        begin = min(first - self._first, self._count)
        mean, seen = self._cells(samples, self._first + begin, last)
        for column in range(begin, last - self._first):
            self._fill(column, mean[:, column - begin], seen[:, column - begin])
        self._count = max(self._count, last - self._first)

    def window(self) -> Window:
        """Return the rows as a window; its columns are views that the next call of `add` changes."""
        begin, end = max(0, self._count - self._rows), self._count
        time_ns = (np.arange(self._first + begin, self._first + end, dtype=np.int64) + 1) * self.step_ns
        bad = self._bad[:, begin:end]
        return Window(
            time_ns,
            self.step_ns / 1e9,
            {name: self._value[place, begin:end] for place, name in enumerate(self._names)},
            {},
            {name: bad[place] for place, name in enumerate(self._names) if bad[place].any()},
        )

    def _cells(self, samples: Samples, first: int, last: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Mean of the good numbers of each signal and row, and whether it has good, only bad, or no readings."""
        width = last - first
        places = np.array([self._place.get(number, -1) for number in samples.series.tolist()], np.int64)
        column = samples.time_ns // self.step_ns - first
        inside = (places >= 0) & (column >= 0) & (column < width)
        cell = places * width + column
        good = inside & (samples.kind != Kind.NULL) & np.isfinite(samples.number)
        size = len(self._names) * width
        total = np.bincount(cell[good], samples.number[good], size)
        count = np.bincount(cell[good], minlength=size)
        any_row = np.bincount(cell[inside], minlength=size)
        seen = np.where(count > 0, _GOOD, np.where(any_row > 0, _BAD, _NONE)).astype(np.uint8)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / count
        shape = (len(self._names), width)
        return mean.reshape(shape), seen.reshape(shape)

    def _fill(self, column: int, mean: NDArray[np.float64], seen: NDArray[np.uint8]) -> None:
        if column == 0:
            value, bad = np.full(len(self._names), np.nan), np.zeros(len(self._names), np.bool_)
            age = np.full(len(self._names), np.iinfo(np.int32).max, np.int32)
        else:
            value, bad = self._value[:, column - 1], self._bad[:, column - 1]
            age = np.minimum(self._age[:, column - 1], np.iinfo(np.int32).max - 1) + 1
        new = seen != _NONE
        age = np.where(new, 0, age)
        held = np.where(new, np.where(seen == _GOOD, mean, np.nan), value)
        self._age[:, column] = age
        self._value[:, column] = np.where(age > self._hold, np.nan, held)
        self._bad[:, column] = np.where(new, seen == _BAD, bad)

    def _make_room(self, last: int) -> None:
        """Move the kept rows to the front where the buffer is full; what lies far ahead begins anew."""
        capacity = self._value.shape[1]
        if last - self._first <= capacity:
            return
        keep = max(0, min(self._rows, self._count - max(0, last - self._first - self._count)))
        begin = self._count - keep
        for array in (self._value, self._bad, self._age):
            array[:, :keep] = array[:, begin : self._count].copy()
        self._first += begin
        self._count = keep
        if last - self._first > capacity:  # a jump longer than the window: nothing of it is worth keeping
            self._first, self._count = last - self._rows, 0


def hold_time_s(report: str) -> float:
    """Return how long a signal may stay silent before its value counts no more, from the report rule of its birth.

    Three times the longest interval that the rule allows, at least three minutes; two hours where it names none.
    """
    try:
        rule = json.loads(report) if report else {}
    except ValueError:
        rule = {}
    longest_s = rule.get("max_interval_s") if isinstance(rule, dict) else None
    return max(180.0, 3.0 * longest_s) if isinstance(longest_s, int | float) else 7_200.0
