"""Fields of many protobuf metrics at once: a few NumPy operations a field instead of a Python object a metric. Pure.

Reads what `edge_agent.sparkplug.schema` declares as a Metric, in any order of its fields, in the wire form that
https://protobuf.dev/programming-guides/encoding defines. A metric that is malformed, or has anything else in it, is
only marked: whoever needs it reads it with the protobuf library.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]
Rows = Positions | slice
"""Indices of metrics; a slice means all of them, which is the usual case and costs no copy."""


class Tag(IntEnum):
    """First byte of a field: its number, shifted, and its wire type."""

    ALIAS = 0x10
    TIMESTAMP = 0x18
    DATATYPE = 0x20
    IS_HISTORICAL = 0x28
    IS_NULL = 0x38
    PROPERTIES = 0x4A
    INT_VALUE = 0x50
    LONG_VALUE = 0x58
    FLOAT_VALUE = 0x65
    DOUBLE_VALUE = 0x69
    BOOLEAN_VALUE = 0x70
    STRING_VALUE = 0x7A


_END = 0  # no field begins with it
_ALL = slice(None)
_LONGEST_VARINT = 10
_SHIFTS = 7 * np.arange(_LONGEST_VARINT, dtype=np.uint64)
_FIXED = {Tag.FLOAT_VALUE: 4, Tag.DOUBLE_VALUE: 8}
_WITH_LENGTH = (Tag.PROPERTIES, Tag.STRING_VALUE)
_KNOWN = frozenset(int(tag) for tag in Tag)
_VALUES = frozenset(int(tag) for tag in Tag if tag >= Tag.INT_VALUE)
_PADDING = bytes(2 * _LONGEST_VARINT)


class MetricFields:
    """Fields of n metrics, as columns. Of a field that stands twice the last one counts, as in protobuf.

    Attributes:
        usual: bool[n], whether a metric is well-formed and holds nothing but the fields of `Tag`.
        value_tag: uint8[n], Tag of the value; 0 where there is none.
    """

    def __init__(self, bodies: Sequence[bytes]) -> None:
        """Read the fields of all metrics; `bodies` are their bytes without tag and length."""
        self._n = len(bodies)
        self._bytes = b"\0".join([*bodies, _PADDING])  # a metric ends where the byte between two is taken for a tag
        self._content = np.frombuffer(self._bytes, np.uint8)
        self._numbers: dict[int, NDArray[np.uint64]] = {}
        self._spans: dict[int, tuple[Positions, Positions]] = {}
        self.value_tag = np.zeros(self._n, np.uint8)
        ends = np.cumsum(np.fromiter(map(len, bodies), np.int64, self._n) + 1) - 1
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))[: self._n]
        self.usual = self._read(starts) == ends

    def numbers(self, tag: Tag) -> NDArray[np.uint64]:
        """Return uint64[n]: a varint, or the bits of a fixed field; 0 where it is absent."""
        numbers = self._numbers.get(tag)
        return np.zeros(self._n, np.uint64) if numbers is None else numbers

    def spans(self, tag: Tag) -> tuple[Positions, Positions]:
        """Return int64[n] twice: where the content of a field with a length begins and ends; 0 where it is absent."""
        absent = np.zeros(self._n, np.int64)
        return self._spans.get(tag, (absent, absent))

    def values(self, tag: Tag) -> Rows | None:
        """Return which metrics have this kind of value; None where none has."""
        if tag not in self._numbers and tag not in self._spans:
            return None
        rows = np.flatnonzero(self.value_tag == tag)
        return _ALL if len(rows) == self._n else rows

    def slice(self, start: int, end: int) -> bytes:
        """Return the bytes between two positions."""
        return self._bytes[start:end]

    def bytes_at(self, positions: Positions, count: int) -> NDArray[np.uint8]:
        """Return uint8[k, count], at most 20 bytes that begin at each of k positions."""
        windows = np.ndarray((len(self._content) - count + 1, count), np.uint8, self._bytes, strides=(1, 1))
        return windows[positions]

    def varints_at(self, positions: Positions) -> tuple[NDArray[np.uint64], Positions]:
        """Return uint64[k] varints that begin at k positions, and where they end; before they begin where malformed."""
        first = self._content[positions]
        if (first < 0x80).all():
            return first.astype(np.uint64), positions + 1
        block = self.bytes_at(positions, _LONGEST_VARINT)
        going = block >= 0x80
        last = going.argmin(axis=1)
        width = int(last.max()) + 1
        parts = (block[:, :width] & 0x7F).astype(np.uint64)
        parts[np.arange(width) > last[:, None]] = 0
        value = np.bitwise_or.reduce(parts << _SHIFTS[:width], axis=1)
        malformed = (going[:, 0] & (last == 0)) | ((last == _LONGEST_VARINT - 1) & (block[:, -1] > 1))
        return value, np.where(malformed, -1, positions + last + 1)

    def _read(self, cursor: Positions) -> Positions:
        """Take the next field of every metric, those with the same tag at once, to the end; returns where that is."""
        for _ in range(len(Tag) + 1):
            tags = self._content[cursor]
            counts = np.bincount(tags, minlength=1)
            if counts[_END] == self._n:
                break
            for tag in np.flatnonzero(counts).tolist():
                if tag == _END:
                    continue
                rows: Rows = _ALL if counts[tag] == self._n else np.flatnonzero(tags == tag)
                end = self._take(tag, rows, cursor[rows] + 1) if tag in _KNOWN else None
                cursor[rows] = -1 if end is None else np.minimum(end, len(self._content) - _LONGEST_VARINT)
        return cursor

    def _take(self, tag: int, rows: Rows, positions: Positions) -> Positions:
        """Read a field of some metrics; returns where it ends, which is before its begin where it cannot be read."""
        if tag in _VALUES:
            self.value_tag[rows] = tag
        if tag in _FIXED:
            width = _FIXED[Tag(tag)]
            self._keep(tag, rows, self.bytes_at(positions, width).view(f"<u{width}")[:, 0])
            return positions + width
        number, end = self.varints_at(positions)
        if tag not in _WITH_LENGTH:
            self._keep(tag, rows, number)
            return end
        begin, end = end, end + np.minimum(number, len(self._content)).astype(np.int64)
        if tag not in self._spans:
            self._spans[tag] = np.zeros(self._n, np.int64), np.zeros(self._n, np.int64)
        begins, ends = self._spans[tag]
        end = np.where((begin < 0) | (begins[rows] != 0), -1, end)  # protobuf would join two property sets
        begins[rows], ends[rows] = begin, end
        return end

    def _keep(self, tag: int, rows: Rows, numbers: NDArray[np.unsignedinteger[Any]]) -> None:
        if tag not in self._numbers:
            self._numbers[tag] = np.zeros(self._n, np.uint64)
        self._numbers[tag][rows] = numbers
