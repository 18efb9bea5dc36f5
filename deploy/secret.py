"""Files that only their owner may read: passwords and what contains them."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def password(path: Path) -> str:
    """Return the password in the first line of the file; a new random one is written there on first use."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    # A power cut may have left an empty file; the password is only known to those who read this file, so replace it.
    if not lines or not lines[0]:
        lines = [secrets.token_urlsafe(24)]
        write_private(path, lines[0] + "\n")
    return lines[0]
