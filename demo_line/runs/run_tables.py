"""The tables of a run: their columns with units and descriptions, and how numbers become columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from demo_line.runs.recorder import Block
from demo_line.runs.tables import TIME
from demo_line.runs.truth import TruthRecorder
from demo_line.signals import Channel, DataType
from demo_line.unit import Bottle, Event

FORMAT = "showroom-run/1"

_TEXT = pa.dictionary(pa.int32(), pa.string())

_TYPES = {
    DataType.DOUBLE: pa.float64(),
    DataType.BOOLEAN: pa.bool_(),
    DataType.INT32: pa.int32(),
    DataType.INT64: pa.int64(),
    DataType.STRING: _TEXT,
}

_BOTTLE_TYPES = {int: pa.int64(), float: pa.float64(), str: _TEXT}

EVENTS = pa.schema(
    [
        pa.field("time", TIME),
        pa.field("unit", _TEXT),
        pa.field("kind", _TEXT),
        pa.field("text", pa.string()),
        pa.field("fields", pa.string(), metadata={"description": "JSON object"}),
    ],
    metadata={"format": FORMAT},
)

BOTTLES = pa.schema(
    [
        pa.field(name, TIME) if name.endswith("_s") else pa.field(name, _BOTTLE_TYPES[kind])
        for name, kind in Bottle.__annotations__.items()
    ],
    metadata={"format": FORMAT},
)


def signals_schema(channels: Sequence[Channel]) -> pa.Schema:
    """Columns of `signals.parquet`: time, the channels, and which of them are bad."""
    time = pa.field("time", TIME, metadata={"description": "End of the interval"})
    bad = pa.field("bad", pa.list_(pa.string()), metadata={"description": "Channels whose sensor is dead"})
    return pa.schema([time, *(_described(channel) for channel in channels), bad], metadata={"format": FORMAT})


def truth_schema(truth: TruthRecorder) -> pa.Schema:
    """Columns of `truth.parquet`: time, the units' own truth, then severities, remaining lives and energies."""
    units = {"severity": "", "remaining_h": "h"}
    more = [
        pa.field(name, pa.float64(), metadata={"unit": units.get(name.split(".")[0], "Wh")})
        for name in truth.names[len(truth.channels) :]
    ]
    described = [_described(channel) for channel in truth.channels]
    return pa.schema([pa.field("time", TIME), *described, *more], metadata={"format": FORMAT})


def _described(channel: Channel) -> pa.Field:
    signal = channel.signal
    notes = {"unit": signal.unit, "description": signal.description}
    notes |= {name: repr(limit) for name, limit in (("low", signal.low), ("high", signal.high)) if limit is not None}
    return pa.field(channel.name, _TYPES[signal.datatype], metadata=notes)


def signal_columns(block: Block, channels: Sequence[Channel], texts: Mapping[str, Mapping[str, int]]) -> list[pa.Array]:
    """Columns of a block of readings."""
    rows, columns = np.nonzero(block.bad.T)
    offsets = np.searchsorted(rows, np.arange(len(block.time_ns) + 1)).astype(np.int32)
    names = pa.array([channels[i].name for i in columns.tolist()], pa.string())
    return [
        pa.array(block.time_ns // 1_000_000).cast(TIME),
        *_numbers(block.values, channels, texts),
        pa.ListArray.from_arrays(pa.array(offsets), names),
    ]


def truth_columns(elapsed_s: Sequence[float], values: NDArray[np.float64], truth: TruthRecorder, start_ns: int) -> Any:
    """Columns of rows that a truth recorder has kept."""
    columns = np.ascontiguousarray(values.T)
    return [
        moments(elapsed_s, start_ns),
        *_numbers(columns, truth.channels, truth.texts),
        *(pa.array(column, mask=np.isnan(column)) for column in columns[len(truth.channels) :]),
    ]


def event_columns(events: Sequence[Event], start_ns: int) -> list[pa.Array]:
    """Columns of at least one event."""
    elapsed_s, unit_ids, kinds, words, more = zip(*events, strict=True)
    return [
        moments(elapsed_s, start_ns),
        pa.array(unit_ids).dictionary_encode(),
        pa.array(kinds).dictionary_encode(),
        pa.array(words),
        pa.array([json.dumps(dict(item), ensure_ascii=False) for item in more]),
    ]


def bottle_columns(bottles: Sequence[Bottle], start_ns: int) -> list[pa.Array]:
    """Columns of at least one bottle."""
    columns: list[pa.Array] = []
    for field, values in zip(BOTTLES, zip(*bottles, strict=True), strict=True):
        if field.type == TIME:
            columns.append(moments(values, start_ns))
        elif field.type == _TEXT:
            columns.append(pa.array(values).dictionary_encode())
        else:
            columns.append(pa.array(values, field.type, from_pandas=True))  # NaN becomes a hole
    return columns


def moments(elapsed_s: Sequence[float], start_ns: int) -> pa.Array:
    """Times of simulated seconds; a hole for NaN."""
    seconds = np.asarray(elapsed_s, np.float64)
    there = np.isfinite(seconds)
    time_ms = start_ns // 1_000_000 + np.rint(np.where(there, seconds, 0.0) * 1e3).astype(np.int64)
    return pa.array(time_ms, mask=~there).cast(TIME)


def _numbers(
    values: NDArray[np.float64], channels: Sequence[Channel], texts: Mapping[str, Mapping[str, int]]
) -> list[pa.Array]:
    """One column a channel from channels x rows of numbers; NaN becomes a hole."""
    columns: list[pa.Array] = []
    for channel, column in zip(channels, values, strict=False):
        array = pa.array(column, mask=np.isnan(column))
        if channel.signal.datatype is DataType.STRING:
            known = pa.array(list(texts.get(channel.name, {})), pa.string())
            array = pa.DictionaryArray.from_arrays(array.cast(pa.int32()), known)
        elif channel.signal.datatype is not DataType.DOUBLE:
            array = array.cast(_TYPES[channel.signal.datatype])
        columns.append(array)
    return columns
