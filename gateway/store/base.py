"""What a store is: protocols, and the columns in which samples travel from the wire to a store and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin

Value = float | int | bool | str | None


class StoreUnavailableError(Exception):
    """The store cannot take or give anything now; nothing was acknowledged; try again later.

    Attributes:
        remedy: what the engineer can do about it.
        retry_after_s: when the store asked to be left alone until; None where it did not say.
        permanent: True where waiting alone will not help (401, 403, 404): stop writing, alarm, keep everything.
    """

    def __init__(
        self, message: str, *, remedy: str, retry_after_s: float | None = None, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.permanent = permanent


class Kind(IntEnum):
    """Which value column of `Samples` holds the value of a row."""

    NULL = 0
    FLOAT = 1
    INTEGER = 2
    BOOLEAN = 3
    TEXT = 4


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Identity of a series, the same in every store: ISA-95 site, edge agent, work unit, signal.

    `device_id` is empty for a metric of the edge node itself.
    """

    group_id: str
    edge_node_id: str
    device_id: str
    metric: str

    def __str__(self) -> str:
        return "/".join((self.group_id, self.edge_node_id, self.device_id, self.metric))


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the catalogue, learnt from a birth.

    `number` identifies the series within one store (int32, from 1, never reused). `address` and `report` are the
    properties SOURCE and REPORT of the birth (see edge_agent.sparkplug.properties).
    """

    number: int
    key: SeriesKey
    datatype: DataType
    unit: str = ""
    low: float | None = None
    high: float | None = None
    description: str = ""
    origin: Origin = Origin.REAL
    address: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples as columns of equal length n.

    Attributes:
        series: int32[n], number of the series.
        time_ns: int64[n], UTC nanoseconds since 1970.
        kind: uint8[n], Kind of the value; NULL exactly where quality is BAD or STALE.
        number: float64[n], value where kind is FLOAT, INTEGER or BOOLEAN (for reading and buckets), else NaN.
        integer: int64[n], exact value where kind is INTEGER or BOOLEAN, else 0; UInt64 above 2^63-1 is refused.
        text: n texts where any kind is TEXT (None elsewhere), or None where there is no text at all.
        quality: int16[n], edge_agent.sparkplug.quality.Quality.
        origin: uint8[n], edge_agent.sparkplug.origin.Origin.
    """

    series: NDArray[np.int32]
    time_ns: NDArray[np.int64]
    kind: NDArray[np.uint8]
    number: NDArray[np.float64]
    integer: NDArray[np.int64]
    text: Sequence[str | None] | None
    quality: NDArray[np.int16]
    origin: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.series)

    @classmethod
    def empty(cls) -> "Samples":
        """Return no samples."""
        return cls(
            series=np.empty(0, np.int32),
            time_ns=np.empty(0, np.int64),
            kind=np.empty(0, np.uint8),
            number=np.empty(0, np.float64),
            integer=np.empty(0, np.int64),
            text=None,
            quality=np.empty(0, np.int16),
            origin=np.empty(0, np.uint8),
        )

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Samples":
        """Return the given rows (indices or a mask), in order."""
        text = None
        if self.text is not None:
            indices = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
            text = [self.text[index] for index in indices]
        return Samples(
            self.series[rows],
            self.time_ns[rows],
            self.kind[rows],
            self.number[rows],
            self.integer[rows],
            text,
            self.quality[rows],
            self.origin[rows],
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Samples"]) -> "Samples":
        """Join parts in order; returns no samples for no parts."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        text: list[str | None] | None = None
        if any(part.text is not None for part in parts):
            text = []
            for part in parts:
                text.extend(part.text if part.text is not None else [None] * len(part))
        return cls(
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.time_ns for part in parts]),
            np.concatenate([part.kind for part in parts]),
            np.concatenate([part.number for part in parts]),
            np.concatenate([part.integer for part in parts]),
            text,
            np.concatenate([part.quality for part in parts]),
            np.concatenate([part.origin for part in parts]),
        )

    def value(self, row: int) -> Value:
        """Return the value of one row as a Python object."""
        kind = self.kind[row]
        if kind == Kind.FLOAT:
            return float(self.number[row])
        if kind == Kind.INTEGER:
            return int(self.integer[row])
        if kind == Kind.BOOLEAN:
            return bool(self.integer[row])
        if kind == Kind.TEXT and self.text is not None:
            return self.text[row]
        return None


class EdgeKey(NamedTuple):
    """Identity of an edge agent. A named tuple, because it is looked up several times a message."""

    group_id: str
    edge_node_id: str

    def __str__(self) -> str:
        return f"{self.group_id}/{self.edge_node_id}"


@dataclass(frozen=True, slots=True)
class DeclaredGap:
    """A gap as it is stored: what an edge (or the gateway on its behalf) declared, and when it was stored."""

    edge: EdgeKey
    epoch: int
    gap: Gap
    stored_at_ns: int


@dataclass(frozen=True, slots=True)
class WriteBatch:
    """What one call of `SampleWriter.write` makes durable, all or (after a crash) nothing.

    Attributes:
        series: new or changed series; written before the samples.
        samples: rows of messages with an LSN: never seen before, so appended without looking.
        unnumbered: rows of foreign nodes, and the first ones of a new log of ours; a row whose (series, time) is stored
            already is left out.
        receipts: LSNs of the messages in this batch, by edge and epoch.
        gaps: declared gaps in this batch.
    """

    series: Sequence[Series] = ()
    samples: Samples = field(default_factory=Samples.empty)
    unnumbered: Samples = field(default_factory=Samples.empty)
    receipts: Mapping[tuple[EdgeKey, int], IntervalSet] = field(default_factory=dict)
    gaps: Sequence[DeclaredGap] = ()


@dataclass(frozen=True, slots=True)
class RejectedSamples:
    """Rows the store will never take, with its reason."""

    samples: Samples
    reason: str


Reject = Callable[[RejectedSamples], None]
"""Puts rejected rows into quarantine on disk. Stores call it before the receipts of the batch become durable."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a store remembers from before: its series, received LSNs by edge and epoch, and newest rows.

    `latest` holds at most one row a series, its newest.
    """

    series: Sequence[Series]
    receipts: Mapping[tuple[EdgeKey, int], IntervalSet]
    latest: Samples


class SampleWriter(Protocol):
    """Durable side of a store. One thread writes; `maintain` may be called from the same thread only."""

    def load(self) -> Known:
        """Return what is stored; called once before the first write."""

    def write(self, batch: WriteBatch, reject: Reject) -> None:
        """Make the batch durable; when it returns, a power cut loses nothing of it.

        Raises StoreUnavailableError where nothing (or, for stores without transactions, an unknown part that may be
        written again) was stored; the caller repeats the same batch later.
        """

    def maintain(self, now_ns: int) -> None:
        """Recompute rollups of dirty buckets, apply retention and size cap. Raises StoreUnavailableError."""

    def close(self) -> None:
        """Finish; no call after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Buckets:
    """Down-sampled window of one numeric series: one entry a non-empty bucket, ascending.

    Attributes:
        start_ns: int64[n], begin of each bucket.
        width_ns: width of every bucket.
        minimum, maximum, mean: float64[n] over rows of quality GOOD or UNCERTAIN; NaN where there is none.
        count: int64[n], rows of quality GOOD or UNCERTAIN.
        bad: int64[n], other rows.
        tier: `raw`, `1min` or `1h`: what it was computed from.
    """

    start_ns: NDArray[np.int64]
    width_ns: int
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    mean: NDArray[np.float64]
    count: NDArray[np.int64]
    bad: NDArray[np.int64]
    tier: str


class SampleReader(Protocol):
    """Reading side of a store; safe to call from any thread. Every method raises StoreUnavailableError."""

    def series(self) -> Sequence[Series]:
        """Return the catalogue."""

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return at most `limit` rows of one series with start_ns <= time < end_ns, ascending by time."""

    def several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of several series with start_ns <= time < end_ns, ascending by series, then by time.

        At most `limit` rows: where there are more, those of the last series are cut off and later series are missing.
        A series that is not known has no rows.
        """

    def count(self, series: int, start_ns: int, end_ns: int) -> int:
        """Count the rows of one series with start_ns <= time < end_ns."""

    def buckets(self, series: int, start_ns: int, end_ns: int, max_points: int) -> Buckets:
        """Return at most `max_points` buckets of one series; picks the tier by the span asked for."""

    def gaps(self, start_ns: int, end_ns: int) -> Sequence[DeclaredGap]:
        """Return the declared gaps that overlap [start_ns, end_ns)."""


class Store(SampleWriter, SampleReader, Protocol):
    """Both sides."""
