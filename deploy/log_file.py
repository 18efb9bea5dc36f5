"""The log of one process: lines as they came, rotated by size, and a full disk never stops anyone."""

from collections import deque
from pathlib import Path
from typing import BinaryIO


class LogFile:
    """Appends lines to `path`; beyond `max_bytes` it becomes `path.1`, and so on up to `keep` old files.

    Not safe for several threads: one keeper writes it.
    """

    def __init__(self, path: Path, max_bytes: int = 5_000_000, keep: int = 3) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._file: BinaryIO | None = None
        self._size = 0
        self._lost = 0
        self.tail: deque[str] = deque(maxlen=20)

    def write(self, line: bytes) -> None:
        """Append one line; where the disk refuses, the line is counted and the count is written when it works again."""
        self.tail.append(line.decode("utf-8", "replace").rstrip())
        try:
            file = self._opened()
            if self._lost:
                line = b"(%d lines could not be written here)\n" % self._lost + line
            file.write(line)
            file.flush()
        except OSError:
            self._lost += 1
            self._forget()
            return
        self._lost = 0
        self._size += len(line)
        if self._size >= self._max_bytes:
            self._rotate()

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        self._forget()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
            self._size = self._file.tell()
        return self._file

    def _forget(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                self._lost += 1  # what was buffered is gone with the disk

    def _rotate(self) -> None:
        self._forget()
        try:
            for number in range(self._keep, 0, -1):
                older = self.path.with_name(f"{self.path.name}.{number}")
                newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
                if newer.exists():
                    newer.replace(older)
        except OSError:
            self._lost += 1
