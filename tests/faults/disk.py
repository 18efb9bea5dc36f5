"""A small disk of its own (tmpfs) for one test; needs Linux and the right to mount."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cannot_mount() -> str | None:
    """Return why no small disk can be made here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "a small disk needs Linux (tmpfs)"
    if os.geteuid() != 0:
        return "a small disk needs root, to mount a tmpfs"
    return None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of that size on the folder, which is made."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
