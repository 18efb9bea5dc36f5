"""How far a log had come: a small file beside it, overwritten many times a second without waiting for the disk.

After a crash it tells how long the edge was silent, and that rows are missing where SQLite itself notices nothing (a
cut-off write-ahead log, a file that was replaced by an older copy).
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_WATERMARK = struct.Struct("<QQQQ")


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the log had come. Times in UTC ns, 0 where there is none.

    Attributes:
        alive_ns: everything that sources gave until then is logged or declared lost.
        next_lsn: first number that was not used.
        oldest_ns: source time of the oldest value the log held.
        epoch: log it belongs to.
    """

    alive_ns: int
    next_lsn: int
    oldest_ns: int
    epoch: int


class WatermarkFile:
    """The watermark, overwritten in place; not synchronised, because a process killed by force keeps it anyway."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def read(self) -> Watermark | None:
        """Return the watermark, or None where there is none that can be trusted."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        fields, check = content[: _WATERMARK.size], content[_WATERMARK.size :]
        if len(fields) != _WATERMARK.size or check != _check(fields):
            return None
        return Watermark(*_WATERMARK.unpack(fields))

    def write(self, watermark: Watermark) -> None:
        """Overwrite the file; raises OSError."""
        if self._file is None:
            self._path.touch()
            self._file = self._path.open("r+b", buffering=0)
        fields = _WATERMARK.pack(watermark.alive_ns, watermark.next_lsn, watermark.oldest_ns, watermark.epoch)
        self._file.seek(0)
        self._file.write(fields + _check(fields))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _check(fields: bytes) -> bytes:
    return zlib.crc32(fields).to_bytes(4, "little")


def watermark_path(log: Path) -> Path:
    """Return where the watermark of a log lies."""
    return log.with_name(log.name + ".watermark")
