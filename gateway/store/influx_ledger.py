"""What InfluxDB has no place for, in a SQLite file beside it: catalogue, receipts, declared gaps, dirty hours."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from gateway.state.database import DatabaseFormatError, open_database
from gateway.store.base import DeclaredGap, EdgeKey, Series, SeriesKey, StoreUnavailableError
from gateway.store.checks import bounded_gap

Receipts = dict[tuple[EdgeKey, int], IntervalSet]

_MIGRATIONS = (
    """
    CREATE TABLE series (
        number INTEGER PRIMARY KEY, group_id TEXT NOT NULL, edge_node_id TEXT NOT NULL, device_id TEXT NOT NULL,
        metric TEXT NOT NULL, datatype INTEGER NOT NULL, unit TEXT NOT NULL, low REAL, high REAL,
        description TEXT NOT NULL, origin INTEGER NOT NULL, address TEXT NOT NULL, report TEXT NOT NULL
    );
    -- An epoch may exceed SQLite's integers; `stored` is JSON of closed intervals.
    CREATE TABLE receipts (
        group_id TEXT NOT NULL, edge_node_id TEXT NOT NULL, epoch TEXT NOT NULL, stored TEXT NOT NULL,
        PRIMARY KEY (group_id, edge_node_id, epoch)
    );
    CREATE TABLE gaps (
        group_id TEXT NOT NULL, edge_node_id TEXT NOT NULL, epoch TEXT NOT NULL, stored_at_ns INTEGER NOT NULL,
        device_id TEXT, metric TEXT, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL, count INTEGER,
        cause TEXT NOT NULL
    );
    CREATE INDEX gaps_by_begin ON gaps (from_ns);
    CREATE TABLE dirty (
        series INTEGER NOT NULL, hour_ns INTEGER NOT NULL, PRIMARY KEY (series, hour_ns)
    ) WITHOUT ROWID;
    """,
)
_SERIES_COLUMNS = 13


class InfluxLedger:
    """The file; opened at first use. One thread writes, any thread reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def series(self) -> list[Series]:
        """Return the catalogue, by number."""
        with self._using() as connection:
            rows = connection.execute("SELECT * FROM series ORDER BY number").fetchall()
        return [
            Series(
                number,
                SeriesKey(*key),
                DataType(datatype),
                unit,
                low,
                high,
                description,
                Origin(origin),
                address,
                report,
            )
            for number, *key, datatype, unit, low, high, description, origin, address, report in rows
        ]

    def receipts(self) -> Receipts:
        """Return the received LSNs."""
        with self._using() as connection:
            rows = connection.execute("SELECT group_id, edge_node_id, epoch, stored FROM receipts").fetchall()
        return {
            (EdgeKey(group_id, edge_node_id), int(epoch)): IntervalSet(
                (first, last) for first, last in json.loads(stored)
            )
            for group_id, edge_node_id, epoch, stored in rows
        }

    def gaps(self, start_ns: int, end_ns: int) -> list[DeclaredGap]:
        """Return declared gaps that overlap [start_ns, end_ns), by begin."""
        with self._using() as connection:
            rows = connection.execute(
                "SELECT * FROM gaps WHERE from_ns < ? AND to_ns >= ? ORDER BY from_ns, to_ns", (end_ns, start_ns)
            ).fetchall()
        return [DeclaredGap(EdgeKey(row[0], row[1]), int(row[2]), Gap(*row[4:]), row[3]) for row in rows]

    def dirty(self, series: int | None = None) -> list[tuple[int, int]]:
        """Return dirty (series, hour) pairs, of one series or of all."""
        with self._using() as connection:
            if series is None:
                return connection.execute("SELECT series, hour_ns FROM dirty").fetchall()
            return connection.execute("SELECT series, hour_ns FROM dirty WHERE series = ?", (series,)).fetchall()

    def announce(self, series: Sequence[Series], marks: Sequence[tuple[int, int]]) -> None:
        """Keep series and dirty marks: before the points are written, so a crash never leaves a rollup out of date."""
        if not series and not marks:
            return
        with self._transaction() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO series VALUES ({', '.join('?' * _SERIES_COLUMNS)})",  # noqa: S608
                [_series_row(one) for one in series],
            )
            connection.executemany("INSERT OR IGNORE INTO dirty VALUES (?, ?)", marks)

    def settle(self, receipts: Mapping[tuple[EdgeKey, int], IntervalSet], gaps: Sequence[DeclaredGap]) -> None:
        """Keep what was received: after the points are written and refused ones are in quarantine.

        `receipts` are all LSNs of their edge and epoch, not only the new ones.
        """
        if not receipts and not gaps:
            return
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?)",
                [
                    (edge.group_id, edge.edge_node_id, str(epoch), json.dumps(list(stored)))
                    for (edge, epoch), stored in receipts.items()
                ],
            )
            connection.executemany(
                "INSERT INTO gaps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [_gap_row(bounded_gap(gap)) for gap in gaps]
            )

    def clean(self, hour_ns: int, series: Sequence[int]) -> None:
        """Take dirty marks away, after the rollup points are written."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM dirty WHERE series = ? AND hour_ns = ?", [(number, hour_ns) for number in series]
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                    self._connection = open_database(self._path, _MIGRATIONS)
                yield self._connection
            except DatabaseFormatError as error:
                raise StoreUnavailableError(str(error), remedy="see the message", permanent=True) from error
            except (sqlite3.OperationalError, OSError) as error:
                raise StoreUnavailableError(
                    f"{self._path}: {error}",
                    remedy="free space on the disk and check that the file can be written; writing resumes by itself",
                ) from error


def _series_row(series: Series) -> tuple[object, ...]:
    key = series.key
    return (
        *(series.number, key.group_id, key.edge_node_id, key.device_id, key.metric, int(series.datatype), series.unit),
        *(series.low, series.high, series.description, int(series.origin), series.address, series.report),
    )


def _gap_row(declared: DeclaredGap) -> tuple[object, ...]:
    gap, edge = declared.gap, declared.edge
    return (
        *(edge.group_id, edge.edge_node_id, str(declared.epoch), declared.stored_at_ns, gap.device_id, gap.metric),
        *(gap.from_ns, gap.to_ns, gap.count, gap.cause),
    )
