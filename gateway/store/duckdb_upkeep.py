"""Upkeep of the embedded store: rollups, retention, size cap, merged receipts; every call does little."""

import logging
from collections.abc import Sequence

from gateway.store.base import Samples
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb import Connection, Database
from gateway.store.duckdb_reading import GOOD, VALUE, all_receipts
from gateway.store.duckdb_schema import read_meta, write_meta
from gateway.store.duckdb_writing import replace_receipts
from gateway.store.rollup import HOUR_NS, MINUTE_NS, DirtyHours, floor_to

log = logging.getLogger(__name__)

ROWS_PER_STEP = 2_000_000
"""Raw rows one rollup step reads at most (about 0.1 s), as long as one series has fewer in an hour."""
RECEIPT_ROWS = 5_000
"""Receipts are merged when this many rows have come together."""
SIZE_CHECK_NS = 30_000_000_000
_DAY_NS = 24 * HOUR_NS

_SUMMED = "min(minimum), max(maximum), sum(total), sum(numbers), sum(count), sum(bad), arg_max(last, last_ns)"
_ROLL_UP = f"""
INSERT INTO rollup_1min
WITH parts AS (
    SELECT series, time_ns // {MINUTE_NS} * {MINUTE_NS} AS start_ns, v AS minimum, v AS maximum, v AS total,
           CAST(v IS NOT NULL AS BIGINT) AS numbers, CAST(good AS BIGINT) AS count, CAST(NOT good AS BIGINT) AS bad,
           v AS last, CASE WHEN v IS NOT NULL THEN time_ns END AS last_ns
    FROM (SELECT series, time_ns, {VALUE} AS v, {GOOD} AS good FROM raw
          WHERE time_ns >= $hour AND time_ns < $hour + {HOUR_NS} AND series IN (SELECT unnest($series::INTEGER[])))
    UNION ALL SELECT * FROM folded
)
SELECT series, start_ns, {_SUMMED}, max(last_ns) FROM parts GROUP BY series, start_ns ORDER BY series, start_ns
"""  # noqa: S608  # constants only
_OF_HOUR = "series IN (SELECT unnest($series::INTEGER[])) AND start_ns >= $hour AND start_ns < $hour + " + str(HOUR_NS)
_HOUR_FROM_MINUTES = f"""
INSERT INTO rollup_1h
SELECT series, $hour, {_SUMMED}, max(last_ns) FROM rollup_1min WHERE {_OF_HOUR} GROUP BY series ORDER BY series
"""  # noqa: S608  # constants only


class Upkeep:
    """Work between batches, in the writing thread."""

    def __init__(self, database: Database, config: DuckDbConfig) -> None:
        self._database = database
        self._config = config
        self.raw_from_ns = 0
        """Raw rows before this time are deleted."""
        self._receipt_rows = 0
        self._size_checked_ns = 0
        self._full = False
        self.newest_ns: int | None = None
        """Newest source time stored: retention never trusts a clock that runs ahead of all sources."""

    def load(self, connection: Connection) -> None:
        """Read what is remembered in the file."""
        self.raw_from_ns = read_meta(connection, "raw_from_ns") or 0
        row = connection.execute("SELECT count(*) FROM receipts").fetchone()
        self._receipt_rows = int(row[0]) if row else 0

    def note(self, samples: Samples, unnumbered: Samples, receipt_rows: int) -> None:
        """Take notice of a committed batch."""
        self._receipt_rows += receipt_rows
        for part in (samples, unnumbered):
            if len(part):
                newest_ns = int(part.time_ns.max())
                self.newest_ns = newest_ns if self.newest_ns is None else max(self.newest_ns, newest_ns)

    def step(self, dirty: DirtyHours, now_ns: int) -> None:
        """Do at most one step of each kind."""
        if self._receipt_rows > RECEIPT_ROWS:
            self._merge_receipts()
        cut_ns = self._retention_cut(now_ns)
        due = next(dirty.due(now_ns, forced_before_ns=cut_ns), None)
        if due is not None:
            self._roll_up(dirty, *due)
        if cut_ns > self.raw_from_ns and not dirty.any_before(cut_ns):
            self._delete_before(min(cut_ns, self._next_cut(_DAY_NS)))
        if self._config.size_cap_bytes is not None and abs(now_ns - self._size_checked_ns) >= SIZE_CHECK_NS:
            self._size_checked_ns = now_ns
            self._keep_below(self._config.size_cap_bytes, dirty, now_ns)

    def _roll_up(self, dirty: DirtyHours, hour_ns: int, series: Sequence[int]) -> None:
        """Compute the rollup rows of one hour for as many of its dirty series as one step allows."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT count(*) FROM raw WHERE time_ns >= ? AND time_ns < ?", [hour_ns, hour_ns + HOUR_NS]
            ).fetchone()
            rows = int(row[0]) if row else 0
            series = series[: max(1, len(series) * ROWS_PER_STEP // max(rows, ROWS_PER_STEP))]
            chosen = {"hour": hour_ns, "series": list(series)}
            late = hour_ns < self.raw_from_ns
            # Other raw rows of a late hour are gone, so its rows add to the rollup and are deleted with this step.
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE folded AS SELECT * FROM rollup_1min WHERE {_OF_HOUR} AND $late",  # noqa: S608
                chosen | {"late": late},
            )
            connection.execute(f"DELETE FROM rollup_1min WHERE {_OF_HOUR}", chosen)  # noqa: S608
            connection.execute(_ROLL_UP, chosen)
            connection.execute(f"DELETE FROM rollup_1h WHERE {_OF_HOUR}", chosen)  # noqa: S608
            connection.execute(_HOUR_FROM_MINUTES, chosen)
            of_raw = (
                f"time_ns >= $hour AND time_ns < $hour + {HOUR_NS} AND series IN (SELECT unnest($series::INTEGER[]))"
            )
            if late:
                connection.execute(f"DELETE FROM raw WHERE {of_raw}", chosen)  # noqa: S608
            connection.execute(
                "DELETE FROM dirty WHERE hour_ns = $hour AND series IN (SELECT unnest($series::INTEGER[]))", chosen
            )
        dirty.clean(hour_ns, series)

    def _retention_cut(self, now_ns: int) -> int:
        if self._config.retention_days is None or self.newest_ns is None:
            return self.raw_from_ns
        age_ns = round(self._config.retention_days * _DAY_NS)
        return max(self.raw_from_ns, floor_to(min(now_ns, self.newest_ns) - age_ns, HOUR_NS))

    def _next_cut(self, step_ns: int) -> int:
        """Return the end of the oldest raw rows, at most `step_ns` long, as whole hours."""
        with self._database.cursor() as cursor:
            row = cursor.execute("SELECT min(time_ns) FROM raw").fetchone()
        oldest_ns = self.raw_from_ns if row is None or row[0] is None else int(row[0])
        return floor_to(max(oldest_ns, self.raw_from_ns), HOUR_NS) + step_ns

    def _delete_before(self, cut_ns: int) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM raw WHERE time_ns < ?", [cut_ns])
            write_meta(connection, "raw_from_ns", cut_ns)
        self.raw_from_ns = cut_ns

    def _keep_below(self, cap_bytes: int, dirty: DirtyHours, now_ns: int) -> None:
        """Delete the oldest hour of raw rows where the file is above its cap; the hour that is open now stays."""
        used_bytes = self._database.used_bytes()
        if used_bytes <= cap_bytes:
            self._full = False
            return
        self._size_checked_ns = 0  # again at the next call
        cut_ns = self._next_cut(HOUR_NS)
        if cut_ns + HOUR_NS > now_ns:
            if not self._full:
                log.warning(
                    "%s uses %d bytes, cap %d, without any closed hour of raw rows to delete",
                    self._config.path,
                    used_bytes,
                    cap_bytes,
                )
            self._full = True
            return
        if dirty.any_before(cut_ns):
            return
        self._delete_before(cut_ns)
        self._database.checkpoint()

    def _merge_receipts(self) -> None:
        with self._database.transaction() as connection:
            merged = all_receipts(connection)
            replace_receipts(connection, merged)
        self._receipt_rows = sum(len(intervals) for intervals in merged.values())
