"""Passwords come from files that only their owner may read; they never stand in configuration or logs."""

import os
import stat
from pathlib import Path


class SecretError(ValueError):
    """A password file cannot be used; the text names the file and the remedy, never the content."""


def read_password(path: Path) -> str:
    """First line of a password file; raises SecretError when it is missing, empty, or readable by others (POSIX)."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SecretError(f"password file {path} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(
            f"password file {path} is readable by others (mode {stat.S_IMODE(mode):04o}); run: chmod 600 {path}"
        )
    lines = text.splitlines()
    if not lines or not lines[0]:
        raise SecretError(f"password file {path} is empty; write the password in its first line")
    return lines[0]
