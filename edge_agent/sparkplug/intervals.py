"""Sets of log sequence numbers kept as few disjoint intervals."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class IntervalSet:
    """Set of integers stored as sorted, disjoint, non-adjacent closed intervals [first, last].

    Live data overtakes history, so what was received is a set with holes; in steady state it is one interval.
    """

    __slots__ = ("_first", "_last")

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self._first: list[int] = []
        self._last: list[int] = []
        for first, last in intervals:
            self.add(first, last)

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "IntervalSet":
        """Return the set of single numbers."""
        found = cls()
        for number in numbers:
            found.add(number)
        return found

    def add(self, first: int, last: int | None = None) -> None:
        """Add one number, or all numbers of a closed interval; raises ValueError where last < first."""
        last = first if last is None else last
        if last < first:
            raise ValueError(f"interval [{first}, {last}] ends before it begins")
        if self._last and first == self._last[-1] + 1:  # nearly always
            self._last[-1] = last
            return
        low = bisect_right(self._last, first - 2)  # first interval that touches or follows
        high = bisect_right(self._first, last + 1)  # one past the last interval that touches
        if low < high:
            first = min(first, self._first[low])
            last = max(last, self._last[high - 1])
        self._first[low:high] = [first]
        self._last[low:high] = [last]

    def update(self, other: "IntervalSet") -> None:
        """Add all numbers of another set."""
        for first, last in other:
            self.add(first, last)

    def remove_through(self, last: int) -> None:
        """Remove every number up to and including `last`."""
        whole = bisect_right(self._last, last)
        del self._first[:whole], self._last[:whole]
        if self._first and self._first[0] <= last:
            self._first[0] = last + 1

    def __contains__(self, number: int) -> bool:
        index = bisect_right(self._first, number) - 1
        return index >= 0 and number <= self._last[index]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the closed intervals in ascending order."""
        return zip(tuple(self._first), tuple(self._last), strict=True)

    def __len__(self) -> int:
        """Count the intervals, not the numbers."""
        return len(self._first)

    def __bool__(self) -> bool:
        return bool(self._first)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IntervalSet):
            return NotImplemented
        return self._first == other._first and self._last == other._last

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"IntervalSet({list(self)!r})"

    def numbers(self) -> Iterator[int]:
        """Yield the numbers in the set, ascending."""
        for first, last in self:
            yield from range(first, last + 1)

    def count(self) -> int:
        """Count the numbers in the set."""
        return sum(last - first + 1 for first, last in self)

    def missing(self, first: int, last: int) -> "IntervalSet":
        """Return the numbers of [first, last] that are not in the set."""
        gaps = IntervalSet()
        position = first
        for low, high in self:
            if high < position:
                continue
            if low > last:
                break
            if low > position:
                gaps.add(position, low - 1)
            position = max(position, high + 1)
        if position <= last:
            gaps.add(position, last)
        return gaps
