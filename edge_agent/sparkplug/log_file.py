"""The file of the durable log: created, checked, and salvaged where it is damaged.

One SQLite file in WAL mode with `synchronous=FULL`: a row that was appended survives a power cut. Beside it lies a
small watermark file, overwritten many times a second without waiting for the disk, that says how far the log had come.
After a crash it tells how long the edge was silent, and that rows are missing where SQLite itself notices nothing (a
cut-off write-ahead log).
"""

import logging
import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sparkplug.settings import ConfigError

_LOG = logging.getLogger(__name__)
FORMAT = 1
LSN_MARGIN = 1_000_000
"""Numbers left out after damage, so that none that may have been used is used again."""

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
    payload BLOB NOT NULL          -- without Delivery/lsn, seq and is_historical
);
CREATE INDEX message_by_fidelity ON message (is_gap, thinned, lsn);
CREATE TABLE alias (               -- append-only: an alias is never used again
    alias INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    datatype INTEGER NOT NULL,
    origin INTEGER NOT NULL,
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
_MESSAGE_COLUMNS = "lsn, device_id, is_gap, created_ns, first_ns, last_ns, n_values, thinned, payload"
_SMALL_TABLES = ("alias", "series_time", "source", "device")
_WATERMARK = struct.Struct("<QQQQ")


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the log had come. Times in UTC ns, 0 where there is none.

    Attributes:
        alive_ns: everything that sources gave until then is logged or declared lost.
        next_lsn: first number that was not used.
        oldest_ns: source time of the oldest value the log held.
        epoch: log it belongs to.
    """

    alive_ns: int
    next_lsn: int
    oldest_ns: int
    epoch: int


class WatermarkFile:
    """The watermark, overwritten in place; not synchronised, because a process killed by force keeps it anyway."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Watermark | None:
        """Return the watermark, or None where there is none that can be trusted."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        fields, check = content[: _WATERMARK.size], content[_WATERMARK.size :]
        if len(fields) != _WATERMARK.size or check != _check(fields):
            return None
        return Watermark(*_WATERMARK.unpack(fields))

    def write(self, watermark: Watermark) -> None:
        """Overwrite the file; raises OSError."""
        fields = _WATERMARK.pack(watermark.alive_ns, watermark.next_lsn, watermark.oldest_ns, watermark.epoch)
        mode = "r+b" if self._path.exists() else "wb"
        with self._path.open(mode) as file:
            file.write(fields + _check(fields))


def _check(fields: bytes) -> bytes:
    return zlib.crc32(fields).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """An open file, and what was found when it was opened.

    Attributes:
        database: the connection; transactions are begun and committed by hand.
        watermark: how far the log had come when it was last used; None where that is unknown (also for a new file).
        is_new: whether the file was created now.
        damage: in words, where rows were lost; empty otherwise.
        lost: source times (from, to) between which values were lost; None where nothing was lost.
    """

    database: sqlite3.Connection
    watermark: Watermark | None
    is_new: bool
    damage: str = ""
    lost: tuple[int, int] | None = None


def open_log(path: Path, now_ns: int) -> OpenedLog:
    """Open or create the log; a damaged one is moved aside and its readable rows are kept.

    Raises ConfigError where the folder is missing, another program uses the file, or it has another format.
    """
    watermark = WatermarkFile(watermark_path(path)).read()
    if not path.parent.is_dir():
        raise ConfigError(f"log.path: the folder {path.parent} does not exist; create it")
    is_new = not path.exists() or path.stat().st_size == 0
    try:
        database = _connect(path)
        if is_new:
            _create(database, secrets.randbits(62) + 1, 1)
            return _created(database, watermark)
        damage = _inspect(database, path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise ConfigError(f"{path}: is in use; another edge agent runs with the same log.path") from None
        if error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN:
            raise ConfigError(f"{path}: cannot be opened: {error}; check the rights of the folder") from None
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY):
            raise ConfigError(
                f"{path}: cannot be written: {error}; free space on that disk, check its rights"
            ) from None
        damage = str(error)
    except sqlite3.DatabaseError as error:
        damage = str(error)
    if damage:
        return _salvage(path, damage, watermark, now_ns)
    return _compare(database, watermark, now_ns)


def watermark_path(path: Path) -> Path:
    """Return where the watermark of a log lies."""
    return path.with_name(path.name + ".watermark")


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=1.0, check_same_thread=False)
    # Exclusive: nobody else may append, and no shared-memory file is needed.
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=256",
                   "journal_size_limit=4000000", "cache_size=-4000"):  # fmt: skip
        database.execute(f"PRAGMA {pragma}")
    return database


def _create(database: sqlite3.Connection, epoch: int, next_lsn: int) -> None:
    database.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            database.execute(statement)
    database.execute("INSERT INTO meta VALUES ('epoch', ?), ('next_lsn', ?)", (epoch, next_lsn))
    database.execute(f"PRAGMA user_version={FORMAT}")
    database.execute("COMMIT")


def _inspect(database: sqlite3.Connection, path: Path) -> str:
    """Return what is damaged, or an empty text; raises ConfigError for a format this version cannot read."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise ConfigError(
            f"{path}: has format {version}, this version reads up to {FORMAT}: start the newer version again, "
            "or let it deliver its backlog and then name another log.path"
        )
    findings = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
    if findings != ["ok"]:
        return "; ".join(findings)
    if version == 0:
        return "it is not a log of this program, or its creation was interrupted"
    _meta(database)
    return ""


def _meta(database: sqlite3.Connection) -> tuple[int, int]:
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if not (isinstance(meta.get("epoch"), int) and isinstance(meta.get("next_lsn"), int)):
        raise sqlite3.DatabaseError("the epoch or the next LSN is missing")
    return meta["epoch"], meta["next_lsn"]


def _created(database: sqlite3.Connection, watermark: Watermark | None) -> OpenedLog:
    """Say that the file is gone although it held rows when it was last used, where the watermark tells so."""
    if watermark is None or not watermark.oldest_ns:
        return OpenedLog(database, None, is_new=True)
    lost = watermark.oldest_ns, max(watermark.oldest_ns, watermark.alive_ns)
    return OpenedLog(
        database, None, is_new=True, damage="the file is gone, and it held unacknowledged messages", lost=lost
    )


def _compare(database: sqlite3.Connection, watermark: Watermark | None, now_ns: int) -> OpenedLog:
    """Notice rows that vanished without a trace: the watermark knows of more than the file holds."""
    epoch, next_lsn = _meta(database)
    if watermark is None or watermark.epoch != epoch or watermark.next_lsn <= next_lsn:
        return OpenedLog(database, watermark if watermark and watermark.epoch == epoch else None, is_new=False)
    missing = watermark.next_lsn - next_lsn
    database.execute("BEGIN IMMEDIATE")
    database.execute("UPDATE meta SET value=? WHERE key='next_lsn'", (watermark.next_lsn + LSN_MARGIN,))
    database.execute("COMMIT")
    last = database.execute("SELECT max(last_ns) FROM message").fetchone()[0] or 0
    newest = database.execute("SELECT max(newest_ns) FROM source").fetchone()[0] or 0
    begin = max(last, newest) or watermark.oldest_ns or watermark.alive_ns
    return OpenedLog(
        database,
        watermark,
        is_new=False,
        damage=f"the last {missing} messages are missing",
        lost=(begin, max(begin, watermark.alive_ns or now_ns)),
    )


def _salvage(path: Path, damage: str, watermark: Watermark | None, now_ns: int) -> OpenedLog:
    """Move the damaged file aside and copy what can be read; the epoch is kept only where it can be read, too."""
    aside = path.with_name(f"{path.name}.damaged-{now_ns}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _LOG.error("%s is damaged (%s); it was moved to %s and what can be read is kept", path, damage, aside)
    database = _connect(path)
    try:
        old = sqlite3.connect(aside, isolation_level=None)
        epoch, next_lsn = _meta(old)
    except sqlite3.DatabaseError:
        old, epoch, next_lsn = None, secrets.randbits(62) + 1, 1
    known = watermark is not None and watermark.epoch == epoch
    used = max(next_lsn, watermark.next_lsn) if known and watermark is not None else next_lsn
    _create(database, epoch, used + LSN_MARGIN)
    if old is not None:
        _copy(old, database)
        old.close()
    begin = watermark.oldest_ns if watermark is not None and watermark.oldest_ns else 0
    end = watermark.alive_ns if watermark is not None else now_ns
    lost = (begin or end, max(begin, end)) if watermark is None or watermark.oldest_ns else None
    return OpenedLog(database, watermark if known else None, is_new=False, damage=damage, lost=lost)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    new.execute("BEGIN IMMEDIATE")
    for table in _SMALL_TABLES:
        _copy_rows(new, table, _readable(old, f"SELECT * FROM {table}"))  # noqa: S608 - our own table names
    select = f"SELECT {_MESSAGE_COLUMNS} FROM message NOT INDEXED WHERE lsn=?"  # noqa: S608 - our own column names
    for row in list(_readable(old, "SELECT lsn FROM message NOT INDEXED ORDER BY lsn")):
        _copy_rows(new, "message", _readable(old, select, row))
    new.execute("COMMIT")


def _copy_rows(new: sqlite3.Connection, table: str, rows: Iterator[tuple[object, ...]]) -> None:
    for row in rows:
        marks = ",".join("?" * len(row))
        new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608 - our own table names


def _readable(old: sqlite3.Connection, select: str, arguments: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield rows until the file cannot be read any further."""
    try:
        yield from old.execute(select, arguments)
    except sqlite3.DatabaseError as error:
        _LOG.warning("part of the damaged log cannot be read: %s", error)
