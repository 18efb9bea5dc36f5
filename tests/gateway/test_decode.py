"""Metrics into rows: the careful path, and the fast path against it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import Payload, PayloadError, encode, parse, parse_envelope
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.columns import Rows, join
from gateway.decode import Aliases, Decoded, read_birth, read_data
from gateway.fast_decode import Part, read_fast
from gateway.store.base import Kind, Samples, SeriesKey
from tests.gateway.wire import T0_MS

DEVICE = SeriesKey("showroom", "line-edge", "MIX-10", "")
TYPES = [
    DataType.DOUBLE,
    DataType.FLOAT,
    DataType.BOOLEAN,
    DataType.STRING,
    DataType.INT8,
    DataType.INT32,
    DataType.UINT32,
    DataType.INT64,
    DataType.UINT64,
]


def born(types: list[DataType], origins: list[str] | None = None) -> tuple[Catalogue, Aliases]:
    catalogue = Catalogue()
    metrics = [
        Metric(f"m{n}", kind, None, T0_MS, n + 1, properties={"origin": origins[n] if origins else "simulated"})
        for n, kind in enumerate(types)
    ]
    birth = read_birth(parse(encode(Payload(T0_MS, metrics))), DEVICE, catalogue)
    assert not birth.bad
    return catalogue, birth.aliases


def careful(message: Any, catalogue: Catalogue, aliases: Aliases, *, numbered: bool = True) -> Decoded:
    return read_data(message.metrics, message.timestamp, aliases, catalogue, numbered=numbered)


def fast(payload: bytes, aliases: Aliases) -> Rows | None:
    rows, (usual,) = read_fast([Part(parse_envelope(payload).metrics, aliases)])
    return rows if usual else None


def rows_of(samples: Samples) -> list[tuple[Any, ...]]:
    return [
        (
            int(samples.series[row]),
            int(samples.time_ns[row]),
            int(samples.kind[row]),
            samples.value(row),
            None if math.isnan(samples.number[row]) else float(samples.number[row]),
            int(samples.integer[row]),
            int(samples.quality[row]),
            int(samples.origin[row]),
        )
        for row in range(len(samples))
    ]


def value_of(kind: DataType) -> st.SearchStrategy[Any]:
    if kind is DataType.DOUBLE:
        return st.floats(allow_nan=False, allow_infinity=False)
    if kind is DataType.FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if kind is DataType.BOOLEAN:
        return st.booleans()
    if kind is DataType.STRING:
        return st.text(max_size=5)
    bits = {DataType.INT8: 8, DataType.INT32: 32, DataType.UINT32: 32, DataType.INT64: 64, DataType.UINT64: 63}[kind]
    return st.integers(0 if kind.name.startswith("U") else -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[DataType], bytes]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
    metrics = []
    for number, kind in enumerate(types):
        value = draw(st.none() | value_of(kind))
        properties = draw(
            st.fixed_dictionaries(
                {}, optional={"ns": st.integers(0, 999_999), "Quality": st.sampled_from([0, 64, 192, 500])}
            )
        )
        time = draw(st.integers(1, 2**42))
        metrics.append(Metric(None, kind, value, time, number + 1, properties=properties))
    return types, encode(Payload(T0_MS, metrics))


@settings(max_examples=300, deadline=None)
@given(messages())
def test_fast_path_gives_the_rows_of_the_careful_path(case: tuple[list[DataType], bytes]) -> None:
    """Where the fast path takes a message, its rows are those of the careful path, bit by bit."""
    types, payload = case
    catalogue, aliases = born(types)
    decoded = careful(parse(payload), catalogue, aliases)
    assert not decoded.bad
    rows = fast(payload, aliases)
    if rows is None:
        assert DataType.INT8 in types
    else:
        assert rows_of(join([rows])) == rows_of(join([decoded.rows]))


def test_fast_path_takes_what_machines_send() -> None:
    """Plain doubles, sub-millisecond times, mixed types and nulls do not need the careful path."""
    _, aliases = born([DataType.DOUBLE, DataType.INT32, DataType.STRING, DataType.DOUBLE])
    metrics = [
        Metric(None, DataType.DOUBLE, 0.0, T0_MS, 1, properties={"ns": 100}),
        Metric(None, DataType.INT32, -7, T0_MS, 2),
        Metric(None, DataType.STRING, "", T0_MS, 3),
        Metric(None, DataType.DOUBLE, None, T0_MS, 4, properties={"Quality": 500}),
    ]
    rows = fast(encode(Payload(T0_MS, metrics)), aliases)
    assert rows is not None
    samples = join([rows])
    assert [samples.value(row) for row in range(4)] == [0.0, -7, "", None]
    assert samples.time_ns.tolist() == [T0_MS * 1_000_000 + 100] + [T0_MS * 1_000_000] * 3
    assert samples.quality.tolist() == [192, 192, 192, 500]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_become_bad_nulls(number: float) -> None:
    """NaN and infinities are stored as a quality, never as a number, on both paths."""
    catalogue, aliases = born([DataType.DOUBLE, DataType.DOUBLE])
    message = parse(encode(Payload(T0_MS, [Metric(None, DataType.DOUBLE, 1.5, T0_MS, n) for n in (1, 2)])))
    message.metrics[1].double_value = number
    rows = fast(message.SerializeToString(), aliases)
    assert rows is not None
    for samples in (join([careful(message, catalogue, aliases).rows]), join([rows])):
        assert samples.kind.tolist() == [Kind.FLOAT, Kind.NULL]
        assert samples.quality.tolist() == [Quality.GOOD, Quality.BAD]
        assert np.isnan(samples.number[1])


def test_a_value_of_bad_quality_is_stored_without_its_number() -> None:
    """A number that must not be believed is not handed on as a number."""
    catalogue, aliases = born([DataType.DOUBLE])
    payload = encode(Payload(T0_MS, [Metric(None, DataType.DOUBLE, 3.0, T0_MS, 1, properties={"Quality": 0})]))
    rows = fast(payload, aliases)
    assert rows is not None
    for samples in (join([careful(parse(payload), catalogue, aliases).rows]), join([rows])):
        assert samples.value(0) is None
        assert samples.quality.tolist() == [Quality.BAD]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda metric: setattr(metric, "datatype", 77), "data type number 77"),
        (lambda metric: setattr(metric, "string_value", "x"), "but the value is in string_value"),
        (lambda metric: metric.ClearField("double_value"), "neither a value nor is_null"),
        (lambda metric: metric.properties.keys.append("Quality"), "1 property keys, 0 values"),
        (lambda metric: setattr(metric, "timestamp", 2**63), "does not fit 64 bits"),
    ],
)
def test_a_bad_metric_costs_itself_alone(damage: Any, reason: str) -> None:
    """A metric that cannot be read is named with its reason; its neighbour is stored."""
    catalogue, aliases = born([DataType.DOUBLE, DataType.DOUBLE])
    message = parse(encode(Payload(T0_MS, [Metric(None, DataType.DOUBLE, 1.5, T0_MS, n) for n in (1, 2)])))
    damage(message.metrics[0])
    assert fast(message.SerializeToString(), aliases) is None
    decoded = careful(message, catalogue, aliases)
    assert [metric.metric for metric in decoded.bad] == ["m0"]
    assert reason in decoded.bad[0].reason
    assert [row[3] for row in rows_of(join([decoded.rows]))] == [1.5]


@pytest.mark.parametrize(("value", "taken"), [(2**63 - 1, True), (2**63, False)])
def test_integers_beyond_63_bits_are_refused(value: int, taken: bool) -> None:
    """An integer that cannot be stored exactly is not stored at all."""
    catalogue, aliases = born([DataType.UINT64])
    decoded = careful(
        parse(encode(Payload(T0_MS, [Metric(None, DataType.UINT64, value, T0_MS, 1)]))), catalogue, aliases
    )
    assert (len(decoded.rows), len(decoded.bad)) == ((1, 0) if taken else (0, 1))


def test_a_changed_type_is_taken_as_it_is_sent() -> None:
    """The kind of a row is that of the value on the wire, whatever the birth declared."""
    catalogue, aliases = born([DataType.DOUBLE])
    payload = encode(Payload(T0_MS, [Metric(None, DataType.STRING, "open", T0_MS, 1)]))
    assert [row[3] for row in rows_of(join([careful(parse(payload), catalogue, aliases).rows]))] == ["open"]


def test_a_retired_alias_comes_by_name() -> None:
    """An edge of ours resends values of a retired alias by name, with type and origin, known to this birth or not."""
    catalogue, aliases = born([DataType.DOUBLE])
    metrics = [
        Metric("m0", DataType.INT64, 5, T0_MS, properties={"origin": "replayed"}),
        Metric("gone", DataType.BOOLEAN, value=True, timestamp_ms=T0_MS, properties={"origin": "real"}),
    ]
    message = parse(encode(Payload(T0_MS, metrics)))
    decoded = careful(message, catalogue, aliases)
    assert not decoded.unknown
    assert [(row[3], row[7]) for row in rows_of(join([decoded.rows]))] == [(5, 2), (True, 0)]
    gone = catalogue.find(SeriesKey("showroom", "line-edge", "MIX-10", "gone"))
    assert gone is not None
    assert gone.datatype is DataType.BOOLEAN
    assert careful(message, catalogue, born([DataType.DOUBLE])[1], numbered=False).unknown


def test_an_unknown_alias_is_said() -> None:
    """Data under an alias that no birth declared asks for a rebirth on both paths."""
    catalogue, aliases = born([DataType.DOUBLE])
    payload = encode(Payload(T0_MS, [Metric(None, DataType.DOUBLE, 1.0, T0_MS, 9)]))
    assert fast(payload, aliases) is None
    assert careful(parse(payload), catalogue, aliases).unknown


def test_origins_may_differ_within_a_device() -> None:
    """Each row carries the origin of its own signal."""
    catalogue, aliases = born([DataType.DOUBLE, DataType.DOUBLE], ["real", "replayed"])
    payload = encode(Payload(T0_MS, [Metric(None, DataType.DOUBLE, 1.0, T0_MS, n) for n in (1, 2)]))
    assert fast(payload, aliases) is None
    assert [row[7] for row in rows_of(join([careful(parse(payload), catalogue, aliases).rows]))] == [0, 2]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_the_fast_path_survives_any_bytes(payload: bytes) -> None:
    """Random bytes are refused, read or left to the careful path; they never end the network thread."""
    _, aliases = born([DataType.DOUBLE])
    try:
        message = parse_envelope(payload)
    except PayloadError:
        return
    read_fast([Part(message.metrics, aliases)])
