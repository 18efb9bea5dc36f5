"""How much must give way so that a log stays within its limit, and within what its disk has left."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

_RESERVE_BYTES = 8_000_000
_PRESSURE_STEP_BYTES = 65_536

Disk = Callable[[], tuple[int, int]]
"""Returns total and free bytes of a disk."""


def disk_of(folder: Path) -> Disk:
    """Return what tells of the disk of a folder."""

    def disk() -> tuple[int, int]:
        usage = shutil.disk_usage(folder)
        return usage.total, usage.free

    return disk


class Room:
    """The limit of one log."""

    def __init__(self, database: sqlite3.Connection, max_bytes: int, disk: Disk) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._disk = disk
        (self._page_bytes,) = database.execute("PRAGMA page_size").fetchone()

    def excess(self, held: int, incoming: int) -> int:
        """Return how many bytes must go so that `incoming` bytes fit beside the `held` ones; 0 or less: none."""
        excess = held + incoming - self._max_bytes
        total, free = self._disk()
        if free >= min(_RESERVE_BYTES, total // 8):
            return excess
        (free_pages,) = self._database.execute("PRAGMA freelist_count").fetchone()
        shortage = 2 * incoming + _PRESSURE_STEP_BYTES - free_pages * self._page_bytes
        return int(max(excess, min(shortage, held)))
