"""The payload codec: whatever comes, it decodes to what was meant or says what is wrong."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sparkplug.delivery import GAP, Acknowledgement, Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import INTEGER_BITS, DataType, Metric
from edge_agent.sparkplug.payload import Payload, PayloadError, decode, encode, get_value
from edge_agent.sparkplug.properties import QUALITY, SUB_MS
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.schema import PayloadMessage
from edge_agent.sparkplug.topic import MessageType, StateTopic, Topic, TopicError
from edge_agent.sparkplug.wire import (
    gap_metric,
    lsn_metric,
    metric_field,
    metric_start,
    payload_seq,
    payload_time,
    properties_field,
    value_writer,
    varint,
    write_null,
)

STORED_TYPES = (*INTEGER_BITS, DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN, DataType.STRING, DataType.TEXT,
                DataType.UUID, DataType.BYTES, DataType.FILE)  # fmt: skip
texts = st.text(st.characters(codec="utf-8"), max_size=20)


def values_of(datatype: DataType) -> st.SearchStrategy[Any]:
    """Every value that a type can hold."""
    if datatype in INTEGER_BITS:
        bits, signed = INTEGER_BITS[datatype]
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)
    if datatype is DataType.FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if datatype is DataType.DOUBLE:
        return st.floats(allow_nan=False, allow_infinity=False)
    if datatype is DataType.BOOLEAN:
        return st.booleans()
    return st.binary(max_size=20) if datatype in (DataType.BYTES, DataType.FILE) else texts


typed_values = st.sampled_from(STORED_TYPES).flatmap(
    lambda datatype: st.tuples(st.just(datatype), st.none() | values_of(datatype))
)
properties = st.dictionaries(
    texts,
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | texts,
    max_size=3,
)
metrics = st.builds(
    lambda name, typed, time, alias, historical, transient, extra: Metric(
        name, typed[0], typed[1], time, alias, historical, transient, extra
    ),
    st.none() | texts,
    typed_values,
    st.none() | st.integers(0, (1 << 64) - 1),
    st.none() | st.integers(0, (1 << 64) - 1),
    st.booleans(),
    st.booleans(),
    properties,
)
payloads = st.builds(
    Payload, st.none() | st.integers(0, (1 << 64) - 1), st.lists(metrics, max_size=5), st.none() | st.integers(0, 255)
)


@given(payloads)
def test_round_trip(payload: Payload) -> None:
    """Every payload decodes to what was encoded."""
    assert decode(encode(payload)) == payload


@given(payloads, st.data())
def test_truncated_bytes_are_refused_or_a_prefix(payload: Payload, data: st.DataObject) -> None:
    """Bytes cut off anywhere never crash: they are refused by name, or give complete metrics of the original."""
    content = encode(payload)
    cut = content[: data.draw(st.integers(0, len(content)))]
    try:
        decoded = decode(cut)
    except PayloadError:
        return
    assert list(decoded.metrics) == list(payload.metrics[: len(decoded.metrics)])


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_or_decode(content: bytes) -> None:
    """Any bytes decode or raise PayloadError, nothing else."""
    try:
        decode(content)
    except PayloadError:
        return


@pytest.mark.parametrize(
    ("datatype", "field", "raw", "expected"),
    [
        (DataType.INT8, "int_value", 0xFFFFFFFF, -1),  # two's complement of 32 bits
        (DataType.INT8, "int_value", 0xFF, -1),  # of 8 bits, as some encoders send it
        (DataType.INT8, "int_value", 0x80, -128),
        (DataType.INT16, "int_value", 0xFFFF, -1),
        (DataType.INT16, "int_value", 0xFFFF8000, -32768),
        (DataType.INT16, "long_value", (1 << 64) - 2, -2),
        (DataType.INT32, "int_value", 0xFFFFFFFE, -2),
        (DataType.INT32, "long_value", 0xFFFFFFFE, -2),
        (DataType.INT32, "long_value", (1 << 64) - 2, -2),
        (DataType.INT64, "long_value", (1 << 64) - 2, -2),
        (DataType.INT64, "int_value", 7, 7),
        (DataType.UINT8, "int_value", 255, 255),
        (DataType.UINT32, "long_value", 0xFFFFFFFF, 0xFFFFFFFF),
        (DataType.UINT64, "long_value", (1 << 64) - 1, (1 << 64) - 1),
        (DataType.DATETIME, "long_value", 1_700_000_000_000, 1_700_000_000_000),
        (DataType.DOUBLE, "float_value", 0.5, 0.5),
        (DataType.DOUBLE, "double_value", math.nan, None),
        (DataType.FLOAT, "float_value", math.inf, None),
    ],
)
def test_forms_of_other_encoders(datatype: DataType, field: str, raw: Any, expected: Any) -> None:
    """Numbers are read in every form that other implementations send; what is not finite is no number."""
    metric = PayloadMessage().metrics.add(**{field: raw})
    assert get_value(metric, datatype) == expected


@pytest.mark.parametrize(
    ("datatype", "field", "raw", "message"),
    [
        (DataType.UINT8, "int_value", 256, "outside 0..255"),
        (DataType.INT8, "int_value", 200_000, "outside -128..127"),
        (DataType.UINT32, "long_value", 1 << 32, "outside"),
        (DataType.DOUBLE, "string_value", "1.5", "DOUBLE but the value is in string_value"),
        (DataType.STRING, "int_value", 1, "STRING but the value is in int_value"),
        (DataType.BOOLEAN, "int_value", 1, "BOOLEAN but the value is in int_value"),
        (DataType.DATASET, "dataset_value", b"", "DATASET but the value is in dataset_value"),
    ],
)
def test_wrong_types_are_named(datatype: DataType, field: str, raw: Any, message: str) -> None:
    """A value in another form than its type says is refused, with the metric, the type and what was found."""
    metric = PayloadMessage().metrics.add(name="flow", **{field: raw})
    with pytest.raises(PayloadError, match=message) as error:
        get_value(metric, datatype)
    assert "'flow'" in str(error.value)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.DOUBLE, "1"),
        (DataType.DOUBLE, True),
        (DataType.DOUBLE, math.nan),
        (DataType.DOUBLE, 1 << 2000),
        (DataType.FLOAT, 1e39),
        (DataType.INT8, 128),
        (DataType.UINT64, -1),
        (DataType.INT32, 1.0),
        (DataType.INT32, True),
        (DataType.BOOLEAN, 1),
        (DataType.STRING, b"x"),
        (DataType.STRING, "\ud800"),
        (DataType.BYTES, "x"),
        (DataType.DATASET, b"x"),
    ],
)
def test_values_that_do_not_fit_are_refused_by_both_encoders(datatype: DataType, value: Any) -> None:
    """Neither encoder ever sends a value that is not of its declared type."""
    with pytest.raises(PayloadError):
        encode(Payload(1, [Metric("flow", datatype, value)]))
    with pytest.raises(PayloadError):
        value_writer(datatype)(value)


@given(
    st.integers(1, 1 << 40),
    typed_values,
    st.integers(0, (1 << 44) - 1),
    st.integers(0, 999_999),
    st.sampled_from(Quality),
    st.integers(0, 255),
    st.integers(1, (1 << 63) - 1),
)
def test_bytes_written_directly_are_what_the_codec_reads(
    alias: int, typed: tuple[DataType, Any], time_ms: int, sub_ms: int, quality: Quality, seq: int, lsn: int
) -> None:
    """The hot path writes exactly the message that the codec means, around and within the logged bytes."""
    datatype, value = typed
    body = metric_start(alias, datatype) + varint(time_ms)
    body += write_null() if value is None else value_writer(datatype)(value)
    logged = payload_time(time_ms * 1_000_000) + metric_field(body + properties_field(sub_ms, quality))
    expected_properties: dict[str, Any] = {SUB_MS: sub_ms} if sub_ms else {}
    if quality is not Quality.GOOD:
        expected_properties[QUALITY] = int(quality)
    decoded = decode(lsn_metric(7, lsn) + logged + payload_seq(seq))
    assert decoded == Payload(
        time_ms,
        [
            Metric(None, DataType.UINT64, lsn, alias=7),
            Metric(None, datatype, value, time_ms, alias, properties=expected_properties),
        ],
        seq,
    )


gaps = st.builds(
    lambda device, metric, begin, length, count, cause: Gap(device, metric, begin, begin + length, count, cause),
    st.none() | texts,
    st.none() | texts,
    st.integers(0, 1 << 62),
    st.integers(0, 1 << 40),
    st.none() | st.integers(0, 1 << 40),
    texts,
)


@given(gaps)
def test_gap_record_round_trip(gap: Gap) -> None:
    """A gap record comes back as it was declared, also as the metric that the edge writes."""
    assert Gap.from_json(gap.to_json()) == gap
    (metric,) = decode(gap_metric(gap)).metrics
    assert metric.name == GAP
    assert Gap.from_json(str(metric.value)) == gap


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 1_000)), max_size=5), st.booleans())
def test_acknowledgement_round_trip(intervals: list[tuple[int, int]], hold: bool) -> None:
    """An acknowledgement comes back as it was sent."""
    word = Acknowledgement("host", 5, IntervalSet((first, first + more) for first, more in intervals), hold)
    assert Acknowledgement.from_json(word.to_json()) == word


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["device_id", "metric", "from_ns", "to_ns", "count", "cause", "host_id", "epoch", "stored", "hold"]
    ), inner, max_size=6),
)  # fmt: skip


@given(json_values)
def test_malformed_delivery_texts_are_refused(content: Any) -> None:
    """Any JSON is a gap record or an acknowledgement, or is refused by name."""
    for read in (Gap.from_json, Acknowledgement.from_json):
        try:
            read(json.dumps(content))
        except PayloadError:
            continue


@given(texts)
def test_topics_round_trip_or_are_refused(text: str) -> None:
    """A name is refused where it could not be told apart on the wire; a topic gives back its parts."""
    try:
        topic = Topic(text, MessageType.DDATA, "edge", text)
    except TopicError:
        assert not text or any(sign in "+/# " or ord(sign) < 33 for sign in text)
        return
    assert Topic.parse(str(topic)) == topic
    assert str(StateTopic(text)) == f"spBv1.0/STATE/{text}"


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)), max_size=12), st.integers(-1, 80), st.integers(0, 80)
)
def test_interval_set_is_a_set(intervals: list[tuple[int, int]], removed: int, last: int) -> None:
    """Intervals behave like the set of their numbers, stay sorted, disjoint and never touch."""
    expected: set[int] = set()
    found = IntervalSet()
    for first, more in intervals:
        expected |= set(range(first, first + more + 1))
        found.add(first, first + more)
    assert {number for number in range(100) if number in found} == expected
    assert found.count() == len(expected)
    assert {number for low, high in found.missing(0, last) for number in range(low, high + 1)} == (
        set(range(last + 1)) - expected
    )
    found.remove_through(removed)
    assert {number for number in range(100) if number in found} == {number for number in expected if number > removed}
    kept = list(found)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(kept))
