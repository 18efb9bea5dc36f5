"""One launcher a data folder: a lock that the operating system takes back when its holder dies."""

import os
import sys
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(Exception):
    """Another launcher runs on this folder; the text says so."""


class FolderLock:
    """Holds `folder` from construction until `release`; raises LockedError where another process holds it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "showroom.lock").open("a+b")
        try:
            _try_lock(self._file)
        except OSError:
            self._file.close()
            raise LockedError(
                f"another showroom already runs on {folder}: stop it, or give this one a folder of its own "
                "with --data-dir (showroom up --data-dir ./second --port 0)"
            ) from None

    def release(self) -> None:
        """Let go of the folder."""
        self._file.close()


def default_folder() -> Path:
    """Where the platform wants applications to keep what they produce."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "smart-factory-showroom"
