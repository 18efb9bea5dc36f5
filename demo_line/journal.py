"""Journal of what a server offered, so that a checker can prove what must be stored.

CSV, appended and fsynced before the values are offered.

Header `run,sequence,node,time_ns,quality,value`:

- `run`: random hexadecimal text of one process start,
- `sequence`: number of the row, increasing over all runs of the file,
- `node`: `nsu=<namespace uri>;s=<identifier>` for OPC UA, `<topic>#<json pointer>` for MQTT,
- `time_ns`: source time, UTC nanoseconds since 1970,
- `quality`: `good`, `uncertain` or `bad`,
- `value`: JSON literal (`1.5`, `true`, `"EXECUTE"`), empty for no value.

The rows of a batch reach the disk before the batch is offered. So a process that is killed leaves at most its last
batch journalled but not offered, and
perhaps a torn last line, which was never offered; opening the file again cuts the torn line off and goes on with a new
run.
"""

import csv
import io
import json
import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from demo_line.measurement import Quality
from demo_line.signals import Value

HEADER = "run,sequence,node,time_ns,quality,value"

_log = logging.getLogger(__name__)

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

Row = tuple[str, int, Value | None, Quality]
"""Node, source time in nanoseconds, value, quality."""


class JournalError(RuntimeError):
    """The journal cannot be used; the text names the file and the remedy."""


class Journal:
    """An open journal file; every `append` is on the disk when it returns.

    Args:
        path: the file; it is created, or continued when it is a journal already.
        run: text that marks this process start; random unless given.
    """

    def __init__(self, path: Path, run: str | None = None) -> None:
        self.path = path
        self.run = secrets.token_hex(8) if run is None else run
        path.parent.mkdir(parents=True, exist_ok=True)
        self._sequence = _prepare(path)
        self._file = path.open("ab", buffering=0)

    def append(self, rows: Iterable[Row]) -> None:
        """Write the rows and wait until they are on the disk.

        Raises OSError when the disk refuses, and then nothing must be offered.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        sequence = self._sequence
        for node, time_ns, value, quality in rows:
            sequence += 1
            literal = "" if value is None else _encode(value)
            writer.writerow((self.run, sequence, node, time_ns, quality.value, literal))
        block = memoryview(text.getvalue().encode("utf-8"))
        while block:
            block = block[self._file.write(block) :]
        os.fsync(self._file.fileno())
        self._sequence = sequence

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(path: Path) -> int:
    """Create the file or make an existing one end with a whole line; returns the last sequence number used."""
    if not path.exists() or _is_torn_header(path):
        path.write_bytes(HEADER.encode() + b"\n")
        return 0
    with path.open("r+b") as file:
        if file.readline().rstrip(b"\r\n").decode("utf-8", "replace") != HEADER:
            raise JournalError(
                f"{path} is not a journal (its first line is not {HEADER!r}); name another file with --journal"
            )
        tail = _tail(file)
        last_line_end = tail.rfind(b"\n") + 1
        if last_line_end < len(tail):
            _log.warning(
                "%s ended with a torn line of %d bytes, which was never offered; it is cut off",
                path,
                len(tail) - last_line_end,
            )
            file.truncate(file.seek(0, io.SEEK_END) - (len(tail) - last_line_end))
        lines = tail[:last_line_end].splitlines()
    last = next(csv.reader([lines[-1].decode("utf-8")]))
    return int(last[1]) if last[1].isdecimal() else 0


def _is_torn_header(path: Path) -> bool:
    """Whether the process that created the file was killed before the header's line was whole."""
    return path.stat().st_size <= len(HEADER) and HEADER.encode().startswith(path.read_bytes())


def _tail(file: io.BufferedRandom, size: int = 1 << 20) -> bytes:
    end = file.seek(0, io.SEEK_END)
    file.seek(max(end - size, 0))
    return file.read()
