"""Saves what can be read of a damaged log: into a new file, while the damaged one is kept aside."""

import logging
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from edge_agent.sparkplug.log_schema import checksum, connect, create, read_meta
from edge_agent.sparkplug.payload import PayloadError, parse

_LOG = logging.getLogger(__name__)
LSN_MARGIN = 1_000_000
"""Numbers left out after damage, so that none that may have been used is used again."""
UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError)
"""What reading a damaged file raises."""

_PLAIN_TABLES = ("series_time", "source", "device")


def salvage(path: Path, damage: str, used_lsn: int, used_epoch: int, now_ns: int) -> sqlite3.Connection:
    """Move the damaged file aside and copy every intact row; the epoch is kept only where it can be read, too.

    `used_lsn` is the next LSN that the log of `used_epoch` is known to have had. Returns the new file, open.
    """
    aside = path.with_name(f"{path.name}.damaged-{now_ns}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    _LOG.error("%s is damaged (%s); it was moved to %s and what can be read is kept", path, damage, aside)
    database = connect(path)
    old = sqlite3.connect(aside, isolation_level=None)
    try:
        epoch, next_lsn = read_meta(old)
    except UNREADABLE:
        create(database, secrets.randbits(62) + 1, LSN_MARGIN)
    else:
        next_lsn = max(next_lsn, used_lsn if used_epoch == epoch else 0)
        create(database, epoch, next_lsn + LSN_MARGIN)
        _copy(old, database)
    old.close()
    return database


def _copy(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    new.execute("BEGIN IMMEDIATE")
    for table in _PLAIN_TABLES:
        for row in _from_both_ends(old, table):
            _insert(new, table, row)
    aliases = {0}
    for row in _from_both_ends(old, "alias"):
        if checksum(*row[:-1]) == row[-1]:
            aliases.add(int(str(row[0])))
            _insert(new, "alias", row)
    # An alias that cannot be read must not be given again.
    new.execute("INSERT OR REPLACE INTO meta VALUES ('next_alias', ?)", (max(aliases) + LSN_MARGIN,))
    for row in _from_both_ends(old, "message"):
        if checksum(*row[:-1]) == row[-1] and _is_understood(row[-2], aliases):
            _insert(new, "message", row)
    new.execute("COMMIT")


def _is_understood(payload: object, aliases: set[int]) -> bool:
    try:
        return isinstance(payload, bytes) and all(metric.alias in aliases for metric in parse(payload).metrics)
    except PayloadError:
        return False


def _insert(new: sqlite3.Connection, table: str, row: tuple[object, ...]) -> None:
    marks = ",".join("?" * len(row))
    try:
        new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608 - our own table names
    except sqlite3.DatabaseError as error:
        _LOG.warning("left out a damaged row of %s: %s", table, error)


def _from_both_ends(old: sqlite3.Connection, table: str) -> Iterator[tuple[object, ...]]:
    """Yield the rows before the first unreadable page, and those behind the last one."""
    try:
        (first, *_) = old.execute(f"SELECT * FROM {table} NOT INDEXED LIMIT 1").description  # noqa: S608
    except UNREADABLE as error:
        _LOG.warning("nothing of %s can be read: %s", table, error)
        return
    for direction in ("ASC", "DESC"):
        try:
            yield from old.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY {first[0]} {direction}")  # noqa: S608
            return
        except UNREADABLE as error:
            _LOG.warning("part of %s cannot be read: %s", table, error)
