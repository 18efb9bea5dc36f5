"""Queries of the embedded store, each on the cursor it is given."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from gateway.store.base import Buckets, DeclaredGap, EdgeKey, Kind, Samples, Series, SeriesKey
from gateway.store.downsample import GOOD_QUALITIES, Partials
from gateway.store.duckdb import Connection
from gateway.store.rollup import HOUR, HOUR_NS, MINUTE, BucketPlan, segments

GOOD = "q IN ({})".format(", ".join(str(code) for code in GOOD_QUALITIES))
VALUE = f"CASE WHEN {GOOD} THEN coalesce(f, i, CAST(b AS INTEGER)) END"
TABLES: Mapping[str, str] = {MINUTE.name: "rollup_1min", HOUR.name: "rollup_1h"}

_LATEST_WINDOWS_NS = (HOUR_NS, 24 * HOUR_NS, 10 * 24 * HOUR_NS)


def all_series(cursor: Connection) -> list[Series]:
    """Return the catalogue, by number."""
    rows = cursor.execute(
        "SELECT number, group_id, edge_node_id, device_id, metric, datatype, unit, low, high, description, origin, "
        "address, report FROM series ORDER BY number"
    ).fetchall()
    return [
        Series(
            number, SeriesKey(*key), DataType(datatype), unit, low, high, description, Origin(origin), address, report
        )
        for number, *key, datatype, unit, low, high, description, origin, address, report in rows
    ]


def all_receipts(cursor: Connection) -> dict[tuple[EdgeKey, int], IntervalSet]:
    """Return the received LSNs, merged."""
    receipts: dict[tuple[EdgeKey, int], IntervalSet] = {}
    rows = cursor.execute(
        "SELECT group_id, edge_node_id, epoch, first, last FROM receipts ORDER BY group_id, edge_node_id, epoch, first"
    ).fetchall()
    for group_id, edge_node_id, epoch, first, last in rows:
        receipts.setdefault((EdgeKey(group_id, edge_node_id), epoch), IntervalSet()).add(first, last)
    return receipts


def newest_rows(cursor: Connection) -> Samples:
    """Return the newest row of every series.

    Looks at ever longer spans back from the newest row, each for the series not found yet, so a start with weeks of
    rows reads the last hour and little more.
    """
    newest = cursor.execute("SELECT max(time_ns) FROM raw").fetchone()
    if newest is None or newest[0] is None:
        return Samples.empty()
    found: dict[int, int] = {}
    for span_ns in (*_LATEST_WINDOWS_NS, None):
        since = -(2**63) if span_ns is None else newest[0] - span_ns
        missing = [row[0] for row in cursor.execute("SELECT number FROM series").fetchall() if row[0] not in found]
        if not missing:
            break
        found |= dict(
            cursor.execute(
                "SELECT series, max(time_ns) FROM raw "
                "WHERE time_ns >= ? AND series IN (SELECT unnest(?::INTEGER[])) GROUP BY series",
                [since, missing],
            ).fetchall()
        )
    wanted = np.array(sorted(found.items()), np.int64).reshape(-1, 2)
    cursor.register("wanted", {"series": wanted[:, 0].copy(), "time_ns": wanted[:, 1].copy()})
    oldest = min(found.values(), default=0)
    rows = _samples(
        cursor.execute(
            "SELECT raw.* FROM raw JOIN wanted USING (series, time_ns) WHERE raw.time_ns >= ? ORDER BY series", [oldest]
        ).fetchnumpy()
    )
    cursor.unregister("wanted")
    return rows.take(np.unique(rows.series, return_index=True)[1])


def raw_rows(cursor: Connection, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
    """Return rows of a window, ascending by time."""
    return _samples(
        cursor.execute(
            "SELECT * FROM raw WHERE series = ? AND time_ns >= ? AND time_ns < ? ORDER BY time_ns LIMIT ?",
            [series, start_ns, end_ns, limit],
        ).fetchnumpy()
    )


def rows_of_several(cursor: Connection, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
    """Return rows of several series, ascending by series, then by time."""
    return _samples(
        cursor.execute(
            "SELECT * FROM raw WHERE time_ns >= ? AND time_ns < ? AND series IN (SELECT unnest(?::INTEGER[])) "
            "ORDER BY series, time_ns LIMIT ?",
            [start_ns, end_ns, list(series), limit],
        ).fetchnumpy()
    )


def count_rows(cursor: Connection, series: int, start_ns: int, end_ns: int) -> int:
    """Count rows of a window."""
    row = cursor.execute(
        "SELECT count(*) FROM raw WHERE series = ? AND time_ns >= ? AND time_ns < ?", [series, start_ns, end_ns]
    ).fetchone()
    return 0 if row is None else int(row[0])


def raw_buckets(cursor: Connection, series: int, plan: BucketPlan) -> Buckets:
    """Down-sample raw rows."""
    return _raw_partials(cursor, series, plan, plan.start_ns, plan.end_ns).to_buckets(plan)


def rollup_buckets(cursor: Connection, series: int, plan: BucketPlan, raw_from_ns: int) -> Buckets:
    """Combine clean rollup rows with raw rows of dirty hours.

    The raw rows of a dirty hour before `raw_from_ns` are late additions to what was rolled up before the others were
    deleted, so they add to its rollup rows instead of standing for them.
    """
    dirty = cursor.execute(
        "SELECT hour_ns FROM dirty WHERE series = ? AND hour_ns > ? AND hour_ns < ?",
        [series, plan.start_ns - HOUR_NS, plan.end_ns],
    ).fetchall()
    partials: list[Partials] = []
    for start_ns, end_ns, raw in segments(plan, [row[0] for row in dirty]):
        if raw:
            partials.append(_raw_partials(cursor, series, plan, start_ns, end_ns))
            end_ns = min(end_ns, raw_from_ns)
        if start_ns < end_ns:
            partials.append(_rollup_partials(cursor, series, plan, start_ns, end_ns))
    return Partials.concatenate(partials).to_buckets(plan)


def _raw_partials(cursor: Connection, series: int, plan: BucketPlan, start_ns: int, end_ns: int) -> Partials:
    return _partials(
        plan,
        cursor.execute(
            f"""
            SELECT (time_ns - ?) // ? AS slot, min(v) AS minimum, max(v) AS maximum, sum(v) AS total,
                   count(v) AS numbers, count(*) FILTER (good) AS good_rows, count(*) FILTER (NOT good) AS bad_rows
            FROM (SELECT time_ns, {VALUE} AS v, {GOOD} AS good FROM raw
                  WHERE series = ? AND time_ns >= ? AND time_ns < ?)
            GROUP BY slot
            """,  # noqa: S608  # constants only
            [plan.start_ns, plan.width_ns, series, start_ns, end_ns],
        ).fetchnumpy(),
    )


def _rollup_partials(cursor: Connection, series: int, plan: BucketPlan, start_ns: int, end_ns: int) -> Partials:
    return _partials(
        plan,
        cursor.execute(
            f"""
            SELECT (start_ns - ?) // ? AS slot, min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total,
                   sum(numbers)::BIGINT AS numbers, sum(count)::BIGINT AS good_rows, sum(bad)::BIGINT AS bad_rows
            FROM {TABLES[plan.tier.name]} WHERE series = ? AND start_ns >= ? AND start_ns < ?
            GROUP BY slot
            """,  # noqa: S608  # constants only
            [plan.start_ns, plan.width_ns, series, start_ns, end_ns],
        ).fetchnumpy(),
    )


def gaps_between(cursor: Connection, start_ns: int, end_ns: int) -> list[DeclaredGap]:
    """Return declared gaps that overlap [start_ns, end_ns), by begin."""
    rows = cursor.execute(
        "SELECT group_id, edge_node_id, epoch, stored_at_ns, device_id, metric, from_ns, to_ns, count, cause "
        "FROM gaps WHERE from_ns < ? AND to_ns >= ? ORDER BY from_ns, to_ns",
        [end_ns, start_ns],
    ).fetchall()
    return [DeclaredGap(EdgeKey(row[0], row[1]), row[2], Gap(*row[4:]), row[3]) for row in rows]


Columns = Mapping[str, NDArray[Any]]
"""Result of fetchnumpy: a masked array where a column holds NULL."""


def _partials(plan: BucketPlan, columns: Columns) -> Partials:
    def numbers(name: str, absent: float) -> NDArray[np.float64]:
        return np.ma.filled(np.ma.asarray(columns[name], np.float64), absent)

    return Partials(
        start_ns=plan.start_ns + np.asarray(columns["slot"], np.int64) * plan.width_ns,
        minimum=numbers("minimum", np.nan),
        maximum=numbers("maximum", np.nan),
        total=numbers("total", 0.0),
        numbers=np.asarray(columns["numbers"], np.int64),
        count=np.asarray(columns["good_rows"], np.int64),
        bad=np.asarray(columns["bad_rows"], np.int64),
    )


def _samples(columns: Columns) -> Samples:
    present = {name: ~np.ma.getmaskarray(columns[name]) for name in "fibs"}
    kind = np.zeros(len(columns["series"]), np.uint8)
    number = np.where(present["f"], np.ma.getdata(columns["f"]), np.nan)
    integer = np.zeros(len(kind), np.int64)
    for name, value in (("f", Kind.FLOAT), ("i", Kind.INTEGER), ("b", Kind.BOOLEAN), ("s", Kind.TEXT)):
        kind[present[name]] = value
    for name in "ib":
        integer[present[name]] = np.ma.getdata(columns[name])[present[name]]
        number[present[name]] = integer[present[name]]
    text: list[str | None] | None = None
    if present["s"].any():
        text = [str(one) if there else None for one, there in zip(columns["s"], present["s"], strict=True)]
    return Samples(
        series=np.asarray(columns["series"], np.int32),
        time_ns=np.asarray(columns["time_ns"], np.int64),
        kind=kind,
        number=number,
        integer=integer,
        text=text,
        quality=np.asarray(columns["q"], np.int16),
        origin=np.asarray(columns["o"], np.uint8),
    )
