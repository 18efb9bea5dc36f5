"""Embedded store: one DuckDB file, one transaction a batch."""

import logging
import threading
from collections.abc import Sequence

from gateway.store.base import Buckets, DeclaredGap, Known, Reject, RejectedSamples, Samples, Series, WriteBatch
from gateway.store.checks import first_of_each, split_storable
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb import Connection, Database
from gateway.store.duckdb_reading import (
    all_receipts,
    all_series,
    count_rows,
    gaps_between,
    newest_rows,
    raw_buckets,
    raw_rows,
    rollup_buckets,
    rows_of_several,
)
from gateway.store.duckdb_schema import prepare
from gateway.store.duckdb_upkeep import Upkeep
from gateway.store.duckdb_writing import add_dirty, add_gaps, add_receipts, append, append_missing, put_series
from gateway.store.rollup import RAW, DirtyHours, Tier, hours_of, plan_buckets

log = logging.getLogger(__name__)


class DuckDbStore:
    """Store in one DuckDB file; see gateway.store.base.Store for the contract of each method.

    One thread writes and maintains; any thread reads, each read on a cursor of its own and of one consistent state.
    """

    def __init__(self, config: DuckDbConfig) -> None:
        self._config = config
        self._database = Database(config.path, memory_limit=config.memory_limit, threads=config.threads)
        self._upkeep = Upkeep(self._database, config)
        self._refreshing = threading.Lock()
        self._generation = 0
        self._dirty = DirtyHours()
        self._in_doubt = False

    def load(self) -> Known:
        """Open the file, create its tables where it is new, and return what it remembers."""
        self._refresh()
        with self._database.cursor() as cursor:
            series = all_series(cursor)
            receipts = all_receipts(cursor)
            latest = newest_rows(cursor)
        self._upkeep.newest_ns = int(latest.time_ns.max()) if len(latest) else None
        return Known(series, receipts, latest)

    def write(self, batch: WriteBatch, reject: Reject) -> None:
        """Commit the batch in one transaction."""
        self._refresh()
        samples, rejected = split_storable(batch.samples)
        unnumbered, others = split_storable(first_of_each(batch.unnumbered))
        hours = hours_of(Samples.concatenate((samples, unnumbered)) if len(unnumbered) else samples)
        try:
            with self._database.transaction() as connection:
                if self._in_doubt and _is_stored(connection, batch):
                    log.info("the batch whose commit failed is stored after all")
                else:
                    self._put(connection, batch, samples, unnumbered)
                    add_dirty(connection, self._dirty.unmarked(hours))
                    _hand_over(rejected + others, reject)
        except BaseException:
            self._in_doubt = True
            raise
        self._in_doubt = False
        self._dirty.mark(hours)
        self._upkeep.note(samples, unnumbered, sum(len(intervals) for intervals in batch.receipts.values()))

    def maintain(self, now_ns: int) -> None:
        """Do at most one step of each kind of upkeep."""
        self._refresh()
        self._upkeep.step(self._dirty, now_ns)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def series(self) -> list[Series]:
        """Return the catalogue."""
        with self._ready().cursor() as cursor:
            return all_series(cursor)

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of a window, ascending by time."""
        with self._ready().cursor() as cursor:
            return raw_rows(cursor, series, start_ns, end_ns, limit)

    def several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of several series, ascending by series, then by time."""
        with self._ready().cursor() as cursor:
            return rows_of_several(cursor, series, start_ns, end_ns, limit)

    def count(self, series: int, start_ns: int, end_ns: int) -> int:
        """Count rows of a window."""
        with self._ready().cursor() as cursor:
            return count_rows(cursor, series, start_ns, end_ns)

    def buckets(self, series: int, start_ns: int, end_ns: int, max_points: int, tier: Tier | None = None) -> Buckets:
        """Down-sample a window; `tier` overrides the choice by span."""
        with self._ready().cursor() as cursor:
            raw_from_ns = self._upkeep.raw_from_ns
            plan = plan_buckets(start_ns, end_ns, max_points, raw_from_ns, tier)
            if plan.tier is RAW:
                return raw_buckets(cursor, series, plan)
            return rollup_buckets(cursor, series, plan, raw_from_ns)

    def gaps(self, start_ns: int, end_ns: int) -> list[DeclaredGap]:
        """Return declared gaps that overlap the window."""
        with self._ready().cursor() as cursor:
            return gaps_between(cursor, start_ns, end_ns)

    def _ready(self) -> Database:
        """Return the database with its tables made, for readers that come before the first write."""
        if self._generation == 0:
            self._refresh()
        return self._database

    def _refresh(self) -> None:
        """Read again what is kept in memory of the file, where the file was opened anew."""
        with self._refreshing:
            if self._generation and self._generation == self._database.generation:
                return
            with self._database.transaction() as connection:
                prepare(connection, str(self._config.path))
                marks = connection.execute("SELECT series, hour_ns FROM dirty").fetchall()
                self._upkeep.load(connection)
            self._dirty = DirtyHours(marks)
            self._generation = self._database.generation

    def _put(self, connection: Connection, batch: WriteBatch, samples: Samples, unnumbered: Samples) -> None:
        put_series(connection, batch.series)
        append(connection, samples)
        append_missing(connection, unnumbered)
        add_receipts(connection, batch.receipts)
        add_gaps(connection, batch.gaps)


def _is_stored(connection: Connection, batch: WriteBatch) -> bool:
    """Tell whether every receipt of the batch is there: a failed commit may have reached the disk."""
    stored = all_receipts(connection)
    return bool(batch.receipts) and all(
        key in stored and not any(stored[key].missing(first, last) for first, last in intervals)
        for key, intervals in batch.receipts.items()
    )


def _hand_over(rejected: list[RejectedSamples], reject: Reject) -> None:
    for rows in rejected:
        reject(rows)
