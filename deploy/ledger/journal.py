"""Reads journals of what sources offered, in bounded memory: split by node into files, then one part at a time."""

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.ipc
from numpy.typing import NDArray

from deploy.ledger.account import NULL, NUMBER, TRUTH, Offered, Values

COLUMNS = ("run", "sequence", "node", "time_ns", "quality", "value")
QUALITIES = {"good": 192, "uncertain": 64, "bad": 0}
PARTS = 32
_BLOCK_BYTES = 4 << 20
_SCHEMA = pa.schema([("node", pa.int32()), ("time_ns", pa.int64()), ("quality", pa.int16()), ("value", pa.string())])
_EXACT_IN_FLOAT64 = float(1 << 53)


class JournalError(ValueError):
    """A journal cannot be read; the text names the file, the place and the remedy."""


class JournalParts:
    """Rows of several journals split by node over PARTS files in a scratch folder, in the order in which they stand.

    Args:
        folder: an empty folder for the parts; about 30 bytes a row.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[str, int] = {}
        self._writers: dict[int, Any] = {}
        self.rows = 0

    @property
    def nodes(self) -> Sequence[str]:
        """Nodes found so far; the place in the sequence is the number of the node."""
        return list(self._numbers)

    def add(self, path: Path) -> None:
        """Read one journal; raises JournalError. A last line without line end was torn by a crash and is left out."""
        end = _end_of_last_line(path)
        if end == 0:
            raise JournalError(f"{path}: no header; expected {','.join(COLUMNS)!r} as its first line")
        read_as = {"node": pa.string(), "time_ns": pa.int64(), "quality": pa.string(), "value": pa.string()}
        convert = pyarrow.csv.ConvertOptions(
            column_types=read_as, include_columns=list(read_as), strings_can_be_null=False, null_values=[]
        )
        with path.open("rb") as file:
            header = file.readline().rstrip(b"\r\n").decode("utf-8", "replace")
            if tuple(header.split(",")) != COLUMNS:
                raise JournalError(
                    f"{path}: not a journal, its first line is {header!r}; expected {','.join(COLUMNS)!r}"
                )
            if end == file.tell():
                return
            file.seek(0)
            try:
                reader = pyarrow.csv.open_csv(
                    io.BufferedReader(_Head(file, end)),
                    read_options=pyarrow.csv.ReadOptions(block_size=_BLOCK_BYTES),
                    convert_options=convert,
                )
                for batch in reader:
                    self._split(batch, path)
            except pa.ArrowInvalid as error:
                raise JournalError(
                    f"{path}, after row {self.rows}: {error}; was it written by something else?"
                ) from None

    def _split(self, batch: Any, path: Path) -> None:
        qualities = batch.column("quality").dictionary_encode()
        words = qualities.dictionary.to_pylist()
        unknown = [word for word in words if word not in QUALITIES]
        if unknown:
            raise JournalError(
                f"{path}, after row {self.rows}: quality {unknown[0]!r} is not one of {', '.join(QUALITIES)}"
            )
        codes = np.array([QUALITIES[word] for word in words], np.int16)[
            qualities.indices.to_numpy(zero_copy_only=False)
        ]
        nodes = batch.column("node").dictionary_encode()
        known = [self._numbers.setdefault(node, len(self._numbers)) for node in nodes.dictionary.to_pylist()]
        numbers = np.array(known, np.int32)[nodes.indices.to_numpy(zero_copy_only=False)]
        for part in np.unique(numbers % PARTS):
            rows = pa.array(np.flatnonzero(numbers % PARTS == part))
            columns = [pa.array(numbers), batch.column("time_ns"), pa.array(codes), batch.column("value")]
            self._writer(int(part)).write_table(
                pa.Table.from_arrays([column.take(rows) for column in columns], schema=_SCHEMA)
            )
        self.rows += len(batch)

    def _writer(self, part: int) -> Any:
        if part not in self._writers:
            self._writers[part] = pa.ipc.new_stream(str(self._folder / f"{part}.arrow"), _SCHEMA)
        return self._writers[part]

    def series(self) -> Iterator[tuple[str, Offered]]:
        """Yield each node with its rows in the order in which they stand; one part is in memory at a time."""
        nodes = self.nodes
        self._close()
        for part in sorted(self._writers):
            with pa.OSFile(str(self._folder / f"{part}.arrow")) as file, pa.ipc.open_stream(file) as reader:
                table = reader.read_all()
            numbers = table.column("node").to_numpy()
            order = np.argsort(numbers, kind="stable")
            found, first, counts = np.unique(numbers[order], return_index=True, return_counts=True)
            for number, begin, count in zip(found, first, counts, strict=True):
                yield nodes[number], _offered(table.take(pa.array(order[begin : begin + count])))

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def _end_of_last_line(path: Path) -> int:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            for step in range(1, 1 + (size + _BLOCK_BYTES - 1) // _BLOCK_BYTES):
                begin = max(size - step * _BLOCK_BYTES, 0)
                file.seek(begin)
                found = file.read(_BLOCK_BYTES).rfind(b"\n")
                if found >= 0:
                    return begin + found + 1
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}; name an existing journal") from None
    return 0


class _Head(io.RawIOBase):
    """The first `size` bytes of a file."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._file.read(min(len(buffer), self._left))
        buffer[: len(block)] = block
        self._left -= len(block)
        return len(block)


def _offered(table: Any) -> Offered:
    quality = table.column("quality").to_numpy()
    values = parse_literals(table.column("value").combine_chunks())
    return Offered(table.column("time_ns").to_numpy(), quality, values.with_null(quality == QUALITIES["bad"]))


def parse_literals(literals: Any) -> Values:
    """Read JSON literals (arrow string array, empty text is null); raises JournalError for what is no scalar.

    Numbers that are not finite become null: the delivery path stores them as a quality, never as a number.
    """
    empty = pc.equal(literals, "")
    null: NDArray[np.bool_] = empty.to_numpy(zero_copy_only=False)
    truths = pc.is_in(literals, value_set=pa.array(["true", "false"])).to_numpy(zero_copy_only=False)
    if bool(truths.any()) and bool((truths | null).all()):
        number = pc.equal(literals, "true").to_numpy(zero_copy_only=False).astype(np.float64)
        return Values(np.where(null, NULL, TRUTH).astype(np.uint8), np.where(null, np.nan, number))
    try:
        numbers = pc.cast(pc.if_else(empty, pa.scalar(None, pa.string()), literals), pa.float64())
    except pa.ArrowInvalid:
        return Values.of([_scalar(literal) for literal in literals.to_pylist()])
    number = numbers.to_numpy(zero_copy_only=False)
    finite = np.isfinite(number)
    if bool((np.abs(number[finite]) >= _EXACT_IN_FLOAT64).any()):
        return Values.of([_scalar(literal) for literal in literals.to_pylist()])
    return Values(np.where(finite, NUMBER, NULL).astype(np.uint8), np.where(finite, number, np.nan))


def _scalar(literal: str) -> float | int | bool | str | None:
    if not literal:
        return None
    try:
        value = json.loads(literal)
    except ValueError:
        raise JournalError(f"value {literal!r} is not a JSON literal") from None
    if value is not None and not isinstance(value, float | int | bool | str):
        raise JournalError(f"value {literal!r} is not a number, true, false or text")
    return value
