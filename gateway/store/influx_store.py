"""Production store: samples and rollups in InfluxDB, what else must last in a ledger file of the gateway.

Order within one write: catalogue and dirty marks to the ledger, points to the server, refused points to quarantine,
receipts and gaps to the ledger. A crash in between leads to the same points written again, which overwrite themselves.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.origin import Origin
from gateway.store.base import (
    Buckets,
    DeclaredGap,
    EdgeKey,
    Known,
    Reject,
    RejectedSamples,
    Samples,
    Series,
    SeriesKey,
    WriteBatch,
)
from gateway.store.checks import first_of_each, split_storable
from gateway.store.config import InfluxConfig
from gateway.store.downsample import Partials, aggregate
from gateway.store.influx import InfluxClient
from gateway.store.influx_ledger import InfluxLedger
from gateway.store.influx_names import MEASUREMENT, line_prefix, tags_of
from gateway.store.influx_reading import (
    ALL_ROWS,
    SumOverflowError,
    Window,
    count_rows,
    read_newest,
    read_raw_partials,
    read_rollup_partials,
    read_rows,
)
from gateway.store.influx_upkeep import InfluxUpkeep
from gateway.store.line_protocol import encode, write_isolating
from gateway.store.rollup import RAW, BucketPlan, DirtyHours, Tier, hours_of, plan_buckets, segments

_NO_BUCKETS = Partials.of(Samples.empty())


class InfluxStore:
    """Store in InfluxDB; see gateway.store.base.Store for the contract of each method.

    Where two rows have the same series and time, the later write wins (DuckDB keeps the earlier).
    """

    def __init__(self, config: InfluxConfig) -> None:
        self._config = config
        self._client = InfluxClient(config)
        self._ledger = InfluxLedger(config.ledger)
        self._upkeep = InfluxUpkeep(config, self._client, self._ledger)
        self._senders = ThreadPoolExecutor(config.connections, thread_name_prefix="influx")
        self._keys: dict[int, SeriesKey] = {}
        self._prefixes: dict[int, str] = {}
        self._receipts: dict[tuple[EdgeKey, int], IntervalSet] = {}
        self._dirty = DirtyHours()

    def load(self) -> Known:
        """Read the ledger and ask the server for the newest rows."""
        series = self._ledger.series()
        self._keys = {one.number: one.key for one in series}
        self._receipts = self._ledger.receipts()
        self._dirty = DirtyHours(self._ledger.dirty())
        numbers = {tuple(tags_of(one.key).values()): one.number for one in series}
        latest = read_newest(self._client, self._config.bucket, numbers)
        receipts = {key: IntervalSet(stored) for key, stored in self._receipts.items()}
        return Known(series, receipts, latest)

    def write(self, batch: WriteBatch, reject: Reject) -> None:
        """Write points, then settle; on StoreUnavailableError an unknown part of the points is stored."""
        samples, rejected = split_storable(batch.samples)
        unnumbered, others = split_storable(first_of_each(batch.unnumbered))
        if len(unnumbered):
            samples = Samples.concatenate((samples, unnumbered))
        hours = hours_of(samples)
        self._ledger.announce(batch.series, self._dirty.unmarked(hours))
        self._dirty.mark(hours)
        self._keys |= {one.number: one.key for one in batch.series}
        rejected += others + self._send(samples)
        for rows in rejected:
            reject(rows)
        received = {key: self._merged(key, new) for key, new in batch.receipts.items()}
        self._ledger.settle(received, batch.gaps)
        self._receipts |= received

    def maintain(self, now_ns: int) -> None:
        """Compute the rollups of at most one dirty hour."""
        self._upkeep.step(self._dirty, self._keys, now_ns)

    def close(self) -> None:
        """Close connections and ledger."""
        self._senders.shutdown()
        self._client.close()
        self._ledger.close()

    def series(self) -> list[Series]:
        """Return the catalogue."""
        return self._ledger.series()

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of a window, ascending by time."""
        key = self._key(series)
        if key is None or limit < 1:
            return Samples.empty()
        return read_rows(self._client, self._config.bucket, series, key, Window(start_ns, end_ns), limit)

    def several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of several series, ascending by series, then by time; one request each."""
        parts: list[Samples] = []
        for number in sorted(set(series)):
            if limit < 1:
                break
            parts.append(self.raw(number, start_ns, end_ns, limit))
            limit -= len(parts[-1])
        return Samples.concatenate(parts)

    def count(self, series: int, start_ns: int, end_ns: int) -> int:
        """Count rows of a window."""
        key = self._key(series)
        return 0 if key is None else count_rows(self._client, self._config.bucket, key, Window(start_ns, end_ns))

    def buckets(self, series: int, start_ns: int, end_ns: int, max_points: int, tier: Tier | None = None) -> Buckets:
        """Down-sample a window; `tier` overrides the choice by span."""
        plan = plan_buckets(start_ns, end_ns, max_points, self._upkeep.raw_from_ns, tier)
        key = self._key(series)
        if key is None:
            return _NO_BUCKETS.to_buckets(plan)
        try:
            partials = self._partials(series, key, plan)
        except SumOverflowError:
            rows = read_rows(
                self._client, self._config.bucket, series, key, Window(plan.start_ns, plan.end_ns), ALL_ROWS
            )
            return aggregate(rows, plan)
        return Partials.concatenate([_NO_BUCKETS, *partials]).to_buckets(plan)

    def gaps(self, start_ns: int, end_ns: int) -> list[DeclaredGap]:
        """Return declared gaps that overlap the window."""
        return self._ledger.gaps(start_ns, end_ns)

    def _partials(self, series: int, key: SeriesKey, plan: BucketPlan) -> list[Partials]:
        pieces = [(plan.start_ns, plan.end_ns, True)]
        if plan.tier is not RAW:
            pieces = segments(plan, [hour_ns for _, hour_ns in self._ledger.dirty(series)])
        windows: dict[bool, list[Window]] = {True: [], False: []}
        for start_ns, end_ns, raw in pieces:
            windows[raw].append(Window(start_ns, end_ns, plan.width_ns, plan.start_ns))
        clean = read_rollup_partials(self._client, self._config.rollups, plan.tier, key, windows[False])
        return clean + read_raw_partials(self._client, self._config.bucket, key, windows[True])

    def _key(self, series: int) -> SeriesKey | None:
        if series not in self._keys:  # a reader may come before `load`
            self._keys |= {one.number: one.key for one in self._ledger.series()}
        return self._keys.get(series)

    def _merged(self, key: tuple[EdgeKey, int], new: IntervalSet) -> IntervalSet:
        merged = IntervalSet(self._receipts.get(key, ()))
        merged.update(new)
        return merged

    def _prefix(self, series: int, origin: int) -> str:
        code = series << 8 | origin
        prefix = self._prefixes.get(code)
        if prefix is None:
            prefix = self._prefixes[code] = line_prefix(MEASUREMENT, self._keys[series], Origin(origin))
        return prefix

    def _send(self, samples: Samples) -> list[RejectedSamples]:
        """Write points in several requests, some of them at the same time; returns refused rows.

        Each request is made by the thread that sends it, so that the server works while the next one is written.
        """
        size = self._config.batch_points
        pending: set[Future[list[RejectedSamples]]] = set()
        refused: list[RejectedSamples] = []
        try:
            for start in range(0, len(samples), size):
                if len(pending) >= self._config.connections:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for one in done:
                        refused += one.result()
                rows = np.arange(start, min(start + size, len(samples)))
                pending.add(self._senders.submit(self._send_points, samples.take(rows)))
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for one in done:
                    refused += one.result()
        finally:
            wait(pending)  # nothing of this batch may be under way when the caller tries again
        return refused

    def _send_points(self, samples: Samples) -> list[RejectedSamples]:
        lines = encode(samples, self._prefix)
        found = write_isolating(lines, 0, len(lines), lambda body: self._client.write(body, self._config.bucket))
        by_reason: dict[str, list[int]] = {}
        for index, reason in found:
            by_reason.setdefault(reason, []).append(index)
        return [RejectedSamples(samples.take(np.array(rows, np.intp)), reason) for reason, rows in by_reason.items()]
