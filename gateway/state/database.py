"""SQLite files of the gateway: opened one way, with a format version and numbered migrations."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path


class DatabaseFormatError(Exception):
    """A SQLite file cannot be used: written by a newer program, or no database of ours."""


def open_database(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open a file for writing (created where missing) and bring it to the newest format.

    Migration i (SQL script) turns format version i into i + 1; the version stands in the file's `user_version`. The
    journal is a write-ahead log with synchronous FULL: what is committed survives a power cut, and other processes read
    while this one writes. Raises DatabaseFormatError for a file of a newer format or of another kind, and
    sqlite3.OperationalError where the file cannot be written.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    except sqlite3.OperationalError as error:
        raise sqlite3.OperationalError(f"{path}: {error}; check that its folder exists and may be written") from None
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection, path, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise DatabaseFormatError(
            f"{path}: not a SQLite database ({error}); move the file away and start again"
        ) from None
    except DatabaseFormatError:
        connection.close()
        raise
    return connection


def open_database_for_reading(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """Open a file that another process may be writing; raises FileNotFoundError or DatabaseFormatError."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10.0)
    try:
        _check_version(_version(connection), path, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DatabaseFormatError(f"{path}: not a SQLite database ({error})") from None
    except DatabaseFormatError:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_version(version: int, path: Path, migrations: Sequence[str]) -> None:
    if version > len(migrations):
        raise DatabaseFormatError(
            f"{path}: format version {version}, this program knows up to {len(migrations)}; "
            "install the newer program, or move the file away"
        )


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    _check_version(_version(connection), path, migrations)
    for number in range(_version(connection), len(migrations)):
        connection.executescript(f"BEGIN;\n{migrations[number]}\nPRAGMA user_version = {number + 1};\nCOMMIT;")
