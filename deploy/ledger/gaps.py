"""Declared gaps: which rows they may explain, whether their counts are exact and their width was earned."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import Fault, LedgerGap, Outage, Violation, Violations
from deploy.ledger.match import STEP_NS
from edge_agent.sparkplug.delivery import CAUSES


class GapBook:
    """All gaps of a run. Series are checked one by one; at the end the counts must come out exactly.

    Gaps that share a lost row cannot be told apart, so the counts of such gaps are compared as one sum.
    """

    def __init__(self, gaps: Sequence[LedgerGap]) -> None:
        self.gaps = [gap for gap in gaps if gap.cause in CAUSES]
        self._unknown = [gap for gap in gaps if gap.cause not in CAUSES]
        self._parent = list(range(len(self.gaps)))
        self._lower = [0] * len(self.gaps)
        self._upper = [0] * len(self.gaps)
        self.rows = [0] * len(self.gaps)

    def of(self, edge: str, device_id: str, metric: str) -> NDArray[np.intp]:
        """Return the numbers of the gaps that name a series, by begin."""
        numbers = [
            number
            for number, gap in enumerate(self.gaps)
            if gap.edge == edge and gap.device_id in (None, device_id) and gap.metric in (None, metric)
            and not (gap.device_id is None and gap.metric is not None and device_id)
        ]  # fmt: skip
        return np.array(sorted(numbers, key=lambda number: self.gaps[number].from_ns), np.intp)

    def covers(
        self, numbers: NDArray[np.intp], time_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each time (ascending) lies in a counted gap, and whether in one without count: two bool[n]."""
        counted = np.zeros(len(time_ns) + 1, np.int64)
        uncounted = np.zeros(len(time_ns) + 1, np.int64)
        for number in numbers:
            low, high = self._rows(int(number), time_ns)
            edges = uncounted if self.gaps[number].count is None else counted
            edges[low] += 1
            edges[high] -= 1
        return np.cumsum(counted)[:-1] > 0, np.cumsum(uncounted)[:-1] > 0

    def lose(self, numbers: NDArray[np.intp], time_ns: NDArray[np.int64], certain: NDArray[np.bool_]) -> None:
        """Book lost rows (times ascending) on the gaps. `certain` is False where the report rule may explain it too."""
        _, uncounted = self.covers(numbers, time_ns)
        owner = np.full(len(time_ns), -1, np.intp)
        for number in numbers:
            low, high = self._rows(int(number), time_ns)
            self.rows[number] += int(np.count_nonzero(certain[low:high]))
            if self.gaps[number].count is None:
                continue
            for other in np.unique(owner[low:high]):
                if other >= 0:
                    self._join(int(other), int(number))
            owner[low:high] = number
        booked = owner >= 0
        np.add.at(upper := np.zeros(len(self.gaps), np.int64), owner[booked], 1)
        np.add.at(lower := np.zeros(len(self.gaps), np.int64), owner[booked & certain & ~uncounted], 1)
        for number in np.flatnonzero(upper):
            self._lower[number] += int(lower[number])
            self._upper[number] += int(upper[number])

    def _rows(self, number: int, time_ns: NDArray[np.int64]) -> tuple[int, int]:
        gap = self.gaps[number]
        # Ends of a gap may carry a tie-break, or be finer than the steps to which offered times are rounded up.
        low = np.searchsorted(time_ns, gap.from_ns - gap.from_ns % STEP_NS, side="left")
        return int(low), int(np.searchsorted(time_ns, -(-gap.to_ns // STEP_NS) * STEP_NS, side="right"))

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            number = self._parent[number]
        return number

    def _join(self, one: int, other: int) -> None:
        self._parent[self._root(other)] = self._root(one)

    def close(
        self, violations: Violations, outages: Sequence[Outage] | None, tolerance_ns: int, start_ns: int | None
    ) -> None:
        """Check causes, counts and widths after all series; a gap that ends before `start_ns` is left out."""
        for gap in self._unknown:
            expected = f"one of {', '.join(CAUSES)}"
            violations.add(Violation(Fault.GAP_CAUSE, str(gap), gap.from_ns, expected, gap.cause))
        self._check_counts(violations, start_ns)
        if outages is not None:
            for gap in self.gaps:
                if start_ns is None or gap.to_ns >= start_ns:
                    _check_width(gap, outages, tolerance_ns, violations)

    def _check_counts(self, violations: Violations, start_ns: int | None) -> None:
        members: dict[int, list[int]] = {}
        for number, gap in enumerate(self.gaps):
            if gap.count is not None and (start_ns is None or gap.from_ns >= start_ns):
                members.setdefault(self._root(number), []).append(number)
        for group in members.values():
            declared = sum(self.gaps[number].count or 0 for number in group)
            lower = sum(self._lower[number] for number in group)
            upper = sum(self._upper[number] for number in group)
            if not lower <= declared <= upper:
                gap = self.gaps[group[0]]
                expected = f"{lower} lost" if lower == upper else f"{lower} to {upper} lost"
                also = f" (in {len(group)} overlapping gaps)" if len(group) > 1 else ""
                violations.add(
                    Violation(Fault.GAP_COUNT, str(gap), gap.from_ns, expected, f"{declared} declared{also}")
                )


def _check_width(gap: LedgerGap, outages: Sequence[Outage], tolerance_ns: int, violations: Violations) -> None:
    mine = sorted(
        (outage.from_ns, outage.to_ns)
        for outage in outages
        if outage.edge in (None, gap.edge) and outage.cause in (None, gap.cause)
    )
    near = any(begin - tolerance_ns <= gap.to_ns and gap.from_ns <= end + tolerance_ns for begin, end in mine)
    position, outside = gap.from_ns, 0
    for begin, end in mine:
        if end <= position:
            continue
        if begin >= gap.to_ns:
            break
        outside += max(begin - position, 0)
        position = max(position, end)
    outside += max(gap.to_ns - position, 0)
    if not near or outside > tolerance_ns:
        expected = f"at most {tolerance_ns / 1e6:.0f} ms outside of an injected outage"
        found = f"{outside / 1e6:.0f} ms of {(gap.to_ns - gap.from_ns) / 1e6:.0f} ms outside"
        violations.add(Violation(Fault.GAP_WIDTH, str(gap), gap.from_ns, expected, found))
