"""Samples of one message as packed columns, and the join of many messages into one batch."""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.waveform import Waveform, decode
from gateway.store.base import Kind, Samples

Buffer: TypeAlias = "array[int] | array[float] | bytes | NDArray[Any]"

_INT64_LIMIT = 1 << 63


class Block(NamedTuple):
    """A waveform: the value of a metric of type Bytes, which is kept beside the store of samples."""

    series: int
    time_ns: int
    quality: int
    origin: int
    waveform: Waveform


class Rows:
    """Columns of `Samples` as anything that holds their bytes in a row; joined without a loop over rows."""

    __slots__ = ("integer", "kind", "number", "origin", "quality", "series", "text", "time_ns")

    def __init__(
        self,
        series: Buffer,
        time_ns: Buffer,
        kind: Buffer,
        number: Buffer,
        integer: Buffer,
        text: list[str | None] | None,
        quality: Buffer,
        origin: Buffer,
    ) -> None:
        self.series = series
        self.time_ns = time_ns
        self.kind = kind
        self.number = number
        self.integer = integer
        self.text = text
        self.quality = quality
        self.origin = origin

    def __len__(self) -> int:
        return len(self.kind)

    def cut(self, begin: int, end: int) -> "Rows":
        """Return the rows from `begin` until before `end`."""
        part = slice(begin, end)
        return Rows(
            self.series[part],
            self.time_ns[part],
            self.kind[part],
            self.number[part],
            self.integer[part],
            None if self.text is None else self.text[part],
            self.quality[part],
            self.origin[part],
        )

    @property
    def newest_ns(self) -> int:
        """Newest time of at least one row."""
        return int(np.asarray(self.time_ns).max())

    @property
    def oldest_ns(self) -> int:
        """Oldest time of at least one row."""
        return int(np.asarray(self.time_ns).min())

    def distinct_series(self) -> set[int]:
        """Return the series that have rows."""
        return set(np.unique(np.asarray(self.series)).tolist())


class RowBuilder:
    """Collects rows of any type one by one.

    Attributes:
        blocks: values that are waveforms, which are no rows.
    """

    __slots__ = ("_integer", "_kind", "_number", "_origin", "_quality", "_series", "_text", "_time_ns", "blocks")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._series = array("i")
        self._time_ns = array("q")
        self._kind = bytearray()
        self._number = array("d")
        self._integer = array("q")
        self._text: list[str | None] = []
        self._quality = array("h")
        self._origin = bytearray()

    def __len__(self) -> int:
        return len(self._kind)

    def add(self, series: int, time_ns: int, value: Value, quality: int, origin: int) -> None:
        """Append one row; a null value of good quality becomes BAD, a value of BAD or STALE quality becomes null.

        Bytes are a block. Raises ValueError for a value no store can hold: an integer above 2^63 - 1, or bytes that are
        no waveform. Nothing is appended then.
        """
        if quality in (Quality.BAD, Quality.STALE):
            value = None
        elif value is None:
            quality = Quality.BAD
        if isinstance(value, bytes):
            _check_time(time_ns)
            self.blocks.append(Block(series, time_ns, quality, origin, decode(value)))
            return
        kind, number, integer, text = Kind.NULL, float("nan"), 0, None
        if isinstance(value, bool):
            kind, number, integer = Kind.BOOLEAN, float(value), int(value)
        elif isinstance(value, float):
            kind, number = Kind.FLOAT, value
        elif isinstance(value, int):
            if not -_INT64_LIMIT <= value < _INT64_LIMIT:
                raise ValueError(f"{value} is above 2^63 - 1, the largest integer that can be stored exactly")
            kind, number, integer = Kind.INTEGER, float(value), value
        elif isinstance(value, str):
            kind, text = Kind.TEXT, value
        self._append(series, time_ns, kind, number, integer, text, quality, origin)

    def _append(
        self,
        series: int,
        time_ns: int,
        kind: Kind,
        number: float,
        integer: int,
        text: str | None,
        quality: int,
        origin: int,
    ) -> None:
        _check_time(time_ns)
        self._series.append(series)
        self._time_ns.append(time_ns)
        self._kind.append(kind)
        self._number.append(number)
        self._integer.append(integer)
        self._text.append(text)
        self._quality.append(quality)
        self._origin.append(origin)

    def rows(self) -> Rows:
        """Return what was collected."""
        has_text = Kind.TEXT in self._kind
        return Rows(
            self._series,
            self._time_ns,
            bytes(self._kind),
            self._number,
            self._integer,
            self._text if has_text else None,
            self._quality,
            bytes(self._origin),
        )


def _check_time(time_ns: int) -> None:
    if not -_INT64_LIMIT <= time_ns < _INT64_LIMIT:
        raise ValueError(f"time {time_ns} ns does not fit 64 bits")


def join(parts: Sequence[Rows]) -> Samples:
    """Join rows of many messages, in order, into the columns a store takes."""
    if not parts:
        return Samples.empty()
    text: list[str | None] | None = None
    if any(part.text is not None for part in parts):
        text = []
        for part in parts:
            text.extend(part.text if part.text is not None else [None] * len(part))
    return Samples(
        series=_column([part.series for part in parts], np.dtype(np.int32)),
        time_ns=_column([part.time_ns for part in parts], np.dtype(np.int64)),
        kind=_column([part.kind for part in parts], np.dtype(np.uint8)),
        number=_column([part.number for part in parts], np.dtype(np.float64)),
        integer=_column([part.integer for part in parts], np.dtype(np.int64)),
        text=text,
        quality=_column([part.quality for part in parts], np.dtype(np.int16)),
        origin=_column([part.origin for part in parts], np.dtype(np.uint8)),
    )


def _column(parts: Sequence[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.frombuffer(bytearray().join(parts), dtype)
