"""Durable log of an edge node: every message is here before it is published, until it is acknowledged."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.sparkplug import overflow
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log_config import LogConfig as LogConfig
from edge_agent.sparkplug.log_file import OpenedLog, open_log
from edge_agent.sparkplug.log_room import Disk, Room, disk_of
from edge_agent.sparkplug.log_row import ROW_OVERHEAD_BYTES, LoggedRow, NewRow, gap_row
from edge_agent.sparkplug.log_schema import DamagedError, checksum
from edge_agent.sparkplug.log_tables import AliasTable, DeviceTable, transaction
from edge_agent.sparkplug.older_copy import renumber
from edge_agent.sparkplug.unique_times import TimeState
from edge_agent.sparkplug.watermark import Watermark, WatermarkFile, watermark_path

_NS_PER_H = 3_600_000_000_000


@dataclass(slots=True)
class Drops:
    """Exact counts of values given up since the start, by cause."""

    log_overflow: int = 0
    log_thinned: int = 0

    def count(self, cause: str, values: int) -> None:
        """Add to one cause."""
        setattr(self, cause, getattr(self, cause) + values)


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did: the LSN of each row in order (None where policy `newest` refused it), and gap rows added."""

    lsns: Sequence[int | None]
    gaps: Sequence[LoggedRow] = field(default_factory=tuple)


class DurableLog:
    """The log, used by one thread. Everything it raises is OSError or sqlite3.Error; nothing has changed then."""

    def __init__(self, config: LogConfig, opened: OpenedLog, *, disk: Disk | None = None) -> None:
        """Use `open` instead."""
        self.opened = opened
        self.drops = Drops()
        self._config = config
        self._database = opened.database
        self._room = Room(opened.database, config.max_bytes, disk or disk_of(config.path.parent))
        self._watermark = WatermarkFile(watermark_path(config.path))
        meta = dict(self._database.execute("SELECT key, value FROM meta"))
        self.epoch: int = meta["epoch"]
        self.next_lsn: int = meta["next_lsn"]
        self.opened_lsn = self.next_lsn
        """First number given since the file was opened."""
        query = f"SELECT count(*), coalesce(sum(length(payload) + {ROW_OVERHEAD_BYTES}), 0) FROM message"  # noqa: S608
        self.count: int
        self.bytes: int
        self.count, self.bytes = self._database.execute(query).fetchone()
        self.aliases = AliasTable(self._database)
        self.devices = DeviceTable(self._database)
        self._refused: dict[str, overflow.Loss] = {}

    @classmethod
    def open(cls, config: LogConfig, now_ns: int) -> "DurableLog":
        """Open or create the file; raises ConfigError where it cannot be used. Damage is in `opened`."""
        return cls(config, open_log(config.path, now_ns))

    def close(self) -> None:
        """Close the file."""
        self._watermark.close()
        self._database.close()

    def append(
        self,
        rows: Sequence[NewRow],
        now_ns: int,
        newest: Mapping[str, int] | None = None,
        turns: Mapping[str, bool] | None = None,
        sent: Callable[[], overflow.Sent] = overflow.nothing_sent,
        relieve: Callable[[], None] | None = None,
    ) -> Appended:
        """Add rows in one durable transaction, making room by the declared policy.

        `newest` are source names with the newest source time they gave, kept for the gap after a restart. `turns` are
        devices that with these rows fell silent (True) or speak again (False); see `Silences.turns`. Where something
        must give way, `relieve` may delete first what the host has, and `sent` is asked.
        """
        incoming = sum(len(row.payload) + ROW_OVERHEAD_BYTES for row in rows)
        losses: list[overflow.Loss] = []
        freed = overflow.Freed()
        excess = self._room.excess(self.bytes, incoming)
        if excess > 0 and relieve is not None:
            relieve()
            excess = self._room.excess(self.bytes, incoming)
        with transaction(self._database):
            refuses = excess > 0 and self._config.overflow == "newest"
            if excess > 0 and not refuses:
                step = min(self._config.max_bytes // 20, 4_000_000)
                freed = overflow.make_room(
                    self._database, self._config.overflow == "thin_out", excess + step, ROW_OVERHEAD_BYTES, sent()
                )
                losses = freed.losses
            accepted = [row for row in rows if row.is_gap or not refuses]
            gaps = [gap_row(loss.gap(), now_ns) for loss in losses]
            stored = [*accepted, *gaps]
            self._insert(stored)
            for device_id, silent in (turns or {}).items():
                self.devices.turn(device_id, silent=silent)
            if newest:
                self._database.executemany(
                    "INSERT INTO source VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET newest_ns=excluded.newest_ns "
                    "WHERE excluded.newest_ns > newest_ns",
                    newest.items(),
                )
        first = self.next_lsn
        self.next_lsn += len(stored)
        self.count += len(stored) - freed.messages
        self.bytes += sum(len(row.payload) + ROW_OVERHEAD_BYTES for row in stored) - freed.bytes
        for loss in losses:
            self.drops.count(loss.cause, loss.count)
        lsn = iter(range(first, self.next_lsn))
        lsns = [next(lsn) if row.is_gap or not refuses else None for row in rows]
        for row, given in zip(rows, lsns, strict=True):
            if given is None:
                self._refuse(row)
        return Appended(lsns, [LoggedRow(next(lsn), "", row.payload) for row in gaps])

    def take_refused(self, now_ns: int) -> Sequence[NewRow]:
        """Return gap rows for the values that policy `newest` refused since the last call; append them."""
        rows = [gap_row(loss.gap(), now_ns) for loss in self._refused.values()]
        self._refused.clear()
        return rows

    @property
    def owes_gaps(self) -> bool:
        """Whether refused values are not declared yet."""
        return bool(self._refused)

    def acknowledge(self, stored: IntervalSet, times: Mapping[int, TimeState]) -> None:
        """Delete exactly these messages, and remember times: once the rows are gone nothing else tells them."""
        with transaction(self._database):
            n_messages = n_bytes = 0
            for first, last in stored:
                counted = self._database.execute(
                    f"SELECT count(*), coalesce(sum(length(payload) + {ROW_OVERHEAD_BYTES}), 0) FROM message "  # noqa: S608
                    "WHERE lsn BETWEEN ? AND ?",
                    (first, last),
                ).fetchone()
                self._database.execute("DELETE FROM message WHERE lsn BETWEEN ? AND ?", (first, last))
                n_messages += counted[0]
                n_bytes += counted[1]
            self._remember(times)
        self.count -= n_messages
        self.bytes -= n_bytes

    def renumber(self, first_lsn: int) -> None:
        """Number everything that was logged since the file was opened anew, from a number on that was never used."""
        shift = first_lsn - self.opened_lsn
        with transaction(self._database):
            renumber(self._database, self.opened_lsn, shift)
            self._database.execute("UPDATE meta SET value=? WHERE key='next_lsn'", (self.next_lsn + shift,))
        self.next_lsn += shift
        self.opened_lsn = first_lsn

    def drop_old(self, now_ns: int, sent: overflow.Sent) -> Sequence[LoggedRow]:
        """Drop messages beyond the age limit; returns the gap rows that declare them."""
        limit_ns = now_ns - int(self._config.max_age_h * _NS_PER_H)
        with transaction(self._database):
            freed = overflow.drop_older(self._database, limit_ns, ROW_OVERHEAD_BYTES, sent)
            gaps = [gap_row(loss.gap(), now_ns) for loss in freed.losses]
            self._insert(gaps)
        first = self.next_lsn
        self.next_lsn += len(gaps)
        self.count += len(gaps) - freed.messages
        self.bytes += sum(len(row.payload) + ROW_OVERHEAD_BYTES for row in gaps) - freed.bytes
        for loss in freed.losses:
            self.drops.count(loss.cause, loss.count)
        return [LoggedRow(first + index, "", row.payload) for index, row in enumerate(gaps)]

    def rows(self, first: int, last: int, limit: int) -> Sequence[LoggedRow]:
        """Return at most `limit` messages with LSN in [first, last], oldest first; raises DamagedError."""
        select = "SELECT * FROM message WHERE lsn BETWEEN ? AND ? ORDER BY lsn LIMIT ?"
        found = []
        for row in self._database.execute(select, (first, last, limit)):
            if checksum(*row[:-1]) != row[-1]:
                raise DamagedError(f"message {row[0]} was altered")
            found.append(LoggedRow(row[0], row[1], row[-2]))
        return found

    def intervals(self) -> IntervalSet:
        """Return the LSNs of all messages in the log."""
        lsns = IntervalSet()
        for (lsn,) in self._database.execute("SELECT lsn FROM message ORDER BY lsn"):
            lsns.add(lsn)
        return lsns

    @property
    def first_lsn(self) -> int:
        """Lowest LSN in the log; the next one where it is empty."""
        (lowest,) = self._database.execute("SELECT min(lsn) FROM message").fetchone()
        return self.next_lsn if lowest is None else int(lowest)

    @property
    def oldest_ns(self) -> int:
        """Source time of the oldest message in the log; 0 where it is empty."""
        row = self._database.execute("SELECT first_ns FROM message ORDER BY lsn LIMIT 1").fetchone()
        return 0 if row is None else int(row[0])

    def times(self) -> Mapping[int, TimeState]:
        """Return what was remembered of the times of each series."""
        return {row[0]: TimeState(*row[1:]) for row in self._database.execute("SELECT * FROM series_time")}

    def begin_session_numbers(self) -> int:
        """Return the bdSeq to count from; apart from those of the last start, whose late wills must not be taken."""
        row = self._database.execute("SELECT value FROM meta WHERE key='bd_seq'").fetchone()
        bd_seq = ((0 if row is None else int(row[0])) + 17) % 256
        with transaction(self._database):
            self._database.execute("INSERT OR REPLACE INTO meta VALUES ('bd_seq', ?)", (bd_seq,))
        return bd_seq

    @property
    def newest_ns(self) -> int:
        """Time of the newest thing in the log; 0 where there is nothing."""
        rows = self._database.execute("SELECT max(created_ns) FROM message UNION ALL SELECT max(newest_ns) FROM source")
        return max(int(newest or 0) for (newest,) in rows)

    @property
    def times_lsn(self) -> int:
        """First message whose times are not among those remembered."""
        row = self._database.execute("SELECT value FROM meta WHERE key='times_lsn'").fetchone()
        return 1 if row is None else int(row[0])

    def remember(self, times: Mapping[int, TimeState]) -> None:
        """Keep the times of some series."""
        with transaction(self._database):
            self._remember(times)

    def end_silence(self, device_id: str, row: NewRow | None) -> LoggedRow | None:
        """Declare the silence of a device (row) or forget it (None) in one transaction."""
        with transaction(self._database):
            self._database.execute("UPDATE device SET silent_from_ns=NULL WHERE device_id=?", (device_id,))
            if row is not None:
                self._insert([row])
        if row is None:
            return None
        self.next_lsn += 1
        self.count += 1
        self.bytes += len(row.payload) + ROW_OVERHEAD_BYTES
        return LoggedRow(self.next_lsn - 1, row.device_id, row.payload)

    def mark(self, alive_ns: int) -> None:
        """Write the watermark; alive_ns: everything given until then is logged or declared."""
        self._watermark.write(Watermark(alive_ns, self.next_lsn, self.oldest_ns, self.epoch))

    def _insert(self, rows: Sequence[NewRow]) -> None:
        for lsn, row in enumerate(rows, self.next_lsn):
            values = (lsn, row.device_id, int(row.is_gap), row.created_ns, row.first_ns, row.last_ns, row.n_values, 0,
                      row.payload)  # fmt: skip
            self._database.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, checksum(*values))
            )
        self._database.execute("UPDATE meta SET value=? WHERE key='next_lsn'", (self.next_lsn + len(rows),))

    def _remember(self, times: Mapping[int, TimeState]) -> None:
        rows: Iterable[tuple[object, ...]] = ((series, *state) for series, state in times.items())
        self._database.executemany("INSERT OR REPLACE INTO series_time VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.execute("INSERT OR REPLACE INTO meta VALUES ('times_lsn', ?)", (self.next_lsn,))

    def _refuse(self, row: NewRow) -> None:
        loss = self._refused.setdefault(row.device_id, overflow.Loss(row.device_id, "log_overflow"))
        loss.add(row.first_ns, row.last_ns, row.n_values)
        self.drops.count(loss.cause, row.n_values)


LogError = (OSError, sqlite3.Error)
"""What a log that cannot be read or written raises."""
