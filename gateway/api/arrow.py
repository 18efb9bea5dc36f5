"""Samples as an Arrow IPC stream; the one module of the API that imports pyarrow, loaded when one is asked for."""

import pyarrow as pa

from gateway.store.base import Buckets, Samples

_TIME = pa.timestamp("ns", tz="UTC")


def encode(raw: Samples | None, buckets: Buckets | None) -> bytes:
    """Return one table as an IPC stream; exactly one of the arguments is there.

    Raw columns: time, kind (gateway.store.base.Kind), number, integer, text, quality, origin. Bucket columns: start,
    minimum, maximum, mean, count, bad; the schema's metadata holds `width_ns` and `tier`.
    """
    table = _bucket_table(buckets) if buckets is not None else _raw_table(raw if raw is not None else Samples.empty())
    return _stream(table)


def encode_several(rows: Samples) -> bytes:
    """Return samples of several series as an IPC stream: the raw columns and `series`, the number."""
    return _stream(_raw_table(rows).append_column("series", pa.array(rows.series)))


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _raw_table(rows: Samples) -> pa.Table:
    text = rows.text if rows.text is not None else [None] * len(rows)
    return pa.table(
        {
            "time": pa.array(rows.time_ns).cast(_TIME),
            "kind": pa.array(rows.kind),
            "number": pa.array(rows.number),
            "integer": pa.array(rows.integer),
            "text": pa.array(text, pa.string()),
            "quality": pa.array(rows.quality),
            "origin": pa.array(rows.origin),
        }
    )


def _bucket_table(buckets: Buckets) -> pa.Table:
    table = pa.table(
        {
            "start": pa.array(buckets.start_ns).cast(_TIME),
            "minimum": pa.array(buckets.minimum),
            "maximum": pa.array(buckets.maximum),
            "mean": pa.array(buckets.mean),
            "count": pa.array(buckets.count),
            "bad": pa.array(buckets.bad),
        }
    )
    return table.replace_schema_metadata({"width_ns": str(buckets.width_ns), "tier": buckets.tier})
