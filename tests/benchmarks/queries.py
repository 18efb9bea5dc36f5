"""Query times of the embedded store among 20 million rows."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Kind, RejectedSamples, Samples, Series, SeriesKey, Store, WriteBatch
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from gateway.store.rollup import MINUTE, RAW, Tier
from tests.benchmarks.figures import Figure, percentile

SERIES = 230
SECONDS = 86_400
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
BEGIN_NS = 20_000 * DAY_NS
QUERIES = 60
MAINTENANCE_STEPS = 60


def _no_rejects(rejected: RejectedSamples) -> None:
    raise AssertionError(f"the store refused rows: {rejected.reason}")


def _fill(store: Store) -> float:
    """Write one day of 1 s values of every series as the gateway would, in time order; return rows/s."""
    numbers = np.arange(1, SERIES + 1, dtype=np.int32)
    series = [
        Series(int(number), SeriesKey("site", "edge", f"unit-{number // 20}", f"signal_{number}"), DataType.DOUBLE)
        for number in numbers
    ]
    store.load()
    store.write(WriteBatch(series=series), _no_rejects)
    rng = np.random.default_rng(7)
    span = 80  # seconds a batch: 18,400 rows
    begin = time.monotonic()
    for first in range(0, SECONDS, span):
        rows = span * SERIES
        samples = Samples(
            series=np.tile(numbers, span),
            time_ns=np.repeat(BEGIN_NS + np.arange(first, first + span, dtype=np.int64) * 1_000_000_000, SERIES),
            kind=np.full(rows, Kind.FLOAT, np.uint8),
            number=rng.normal(50, 3, rows).round(3),
            integer=np.zeros(rows, np.int64),
            text=None,
            quality=np.full(rows, Quality.GOOD, np.int16),
            origin=np.full(rows, Origin.SIMULATED, np.uint8),
        )
        store.write(WriteBatch(samples=samples), _no_rejects)
    return SECONDS * SERIES / (time.monotonic() - begin)


def _times_ms(store: DuckDbStore, tier: Tier) -> list[float]:
    """Ask for 24 h of random series in 1,000 buckets from one tier; return the times of the answers."""
    rng = np.random.default_rng(11)
    times = []
    for number in rng.integers(1, SERIES + 1, QUERIES):
        begin = time.perf_counter()
        buckets = store.buckets(int(number), BEGIN_NS, BEGIN_NS + DAY_NS, 1_000, tier)
        times.append((time.perf_counter() - begin) * 1e3)
        assert buckets.count.sum() == SECONDS, f"{buckets.count.sum()} rows found, {SECONDS} stored"
        assert buckets.tier == tier.name, f"{tier.name} was asked for, {buckets.tier} answered"
    return times


def measure() -> Sequence[Figure]:
    """Return the figures of filling and querying."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        config = DuckDbConfig(path=path, retention_days=None)
        store = DuckDbStore(config)
        try:
            filled = _fill(store)
            rows = SERIES * SECONDS
            where = f"{rows:,} rows, {SERIES} series at 1 s, 24 h, {QUERIES} queries"
            for step in range(MAINTENANCE_STEPS):  # every ten seconds, as the gateway does
                store.maintain(BEGIN_NS + DAY_NS + HOUR_NS + step * 10_000_000_000)
            raw = _times_ms(store, RAW)
            rollup = _times_ms(store, MINUTE)
        finally:
            store.close()
        begin = time.monotonic()
        store = DuckDbStore(config)
        store.load()
        reopened = time.monotonic() - begin
        store.close()
        size = path.stat().st_size
    return [
        Figure("DuckDB fill", filled, "samples/s", conditions=f"store alone, batches of 18,400, {where}"),
        Figure("DuckDB size", size / rows, "bytes/row", conditions=where),
        Figure("DuckDB reopen", reopened, "s", conditions=f"series, receipts and newest rows; {where}"),
        Figure(
            "24 h to 1,000 buckets, raw, p95",
            percentile(raw, 0.95),
            "ms",
            at_most=100,
            conditions=where,
        ),
        Figure(
            "24 h to 1,000 buckets, rollups, p95",
            percentile(rollup, 0.95),
            "ms",
            at_most=20,
            conditions=where,
        ),
    ]
