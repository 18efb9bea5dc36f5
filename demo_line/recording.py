"""Recordings of real plants: CSV, CSV.GZ or Parquet, read in a stream, their times made strictly increasing."""

import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from demo_line.servers.nodes import spelt
from demo_line.signals import DataType, Value

TIME_NAMES = ("time", "timestamp", "datetime", "date", "ts")
DEFAULT_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Where recordings begin whose times are mere seconds since their own start."""

_RELATIVE_BELOW_S = 1e8
_TICKS_PER_S = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_BLOCK_BYTES = 1 << 18
"""pyarrow reads some 32 blocks ahead, so a recording of any length takes about 10 MB."""


class RecordingError(ValueError):
    """A recording cannot be read; the text names file, place, value and remedy."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a recording is read.

    Attributes:
        time_column: column with the time; None = the first one called time, timestamp, datetime, date or ts.
        group_column: column whose change begins a new cycle or experiment, joined to the end of the one before.
        time_unit: unit of a numeric time: `s`, `ms`, `us` or `ns`.
        interval_s: seconds between two rows of a recording without a time column.
        origin: where numeric times begin that are seconds since the recording's own start (below 1e8 s).
        text: columns served as text although their first rows look like numbers.
        leave_out: columns that are not served.
        start_row, start_ms: first row by its number from 0, or by its recorded time; None = the beginning.
        limit: rows after the start; None = all.
    """

    time_column: str | None = None
    group_column: str | None = None
    time_unit: str = "s"
    interval_s: float | None = None
    origin: datetime = DEFAULT_ORIGIN
    text: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    start_row: int = 0
    start_ms: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is served: its heading, a name safe for nodes, the unit from its brackets, its type."""

    heading: str
    name: str
    unit: str
    datatype: DataType


class RecordedRow(NamedTuple):
    """One row: strictly increasing time in milliseconds since 1970 (UTC) and the values, None where there is none."""

    time_ms: int
    values: tuple[Value | None, ...]


class TimeJoiner:
    """Makes the times of a recording strictly increasing.

    Within a group a time that repeats becomes 1 ms later. A new group, or a time that goes back, is joined end to end:
    it begins one interval after the last row, the interval being the last one of the group before.
    """

    def __init__(self) -> None:
        self._offset_ms = 0
        self._last_ms: int | None = None
        self._interval_ms = 1
        self._group: object = None
        # How far the last time had to be moved because it repeated; a time within that is a repetition, not a restart.
        self._moved_ms = 0

    def place(self, recorded_ms: int, group: object) -> int:
        """Time of the next row."""
        time_ms, last_ms = recorded_ms + self._offset_ms, self._last_ms
        if last_ms is not None and (group != self._group or time_ms < last_ms - self._moved_ms):
            time_ms = last_ms + self._interval_ms
            self._offset_ms = time_ms - recorded_ms
            self._moved_ms = 0
        elif last_ms is not None:
            placed_ms = max(time_ms, last_ms + 1)
            self._moved_ms, self._interval_ms = placed_ms - time_ms, placed_ms - last_ms
            time_ms = placed_ms
        self._group, self._last_ms = group, time_ms
        return time_ms


class Recording:
    """A recording file; opening it reads the headings and the first block only.

    Args:
        path: a `.csv`, `.csv.gz` or `.parquet` file.
        options: how it is read.

    Raises:
        RecordingError: the file, a column or a value cannot be used.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self._options = options
        self._types: dict[str, pa.DataType] = {}
        schema = self._schema()
        self._time_column = self._find_time(schema)
        group = options.group_column
        for name in (*options.text, *options.leave_out, *([] if group is None else [group])):
            if name not in schema.names:
                raise RecordingError(f"{path} has no column {name!r}; it has: {', '.join(schema.names)}")
        left_out = {self._time_column, group, *options.leave_out}
        self.columns = _columns(schema, [name for name in schema.names if name not in left_out])
        if not self.columns:
            raise RecordingError(f"{path} has no column to serve besides time and group")

    def rows(self) -> Iterator[RecordedRow]:
        """Rows in their order from the start on; memory stays that of one block."""
        options, joiner = self._options, TimeJoiner()
        number, given = -1, 0
        for times, groups, values in self._blocks():
            for i, recorded_ms in enumerate(times):
                number += 1
                if recorded_ms is None:
                    raise RecordingError(
                        f"{self.path}, row {number}: no time; remove the row or name another time column"
                    )
                if number < options.start_row or (
                    options.start_ms is not None and not given and recorded_ms < options.start_ms
                ):
                    continue
                if options.limit is not None and given >= options.limit:
                    return
                given += 1
                yield RecordedRow(joiner.place(recorded_ms, groups[i]), tuple(_served(column[i]) for column in values))

    def _blocks(self) -> Iterator[tuple[list[int | None], Sequence[object], list[list[Any]]]]:
        """Blocks as (recorded milliseconds, group of each row, values by column)."""
        seen, relative = 0, None
        for batch in self._batches():
            if not batch.num_rows:
                continue
            if self._time_column is None:
                step_ms = round((self._options.interval_s or 0.0) * 1000.0)
                base = int(self._options.origin.timestamp() * 1000)
                times: list[int | None] = [base + (seen + i) * step_ms for i in range(batch.num_rows)]
            else:
                raw = batch.column(self._time_column)
                if relative is None:
                    relative = self._is_relative(raw)
                times = self._milliseconds(raw, relative)
            group = self._options.group_column
            groups = [None] * batch.num_rows if group is None else batch.column(group).to_pylist()
            yield times, groups, [batch.column(column.heading).to_pylist() for column in self.columns]
            seen += batch.num_rows

    def _is_relative(self, raw: Any) -> bool:
        if not pa.types.is_floating(raw.type) and not pa.types.is_integer(raw.type):
            return False
        first = raw[0].as_py()
        return first is not None and abs(first) / _TICKS_PER_S[self._options.time_unit] < _RELATIVE_BELOW_S

    def _milliseconds(self, raw: Any, relative: bool) -> list[int | None]:
        if pa.types.is_timestamp(raw.type):
            microseconds = raw.cast(pa.timestamp("us", tz=raw.type.tz), safe=False).cast(pa.int64()).to_pylist()
            return [None if us is None else round(us / 1000) for us in microseconds]
        per_ms = _TICKS_PER_S[self._options.time_unit] / 1000.0
        base = int(self._options.origin.timestamp() * 1000) if relative else 0
        return [None if t is None or not isfinite(t) else base + round(t / per_ms) for t in raw.to_pylist()]

    def _find_time(self, schema: pa.Schema) -> str | None:
        wanted = self._options.time_column
        if wanted is not None:
            if wanted not in schema.names:
                raise RecordingError(f"{self.path} has no column {wanted!r}; it has: {', '.join(schema.names)}")
        elif self._options.interval_s is None:
            wanted = next((name for name in schema.names if name.lower() in TIME_NAMES), None)
            if wanted is None:
                raise RecordingError(
                    f"{self.path} has no column called {', '.join(TIME_NAMES)}; give --time-column NAME, "
                    "or --interval SECONDS for a recording without times"
                )
        if wanted is not None and not (
            pa.types.is_timestamp(kind := schema.field(wanted).type)
            or pa.types.is_floating(kind)
            or pa.types.is_integer(kind)
        ):
            raise RecordingError(f"{self.path}: column {wanted!r} holds {kind}, not times; give --time-column NAME")
        return wanted

    # Parquet knows its types; those of a CSV file are guessed from its first block and then fixed for all of it.

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix == ".parquet"

    def _schema(self) -> pa.Schema:
        try:
            if self._is_parquet:
                return pq.read_schema(self.path)
            with self._open_csv() as reader:
                guessed: pa.Schema = reader.schema
        except (OSError, pa.ArrowInvalid, EOFError) as error:
            raise RecordingError(
                f"{self.path} cannot be read: {error}; give a .csv, .csv.gz or .parquet file"
            ) from error
        fixed = {field.name: _fixed(field.type) for field in guessed}
        self._types = {**fixed, **dict.fromkeys(self._options.text, pa.string())}
        return pa.schema(list(self._types.items()))

    def _open_csv(self) -> pacsv.CSVStreamingReader:
        source = gzip.open(self.path, "rb") if self.path.suffix == ".gz" else self.path  # noqa: SIM115 - the reader owns it
        return pacsv.open_csv(
            source,
            read_options=pacsv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            convert_options=pacsv.ConvertOptions(column_types=self._types),
        )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            if self._is_parquet:
                with pq.ParquetFile(self.path) as file:
                    yield from file.iter_batches(batch_size=8192, use_threads=False)
                return
            with self._open_csv() as reader:
                yield from reader
        except (OSError, pa.ArrowInvalid, EOFError) as error:
            raise RecordingError(
                f"{self.path}: {error}; a column that turns to text later is served with --text COLUMN "
                "or left out with --leave-out COLUMN"
            ) from error


def _fixed(guessed: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(guessed):
        return pa.timestamp("ns", tz=guessed.tz)
    if pa.types.is_integer(guessed) or pa.types.is_floating(guessed) or pa.types.is_null(guessed):
        return pa.float64()
    if pa.types.is_boolean(guessed):
        return pa.bool_()
    return pa.timestamp("ns") if pa.types.is_date(guessed) else pa.string()


def _columns(schema: pa.Schema, headings: Sequence[str]) -> tuple[Column, ...]:
    found: list[Column] = []
    taken: set[str] = set()
    for heading in headings:
        name, unit = node_name(heading)
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        found.append(Column(heading, unique, unit, _datatype(schema.field(heading).type)))
    return tuple(found)


def _datatype(kind: pa.DataType) -> DataType:
    if pa.types.is_floating(kind):
        return DataType.DOUBLE
    if pa.types.is_integer(kind):
        return DataType.INT64
    return DataType.BOOLEAN if pa.types.is_boolean(kind) else DataType.STRING


def node_name(heading: str) -> tuple[str, str]:
    """Turn a heading into a name of letters, digits and underscores, and the unit in its last brackets.

    `Volume Flow [l/h]` becomes (`Volume_Flow`, `L/h`).
    """
    match = re.fullmatch(r"(.*?)\s*[\[(]([^\[\]()]*)[\])]\s*", heading)
    text, unit = (match.group(1), match.group(2).strip()) if match and match.group(1) else (heading, "")
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return name or "column", spelt(unit)


def _served(value: Any) -> Value | None:
    """A value as it is served.

    Missing and non-finite numbers have no value, everything that is no scalar becomes text.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    return str(value)
