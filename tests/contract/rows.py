"""Builds series, samples and batches for the tests of stores."""

from collections.abc import Sequence

import numpy as np

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import EdgeKey, Kind, Samples, Series, SeriesKey, Value, WriteBatch

EDGE = EdgeKey("showroom", "line-edge")
EPOCH = 2**64 - 3
T0_NS = 1_790_000_000_123_456_789

Row = tuple[int, int, Value, Quality, Origin]


def series_numbered(number: int, datatype: DataType = DataType.DOUBLE, metric: str | None = None) -> Series:
    """Return a series of the demonstration line."""
    name = f"signal_{number}" if metric is None else metric
    return Series(number, SeriesKey(EDGE.group_id, EDGE.edge_node_id, "MIX-10", name), datatype, unit="L/h")


def samples_of(rows: Sequence[Row]) -> Samples:
    """Turn rows (series, time_ns, value, quality, origin) into columns; the value's type gives the kind."""
    kinds = [_kind(value) for _, _, value, _, _ in rows]
    texts = [value if isinstance(value, str) else None for _, _, value, _, _ in rows]
    return Samples(
        series=np.array([row[0] for row in rows], np.int32),
        time_ns=np.array([row[1] for row in rows], np.int64),
        kind=np.array(kinds, np.uint8),
        number=np.array([np.nan if row[2] is None or isinstance(row[2], str) else float(row[2]) for row in rows]),
        integer=np.array([row[2] if isinstance(row[2], int) else 0 for row in rows], np.int64),
        text=texts if any(kind == Kind.TEXT for kind in kinds) else None,
        quality=np.array([row[3] for row in rows], np.int16),
        origin=np.array([row[4] for row in rows], np.uint8),
    )


def floats(series: int, times_ns: Sequence[int], values: Sequence[float]) -> Samples:
    """Return good simulated float rows of one series."""
    pairs = zip(times_ns, values, strict=True)
    return samples_of([(series, time_ns, float(value), Quality.GOOD, Origin.SIMULATED) for time_ns, value in pairs])


def rows_of(samples: Samples) -> list[Row]:
    """Turn columns into rows (series, time_ns, value, quality, origin)."""
    return [
        (
            int(samples.series[row]),
            int(samples.time_ns[row]),
            samples.value(row),
            Quality(int(samples.quality[row])),
            Origin(int(samples.origin[row])),
        )
        for row in range(len(samples))
    ]


def batch_of(
    samples: Samples, first_lsn: int, last_lsn: int | None = None, series: Sequence[Series] = ()
) -> WriteBatch:
    """Return a batch of numbered rows with the receipts of its messages."""
    received = IntervalSet([(first_lsn, first_lsn if last_lsn is None else last_lsn)])
    return WriteBatch(series=series, samples=samples, receipts={(EDGE, EPOCH): received})


def _kind(value: Value) -> Kind:
    if value is None:
        return Kind.NULL
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    return Kind.TEXT if isinstance(value, str) else Kind.FLOAT
