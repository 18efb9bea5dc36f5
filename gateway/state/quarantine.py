"""Quarantine: what could not be decoded or stored, kept on disk with its reason, readable while the gateway runs."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from gateway.state.database import open_database, open_database_for_reading

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        first_ns INTEGER NOT NULL,
        last_ns INTEGER NOT NULL,
        times INTEGER NOT NULL,
        topic TEXT NOT NULL,
        reason TEXT NOT NULL,
        epoch TEXT,
        lsn INTEGER,
        payload BLOB NOT NULL,
        payload_bytes INTEGER NOT NULL
    );
    CREATE TABLE quarantined_values (
        entry INTEGER NOT NULL REFERENCES entries (id),
        series TEXT NOT NULL,
        time_ns INTEGER,
        value TEXT,
        reason TEXT NOT NULL
    );
    CREATE INDEX values_by_entry ON quarantined_values (entry);
    """,
)
_COLUMNS = "id, first_ns, last_ns, times, topic, reason, epoch, lsn, payload, payload_bytes"
PAYLOAD_KEPT_BYTES = 512_000
"""A longer payload is cut: edges of ours never send one (edge_agent.sparkplug.payload.MAX_MESSAGE_BYTES)."""


class QuarantineFullError(Exception):
    """The file reached its limit; nothing was written and nothing may be acknowledged."""


@dataclass(frozen=True, slots=True)
class QuarantinedValue:
    """One value that is not stored.

    Attributes:
        series: path group_id/edge_node_id/device_id/metric.
        time_ns: its source time; None where it has none that can be read.
        value: as text; None where it cannot be read.
        reason: why it is here.
    """

    series: str
    time_ns: int | None
    value: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """What goes into quarantine together: a message (with payload), or rows a store refused (payload empty).

    Attributes:
        at_ns: when it was refused, UTC nanoseconds.
        topic: MQTT topic; `store` for rows that a store refused.
        reason: why, in words.
        payload: bytes of the message as received.
        epoch, lsn: of a numbered message.
        values: single values that are known.
    """

    at_ns: int
    topic: str
    reason: str
    payload: bytes = b""
    epoch: int | None = None
    lsn: int | None = None
    values: Sequence[QuarantinedValue] = ()

    def digest(self) -> bytes:
        """Return the same bytes for the same refusal, so that a message sent again does not fill the disk."""
        content = hashlib.sha256(self.topic.encode("utf-8", "surrogatepass"))
        if self.lsn is not None:
            content.update(f"\0{self.epoch}\0{self.lsn}".encode())
        else:
            content.update(b"\0" + self.payload)
            for value in self.values if not self.payload else ():
                content.update(f"\0{value.series}\0{value.time_ns}\0{value.value}".encode("utf-8", "surrogatepass"))
        return content.digest()


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """One entry as it lies on disk; `times` counts identical refusals between first_ns and last_ns."""

    id: int
    first_ns: int
    last_ns: int
    times: int
    topic: str
    reason: str
    epoch: int | None
    lsn: int | None
    payload: bytes
    payload_bytes: int


class Quarantine:
    """The quarantine file. Entries are only ever added; one process writes, any number read."""

    def __init__(self, connection: sqlite3.Connection, *, max_bytes: int) -> None:
        """Take an open connection; see `open` and `open_for_reading`."""
        self._connection = connection
        self._max_bytes = max_bytes
        self._lock = Lock()

    @classmethod
    def open(cls, path: Path, *, max_bytes: int = 1_000_000_000) -> "Quarantine":
        """Open for writing, created where missing; raises DatabaseFormatError or sqlite3.OperationalError."""
        return cls(open_database(path, MIGRATIONS), max_bytes=max_bytes)

    @classmethod
    @contextmanager
    def reading(cls, path: Path) -> Iterator["Quarantine"]:
        """Open for reading beside a running gateway; raises FileNotFoundError or DatabaseFormatError."""
        quarantine = cls(open_database_for_reading(path, MIGRATIONS), max_bytes=2**63)
        try:
            yield quarantine
        finally:
            quarantine.close()

    def add(self, rejections: Iterable[Rejection]) -> None:
        """Put refusals on disk in one transaction; when it returns they survive a power cut.

        Raises QuarantineFullError or sqlite3.Error; nothing was written then.
        """
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for rejection in rejections:
                    self._add(rejection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def _add(self, rejection: Rejection) -> None:
        digest = rejection.digest()
        known = self._connection.execute("SELECT id FROM entries WHERE digest = ?", (digest,)).fetchone()
        if known is not None:
            self._connection.execute(
                "UPDATE entries SET times = times + 1, last_ns = ? WHERE id = ?", (rejection.at_ns, known[0])
            )
            return
        if self._used_bytes() + len(rejection.payload) > self._max_bytes:
            raise QuarantineFullError(
                f"the quarantine holds its limit of {self._max_bytes} bytes; read it (showroom quarantine list), "
                "mend the sender, then move the file away"
            )
        entry = self._connection.execute(
            "INSERT INTO entries (digest, first_ns, last_ns, times, topic, reason, epoch, lsn, payload, payload_bytes)"
            " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
            (
                digest,
                rejection.at_ns,
                rejection.at_ns,
                rejection.topic,
                rejection.reason,
                None if rejection.epoch is None else str(rejection.epoch),  # an epoch may exceed SQLite's integers
                rejection.lsn,
                rejection.payload[:PAYLOAD_KEPT_BYTES],
                len(rejection.payload),
            ),
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO quarantined_values (entry, series, time_ns, value, reason) VALUES (?, ?, ?, ?, ?)",
            [(entry, value.series, value.time_ns, value.value, value.reason) for value in rejection.values],
        )

    def _used_bytes(self) -> int:
        pages = int(self._connection.execute("PRAGMA page_count").fetchone()[0])
        size = int(self._connection.execute("PRAGMA page_size").fetchone()[0])
        return pages * size

    def count(self) -> int:
        """Count the entries."""
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    def list(self, *, limit: int = 100) -> Sequence[QuarantineEntry]:
        """Return the entries that were refused last, newest first."""
        return self._select("ORDER BY last_ns DESC, id DESC LIMIT ?", limit)

    def show(self, entry_id: int) -> QuarantineEntry:
        """Return one entry; raises KeyError where there is none of this id."""
        entries = self._select("WHERE id = ?", entry_id)
        if not entries:
            raise KeyError(f"no quarantined entry has id {entry_id}")
        return entries[0]

    def values(self, entry_id: int | None = None) -> Iterator[QuarantinedValue]:
        """Yield the single values of one entry, or of all."""
        query = "SELECT series, time_ns, value, reason FROM quarantined_values"
        with self._lock:
            cursor = (
                self._connection.execute(query)
                if entry_id is None
                else self._connection.execute(query + " WHERE entry = ?", (entry_id,))
            )
            rows = cursor.fetchall()
        for series, time_ns, value, reason in rows:
            yield QuarantinedValue(series, time_ns, value, reason)

    def _select(self, clause: str, parameter: int) -> Sequence[QuarantineEntry]:
        with self._lock:
            rows = self._connection.execute(f"SELECT {_COLUMNS} FROM entries {clause}", (parameter,)).fetchall()  # noqa: S608  (both texts are ours)
        return [_entry(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _entry(
    entry_id: int,
    first_ns: int,
    last_ns: int,
    times: int,
    topic: str,
    reason: str,
    epoch: str | None,
    lsn: int | None,
    payload: bytes,
    payload_bytes: int,
) -> QuarantineEntry:
    number = None if epoch is None else int(epoch)
    return QuarantineEntry(entry_id, first_ns, last_ns, times, topic, reason, number, lsn, payload, payload_bytes)
