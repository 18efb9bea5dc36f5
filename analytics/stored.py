"""Windows from a store: buckets of a minute, carried forward where a signal reports only its changes."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError
from analytics.window import Window
from gateway.store.base import SampleReader, Series

MINUTE_NS = 60_000_000_000


def series_by_signal(series: Collection[Series], group_id: str | None = None) -> dict[str, Series]:
    """Return the series of each signal name (`MIX-10.power_w`); the newest where several edges know one."""
    found: dict[str, Series] = {}
    for one in sorted(series, key=lambda each: each.number):
        if one.key.device_id and (group_id is None or one.key.group_id == group_id):
            found[f"{one.key.device_id}.{one.key.metric}"] = one
    return found


def read_store(
    reader: SampleReader,
    series: Mapping[str, Series],
    start_ns: int,
    end_ns: int,
    step_ns: int = MINUTE_NS,
) -> Window:
    """Read signals between two instants from a store.

    A bucket without a reading repeats the last good one, because values are reported by exception; it stays empty
    where the store holds a bad or stale mark instead, or before the first reading.

    Args:
        reader: the store.
        series: of each signal, as `series_by_signal` gives them.
        start_ns: UTC nanoseconds; the grid begins at a multiple of the step.
        end_ns: the same; exclusive.
        step_ns: width of a row.

    Raises NotEnoughDataError for less than two rows, StoreUnavailableError from the store.
    """
    first = start_ns // step_ns
    count = end_ns // step_ns - first
    if count < 2:
        raise NotEnoughDataError("window", f"{count} rows of {step_ns / 1e9:g} s", "ask for a longer span")
    start_ns = first * step_ns
    numbers: dict[str, NDArray[np.float64]] = {}
    bad: dict[str, NDArray[np.bool_]] = {}
    for name, one in series.items():
        buckets = reader.buckets(one.number, start_ns, start_ns + count * step_ns, count)
        # A store may pick wider buckets than asked for; each then fills the rows that it covers from its begin on.
        rows = np.clip((buckets.start_ns - start_ns) // step_ns, 0, count - 1)
        column = np.full(count, np.nan)
        seen = np.zeros(count, np.bool_)
        good = buckets.count > 0
        column[rows[good]] = buckets.mean[good]
        seen[rows] = True
        lost = np.zeros(count, np.bool_)
        lost[rows[~good & (buckets.bad > 0)]] = True
        last = np.maximum.accumulate(np.where(seen, np.arange(count), -1))
        known = last >= 0
        numbers[name] = np.where(known, column[np.maximum(last, 0)], np.nan)
        if lost.any():
            bad[name] = known & lost[np.maximum(last, 0)]
    time_ns = start_ns + (np.arange(count, dtype=np.int64) + 1) * step_ns
    return Window(time_ns, step_ns / 1e9, numbers, {}, bad)
