"""The one importer of duckdb: opens, guards and reopens the database file of the embedded store."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from gateway.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

Connection = duckdb.DuckDBPyConnection

CHECKPOINT_BYTES = "32MB"
"""Size of the write-ahead log that triggers a checkpoint. At 16 MB one commit in 40 waits 0.1 s for one when 250,000
samples/s come in (commit p99 100 ms instead of 20 ms); at 32 MB a start after kill -9 replays for about a second."""

_UNAVAILABLE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.OutOfMemoryException,
    duckdb.ConnectionException,
    duckdb.TransactionException,  # a commit that could not be written
    duckdb.PermissionException,
)
_FILE_REMEDY = "free space on the disk, check that it can be written, then wait: writing resumes by itself"


class Database:
    """One DuckDB file in this process: one connection that writes, a cursor of its own for each read.

    A full disk can make DuckDB declare the whole database invalid; the next use after any such error opens the file
    again, so that work goes on by itself when there is space.
    """

    def __init__(self, path: Path, *, memory_limit: str, threads: int) -> None:
        self._path = path
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": str(threads),
            "checkpoint_threshold": CHECKPOINT_BYTES,
            "autoinstall_known_extensions": "false",  # nothing is ever fetched from a network
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",  # a table name never means a Python variable
        }
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._generation = 0

    @property
    def generation(self) -> int:
        """How often the file was opened: what was remembered of an earlier one may be out of date."""
        return self._generation

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give the writing connection inside a transaction, committed at the end; one thread only.

        Raises StoreUnavailableError where it was not committed, or where that is not known (disk error in commit).
        """
        connection = self._connect()
        try:
            connection.begin()
            try:
                yield connection
                connection.commit()
            except BaseException:
                self._roll_back(connection)
                raise
        except _UNAVAILABLE as error:
            self._drop(connection)
            raise self._unavailable(error) from error

    @contextmanager
    def cursor(self) -> Iterator[Connection]:
        """Give a connection that reads one consistent state, from any thread."""
        connection = self._connect()
        try:
            cursor = connection.cursor()
            try:
                cursor.begin()
                yield cursor
                cursor.rollback()
            finally:
                cursor.close()
        except _UNAVAILABLE as error:
            if isinstance(error, duckdb.FatalException | duckdb.InternalException):
                self._drop(connection)
            raise self._unavailable(error) from error

    def used_bytes(self) -> int:
        """Return the bytes in use in the file, without blocks that are free for reuse."""
        with self.cursor() as cursor:
            row = cursor.execute("SELECT block_size * used_blocks FROM pragma_database_size()").fetchone()
        return int(row[0]) if row else 0

    def checkpoint(self) -> None:
        """Write the log into the file, which frees the blocks of deleted rows for reuse; writing thread only."""
        connection = self._connect()
        try:
            connection.execute("CHECKPOINT")
        except duckdb.TransactionException as error:  # readers are in the way; a later checkpoint frees the blocks
            log.debug("checkpoint of %s put off: %s", self._path, error)
        except _UNAVAILABLE as error:
            self._drop(connection)
            raise self._unavailable(error) from error

    def close(self) -> None:
        """Write the log into the file and close it."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self) -> Connection:
        with self._lock:
            if self._connection is None:
                try:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    connection = duckdb.connect(str(self._path), config=self._config)
                    connection.execute("SELECT 1")  # a file that another thread still holds open may be invalid
                except (duckdb.Error, OSError) as error:
                    raise self._cannot_open(error) from error
                self._connection = connection
                self._generation += 1
            return self._connection

    def _drop(self, connection: Connection) -> None:
        with self._lock:
            if self._connection is connection:
                self._connection = None
        try:
            connection.close()
        except duckdb.Error as error:
            log.debug("closing %s after an error failed: %s", self._path, error)

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
        except duckdb.Error as error:  # the error that led here is the one to report
            log.debug("rollback in %s failed: %s", self._path, error)

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        remedy = _FILE_REMEDY
        if isinstance(error, duckdb.OutOfMemoryException):
            remedy = "raise memory_limit in [store], or ask for shorter windows"
        return StoreUnavailableError(f"{self._path}: {_first_line(error)}", remedy=remedy)

    def _cannot_open(self, error: Exception) -> StoreUnavailableError:
        text = _first_line(error)
        if "lock" in text.lower() or "being used by another process" in text:
            remedy = "another process has this file open: stop it, or give this gateway another [store] path"
        elif isinstance(error, duckdb.SerializationException) or "version" in text or "valid DuckDB" in text:
            remedy = "the file is damaged or of a newer program: update, restore a backup, or move the file away"
        else:
            remedy = _FILE_REMEDY
        return StoreUnavailableError(f"cannot open {self._path}: {text}", remedy=remedy)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
