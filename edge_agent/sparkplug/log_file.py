"""The file of the durable log: created, checked, and salvaged where it is damaged."""

import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sparkplug.log_schema import FORMAT, checksum, connect, create, read_meta
from edge_agent.sparkplug.salvage import LSN_MARGIN, UNREADABLE, salvage
from edge_agent.sparkplug.settings import ConfigError
from edge_agent.sparkplug.watermark import Watermark, WatermarkFile, watermark_path


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
    database = None
    try:
        database = connect(path)
        if is_new or _is_empty(database):
            create(database, secrets.randbits(62) + 1, 1)
            return _created(database, watermark)
        damage = _inspect(database, path)
        if not damage:
            return _compare(database, watermark, now_ns)
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
    except UNREADABLE as error:
        damage = str(error)
    if database is not None:
        database.close()  # it holds the lock
    return _salvaged(path, damage, watermark, now_ns)


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
        return "it is not a log of this program"
    read_meta(database)
    for table in ("alias", "message"):
        for row in database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own table names
            if checksum(*row[:-1]) != row[-1]:
                return f"{table} {row[0]} was altered"
    return ""


def _is_empty(database: sqlite3.Connection) -> bool:
    """Whether its creation was interrupted before there was anything in it."""
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables == 0)


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
    epoch, next_lsn = read_meta(database)
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


def _salvaged(path: Path, damage: str, watermark: Watermark | None, now_ns: int) -> OpenedLog:
    """Keep what can be read; what the log had held until it was last alive counts as lost, for nobody knows which."""
    used_lsn, used_epoch = (watermark.next_lsn, watermark.epoch) if watermark is not None else (0, 0)
    database = salvage(path, damage, used_lsn, used_epoch, now_ns)
    epoch, _ = read_meta(database)
    lost = None
    if watermark is None:
        lost = (now_ns, now_ns)
    elif watermark.oldest_ns:
        lost = (watermark.oldest_ns, max(watermark.oldest_ns, watermark.alive_ns))
    known = watermark if epoch == used_epoch else None
    return OpenedLog(database, known, is_new=False, damage=damage, lost=lost)
