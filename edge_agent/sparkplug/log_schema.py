"""Tables of the durable log, one SQLite file in WAL mode with `synchronous=FULL`."""

import sqlite3
import zlib
from pathlib import Path

FORMAT = 1

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    lsn INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,       -- empty: a message of the edge node itself
    is_gap INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,     -- source times of its values
    last_ns INTEGER NOT NULL,
    n_values INTEGER NOT NULL,
    thinned INTEGER NOT NULL,      -- how often every second value was taken out
    payload BLOB NOT NULL,         -- without Delivery/lsn, seq and is_historical
    checksum INTEGER NOT NULL      -- SQLite does not notice a flipped bit within a value
);
CREATE INDEX message_by_fidelity ON message (is_gap, thinned, lsn);
CREATE TABLE alias (               -- append-only: an alias is never used again
    alias INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    datatype INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (device_id, metric, datatype, origin)
);
CREATE TABLE series_time (         -- what unique_times remembers, by the first alias of the series
    series INTEGER PRIMARY KEY,
    high, floor, used, used_below, base, offset, start_offset, source_time,
    digest BLOB
);
CREATE TABLE source (name TEXT PRIMARY KEY, newest_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE device (
    device_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    own_clock INTEGER NOT NULL,    -- its times are not those of the wall clock (a replay)
    silent_from_ns INTEGER         -- where its values are lost and not declared yet: since when
) WITHOUT ROWID;
"""


class DamagedError(sqlite3.DatabaseError):
    """A row was altered on disk; opening the log again salvages the others."""


def checksum(*fields: object) -> int:
    """Return the checksum of the fields of a row; the last may be bytes."""
    *head, last = fields
    content = last if isinstance(last, bytes) else str(last).encode()
    return zlib.crc32(content, zlib.crc32("\x00".join(map(str, head)).encode()))


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for one program alone, every commit on disk before it returns."""
    database = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    # Exclusive: nobody else may append, and no shared-memory file is needed.
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=256",
                   "journal_size_limit=4000000", "cache_size=-4000"):  # fmt: skip
        database.execute(f"PRAGMA {pragma}")
    return database


def create(database: sqlite3.Connection, epoch: int, next_lsn: int) -> None:
    """Make the tables of an empty file."""
    database.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            database.execute(statement)
    database.execute("INSERT INTO meta VALUES ('epoch', ?), ('next_lsn', ?)", (epoch, next_lsn))
    database.execute(f"PRAGMA user_version={FORMAT}")
    database.execute("COMMIT")


def read_meta(database: sqlite3.Connection) -> tuple[int, int]:
    """Return epoch and next LSN; raises sqlite3.DatabaseError where they are not there."""
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if not (isinstance(meta.get("epoch"), int) and isinstance(meta.get("next_lsn"), int)):
        raise sqlite3.DatabaseError("the epoch or the next LSN is missing")
    return meta["epoch"], meta["next_lsn"]
