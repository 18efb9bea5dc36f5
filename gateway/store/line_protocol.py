"""Samples as InfluxDB line protocol, fast, and the search for the points a server refuses. Pure."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Kind, Samples

Prefix = Callable[[int, int], str]
"""Prefix of a line by series number and origin code."""

_ESCAPE_TEXT = str.maketrans({"\\": "\\\\", '"': '\\"'})


class Lines:
    """Lines of points in one piece of memory, so that any run of them is a body of a request."""

    def __init__(self, lines: pa.StringArray) -> None:
        """Take lines, each with its line break, in an array without offset."""
        self._content = lines.buffers()[2]
        self._begins = np.frombuffer(lines.buffers()[1], np.int32)
        self._count = len(lines)

    def __len__(self) -> int:
        return self._count

    def body(self, start: int, end: int) -> bytes:
        """Return the lines from `start` until before `end`."""
        if start >= end:
            return b""
        first, last = int(self._begins[start]), int(self._begins[end])
        content: bytes = self._content.slice(first, last - first).to_pybytes()
        return content


def encode(samples: Samples, prefix: Prefix) -> Lines:
    """Return one line a row, in order.

    Numbers are written as the shortest text that reads back as the same number. Good floats, which nearly all samples
    are, are written by Arrow without the interpreter: 0.5 us a row instead of 2, while other threads go on.
    """
    codes, which = np.unique(samples.series.astype(np.int64) << 8 | samples.origin, return_inverse=True)
    prefixes = [prefix(code >> 8, code & 0xFF) for code in codes.tolist()]
    lines = pc.binary_join_element_wise(
        pa.array([f"{text}f=" for text in prefixes], pa.string()).take(pa.array(which)),
        pc.cast(pa.array(samples.number), pa.string()),
        pa.scalar(" "),
        pc.cast(pa.array(samples.time_ns), pa.string()),
        pa.scalar("\n"),
        "",
    )
    others = (samples.kind != Kind.FLOAT) | (samples.quality != Quality.GOOD)
    if others.any():
        rows = np.flatnonzero(others)
        columns = zip(which[rows].tolist(), _fields(samples.take(rows)), samples.time_ns[rows].tolist(), strict=True)
        written = [f"{prefixes[code]}{fields} {time_ns}\n" for code, fields, time_ns in columns]
        lines = pc.replace_with_mask(lines, pa.array(others), pa.array(written, pa.string()))
    return Lines(lines)


def _fields(samples: Samples) -> list[str]:
    texts: Sequence[str | None] = samples.text if samples.text is not None else [None] * len(samples)
    columns = zip(
        samples.kind.tolist(),
        samples.number.tolist(),
        samples.integer.tolist(),
        texts,
        samples.quality.tolist(),
        strict=True,
    )
    return [_field(*row) for row in columns]


def _field(kind: int, number: float, integer: int, text: str | None, quality: int) -> str:
    if kind == Kind.FLOAT:
        value = f"f={number}"
    elif kind == Kind.INTEGER:
        value = f"i={integer}i"
    elif kind == Kind.BOOLEAN:
        value = "b=t" if integer else "b=f"
    elif kind == Kind.TEXT:
        value = f's="{(text or "").translate(_ESCAPE_TEXT)}"'
    else:
        return f"q={quality}i"
    return value if quality == Quality.GOOD else f"{value},q={quality}i"


class PointsRefusedError(Exception):
    """The server understood a write and refuses points of it; it may have stored the others."""


_DROPPED = re.compile(r"\bdropped=(\d+)")


def write_isolating(lines: Lines, start: int, end: int, send: Callable[[bytes], None]) -> list[tuple[int, str]]:
    """Send the lines from `start` until before `end`; where they are refused, halve until the bad points are found.

    A point that was stored with one half and is sent again overwrites itself. What a server says about how many points
    it dropped is believed only where it dropped all of them.

    Returns:
        Index and reason of each line that is refused for itself.

    Raises:
        Whatever `send` raises besides PointsRefusedError; then an unknown part is stored.
    """
    refused: list[tuple[int, str]] = []
    pending = [(start, end)]
    while pending:
        start, end = pending.pop()
        try:
            send(lines.body(start, end))
        except PointsRefusedError as error:
            dropped = _DROPPED.search(str(error))
            if end - start == 1 or (dropped is not None and int(dropped[1]) == end - start):
                refused.extend((index, str(error)) for index in range(start, end))
            else:
                middle = (start + end) // 2
                pending += [(middle, end), (start, middle)]
    return refused
