"""What the ledger is made of: offered and stored rows as columns, gaps, and the account of one series."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBER, TRUTH, TEXT, NULL = range(4)
"""Kind of a value in `Values.kind`: what a comparison may assume about it."""

_EXACT_IN_FLOAT64 = float(1 << 53)


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Values of n rows, offered or stored.

    Attributes:
        kind: uint8[n], one of NUMBER, TRUTH, TEXT, NULL.
        number: float64[n], the value where kind is NUMBER or TRUTH, else NaN.
        exact: n Python values where float64 cannot hold them all (text, large integers), else None.
    """

    kind: NDArray[np.uint8]
    number: NDArray[np.float64]
    exact: NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: NDArray[Any]) -> "Values":
        """Return the given rows (indices, a mask), in order."""
        return Values(self.kind[rows], self.number[rows], None if self.exact is None else self.exact[rows])

    def at(self, row: int) -> float | int | bool | str | None:
        """Return one value for people."""
        if self.kind[row] == NULL:
            return None
        if self.exact is not None:
            value: float | int | bool | str | None = self.exact[row]
            return value
        return bool(self.number[row]) if self.kind[row] == TRUTH else float(self.number[row])

    def with_null(self, null: NDArray[np.bool_]) -> "Values":
        """Return the same values with the given rows made null."""
        kind = np.where(null, np.uint8(NULL), self.kind)
        return Values(kind, np.where(null, np.nan, self.number), self.exact)

    @classmethod
    def of(cls, values: Sequence[float | int | bool | str | None]) -> "Values":
        """Build from Python values; numbers that are not finite become null, as the delivery path must store them."""
        kind = np.full(len(values), NULL, np.uint8)
        number = np.full(len(values), np.nan)
        needs_exact = False
        for row, value in enumerate(values):
            if value is None:
                continue
            if isinstance(value, str):
                kind[row], needs_exact = TEXT, True
                continue
            number[row] = value
            if np.isfinite(number[row]):
                kind[row] = TRUTH if isinstance(value, bool) else NUMBER
                needs_exact |= abs(number[row]) >= _EXACT_IN_FLOAT64
        exact = np.array([*values, None], dtype=object)[:-1] if needs_exact else None
        return cls(kind, number, exact)


def same_value(
    left: Values, left_rows: NDArray[np.intp], right: Values, right_rows: NDArray[np.intp], *, single: bool = False
) -> NDArray[np.bool_]:
    """Compare rows pairwise; returns bool[n]. `single` compares numbers as float32 (Sparkplug type Float)."""
    kinds = left.kind[left_rows]
    equal: NDArray[np.bool_] = kinds == right.kind[right_rows]
    a, b = left.number[left_rows], right.number[right_rows]
    if single:
        with np.errstate(over="ignore"):
            a, b = a.astype(np.float32).astype(np.float64), b.astype(np.float32).astype(np.float64)
    numeric = (kinds == NUMBER) | (kinds == TRUTH)
    equal &= ~numeric | (a == b)
    if left.exact is not None and right.exact is not None:
        hard = np.flatnonzero(equal & ((kinds == TEXT) | (numeric & (np.abs(a) >= _EXACT_IN_FLOAT64))))
        for row in hard:
            equal[row] = left.exact[left_rows[row]] == right.exact[right_rows[row]]
    elif bool((equal & (kinds == TEXT)).any()):
        raise ValueError("text without its exact values cannot be compared; build Values with `exact`")
    return equal


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """Rows of one node as its journals give them, in the order in which they were offered.

    Attributes:
        time_ns: int64[n], source time.
        quality: int16[n], Sparkplug code (192, 64 or 0).
        values: the n values.
    """

    time_ns: NDArray[np.int64]
    quality: NDArray[np.int16]
    values: Values

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, rows: NDArray[Any]) -> "Offered":
        """Return the given rows, in order."""
        return Offered(self.time_ns[rows], self.quality[rows], self.values.take(rows))


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Rows of one series as the store gives them, ascending by time. Columns as in `Offered`."""

    time_ns: NDArray[np.int64]
    quality: NDArray[np.int16]
    values: Values

    def __len__(self) -> int:
        return len(self.time_ns)

    def take(self, rows: NDArray[Any]) -> "Stored":
        """Return the given rows, in order."""
        return Stored(self.time_ns[rows], self.quality[rows], self.values.take(rows))


@dataclass(frozen=True, slots=True)
class LedgerGap:
    """A declared gap. `device_id` and `metric` None mean every one; `count` None means that nobody can know it."""

    edge: str
    device_id: str | None
    metric: str | None
    from_ns: int
    to_ns: int
    count: int | None
    cause: str

    def __str__(self) -> str:
        return f"{self.edge}/{self.device_id or '*'}/{self.metric or '*'} {self.cause}"


@dataclass(frozen=True, slots=True)
class Outage:
    """A fault that was injected on purpose: what may explain a gap. `edge` and `cause` None mean any."""

    from_ns: int
    to_ns: int
    edge: str | None = None
    cause: str | None = None


class Fault(StrEnum):
    """Ways in which the books can be wrong."""

    MISSING = "missing"
    DUPLICATE = "duplicate"
    NEVER_OFFERED = "never offered"
    WRONG_VALUE = "wrong value"
    WRONG_QUALITY = "wrong quality"
    STORED_AND_QUARANTINED = "stored and quarantined"
    NO_SERIES = "no series"
    GAP_COUNT = "gap count"
    GAP_CAUSE = "gap cause"
    GAP_WIDTH = "gap width"


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where the equation does not hold.

    Attributes:
        fault: what is wrong.
        series: path of the series, node of a journal, or name of a gap.
        time_ns: source time of the row, or begin of the gap.
        expected, found: values in words.
    """

    fault: Fault
    series: str
    time_ns: int
    expected: str
    found: str


SHOWN = 20
"""Violations kept in full for each kind of fault; the rest are counted."""


@dataclass(slots=True)
class Violations:
    """Exact counts of violations, and the first of each kind in full."""

    counts: Counter[Fault] = field(default_factory=Counter)
    first: list[Violation] = field(default_factory=list)

    def add(self, violation: Violation) -> None:
        """Count one, and keep it while there is room."""
        if self.counts[violation.fault] < SHOWN:
            self.first.append(violation)
        self.counts[violation.fault] += 1

    def add_uncounted(self, fault: Fault, number: int) -> None:
        """Count more of a kind whose first ones were added before."""
        if number:
            self.counts[fault] += number

    @property
    def total(self) -> int:
        """Count of all violations."""
        return sum(self.counts.values())


@dataclass(slots=True)
class SeriesAccount:
    """The equation of one series.

    `offered = stored + suppressed + quarantined + gaps + missing`; the books are right where `missing` is 0 and no
    violation was found. `repeated` (identical rows in a row), `outside` (missing rows before the start or after the
    end that was agreed), `state_marks` and `vouched` (values stored again because their source vouched that they had
    not changed) are no part of it.
    """

    series: str
    offered: int = 0
    stored: int = 0
    suppressed: int = 0
    quarantined: int = 0
    gaps: int = 0
    missing: int = 0
    repeated: int = 0
    outside: int = 0
    state_marks: int = 0
    vouched: int = 0
