"""Declared gaps: which rows they may explain, whether their counts are exact and their width was earned."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import Fault, LedgerGap, Outage, Violation, Violations
from deploy.ledger.match import STEP_NS
from edge_agent.sparkplug.delivery import CAUSES

_NEVER_NS = (1 << 63) - 1


class GapBook:
    """All gaps of a run. Series are checked one by one; at the end the counts must come out exactly.

    Gaps that share a lost row cannot be told apart, so the counts of such gaps are compared as one sum.

    Args:
        gaps: as declared; those of unknown cause explain nothing.
        outages: what was injected; None where it is not known, then widths are not checked.
        tolerance_ns: how far from an outage values may be lost: they were on their way.
    """

    def __init__(
        self, gaps: Sequence[LedgerGap], outages: Sequence[Outage] | None = None, tolerance_ns: int = 0
    ) -> None:
        self.gaps = [gap for gap in gaps if gap.cause in CAUSES]
        self._unknown = [gap for gap in gaps if gap.cause not in CAUSES]
        self._parent = list(range(len(self.gaps)))
        self._lower = [0] * len(self.gaps)
        self._upper = [0] * len(self.gaps)
        self.rows = [0] * len(self.gaps)
        self._lost: dict[int, tuple[int, int]] = {}
        self._outages = outages
        self._tolerance_ns = tolerance_ns
        self._near: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def saw(self, edge: str, device_id: str, time_ns: NDArray[np.int64]) -> None:
        """Take note of the offered times (ascending) of a device: between two of them nobody can tell an outage."""
        if not self._outages or not len(time_ns):
            return
        near = self._near.setdefault((edge, device_id), [(0, _NEVER_NS)] * len(self._outages))
        for index, outage in enumerate(self._outages):
            before = int(np.searchsorted(time_ns, outage.from_ns - self._tolerance_ns, side="right")) - 1
            after = int(np.searchsorted(time_ns, outage.to_ns + self._tolerance_ns, side="left"))
            last = int(time_ns[before]) if before >= 0 else 0
            following = int(time_ns[after]) if after < len(time_ns) else _NEVER_NS
            near[index] = (max(near[index][0], last), min(near[index][1], following))

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
            lost = time_ns[low:high][certain[low:high]]
            self.rows[number] += len(lost)
            if len(lost):
                first, last = self._lost.get(int(number), (int(lost[0]), int(lost[-1])))
                self._lost[int(number)] = (min(first, int(lost[0])), max(last, int(lost[-1])))
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

    def may_hold_vouched(self, numbers: NDArray[np.intp], interval_ns: int) -> None:
        """Let counts include values that were repeated at this interval and lost: no journal has them."""
        for number in numbers.tolist():
            gap = self.gaps[number]
            self._upper[number] += max(gap.to_ns - gap.from_ns, 0) // interval_ns + 1

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

    def close(self, violations: Violations, start_ns: int | None) -> None:
        """Check causes, counts and widths after all series; a gap that ends before `start_ns` is left out."""
        for gap in self._unknown:
            expected = f"one of {', '.join(CAUSES)}"
            violations.add(Violation(Fault.GAP_CAUSE, str(gap), gap.from_ns, expected, gap.cause))
        self._check_counts(violations, start_ns)
        if self._outages is not None:
            for number, gap in enumerate(self.gaps):
                if start_ns is None or gap.to_ns >= start_ns:
                    self._check_width(number, gap, violations)

    def _check_width(self, number: int, gap: LedgerGap, violations: Violations) -> None:
        """The rows a gap explains must lie in injected outages, and so must the gap, but for the silence around them.

        Before an outage begins, and after it ends, a device is silent until its next value; that much more may be
        declared, because nobody can see the difference. Beyond it, the tolerance in sum.
        """
        outages, tolerance_ns = self._outages or (), self._tolerance_ns
        mine = [index for index, outage in enumerate(outages) if _concerns(outage, gap)]
        strict = [(outages[index].from_ns, outages[index].to_ns) for index in mine]
        wide = [self._silence(gap, index) for index in mine]
        checks = [(gap.from_ns, gap.to_ns, wide, "")]
        if number in self._lost:
            checks.append((*self._lost[number], strict, " between its lost rows"))
        for begin, end, spans, what in checks:
            outside = _outside(begin, end, spans, tolerance_ns)
            if outside is None or outside > tolerance_ns:
                expected = f"at most {tolerance_ns / 1e6:.0f} ms outside of an injected outage"
                found = f"{(end - begin if outside is None else outside) / 1e6:.0f} ms outside{what}"
                found += f", of {(gap.to_ns - gap.from_ns) / 1e6:.0f} ms"
                violations.add(Violation(Fault.GAP_WIDTH, str(gap), begin, expected, found))
                return

    def _silence(self, gap: LedgerGap, index: int) -> tuple[int, int]:
        outage = (self._outages or ())[index]
        near = [
            spans[index]
            for (edge, device_id), spans in self._near.items()
            if edge == gap.edge and gap.device_id in (None, device_id)
        ]
        begins = [begin for begin, _ in near if begin]
        ends = [end for _, end in near if end != _NEVER_NS]
        return min([outage.from_ns, *begins]), max([outage.to_ns, *ends])

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


def _concerns(outage: Outage, gap: LedgerGap) -> bool:
    return outage.edge in (None, gap.edge) and outage.cause in (None, gap.cause)


def _outside(begin_ns: int, end_ns: int, spans: Sequence[tuple[int, int]], tolerance_ns: int) -> int | None:
    """How much of [begin_ns, end_ns] lies in no span; None where no span is even near."""
    if not any(begin - tolerance_ns <= end_ns and begin_ns <= end + tolerance_ns for begin, end in spans):
        return None
    position, outside = begin_ns, 0
    for begin, end in sorted(spans):
        if end <= position:
            continue
        if begin >= end_ns:
            break
        outside += max(begin - position, 0)
        position = max(position, end)
    return outside + max(end_ns - position, 0)
