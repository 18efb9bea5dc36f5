"""Payload of one Sparkplug message: encode and decode, with every malformed input named by a PayloadError."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from edge_agent.sparkplug.metric import BYTES_TYPES, INTEGER_BITS, TEXT_TYPES, DataType, Metric, Property, Value
from edge_agent.sparkplug.schema import EnvelopeMessage, MetricMessage, PayloadMessage

MAX_MESSAGE_BYTES = 512_000
"""Upper limit of a message we send; larger batches are split (see edge_agent.node)."""

_UINT32_MASK = (1 << 32) - 1
_UINT64_MASK = (1 << 64) - 1


class PayloadError(ValueError):
    """A payload is not valid Sparkplug B, or a value does not fit its declared type."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One message: its own time, its sequence number 0..255 (None in NDEATH and commands) and its metrics."""

    timestamp_ms: int | None
    metrics: Sequence[Metric]
    seq: int | None = None


def set_value(message: Any, datatype: int, value: Value) -> None:
    """Write value into the protobuf metric `message` in the field its type prescribes.

    Int8, Int16 and Int32 travel as 32-bit two's complement, Int64 as 64-bit. Raises PayloadError where the value does
    not fit the type; NaN and infinities are refused, because they have a quality and no value.
    """
    if value is None:
        message.is_null = True
        return
    try:
        if datatype == DataType.DOUBLE:
            message.double_value = _finite(value)
        elif datatype == DataType.FLOAT:
            message.float_value = _finite(value)
            _finite(message.float_value)  # a number beyond 32 bits became infinite
        elif datatype == DataType.BOOLEAN:
            if not isinstance(value, bool):
                raise TypeError("expected true or false")
            message.boolean_value = value
        elif datatype in INTEGER_BITS:
            _set_integer(message, DataType(datatype), value)
        elif datatype in TEXT_TYPES:
            if not isinstance(value, str):  # protobuf would take bytes, too
                raise TypeError("expected text")
            message.string_value = value
        elif datatype in BYTES_TYPES:
            message.bytes_value = value
        else:
            raise TypeError("this data type is not supported")
    except (TypeError, ValueError, OverflowError) as error:
        raise PayloadError(f"value {value!r} does not fit data type {_type_name(datatype)}: {error}") from None


def _finite(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    if not math.isfinite(value):
        raise ValueError("not a finite number; send it as null with a quality")
    return value


def _set_integer(message: Any, datatype: DataType, value: Value) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("expected an integer")
    bits, signed = INTEGER_BITS[datatype]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise ValueError(f"outside {low}..{high}")
    if bits <= 32:
        message.int_value = value & _UINT32_MASK
    else:
        message.long_value = value & _UINT64_MASK


def get_value(message: Any, datatype: int) -> Value:
    """Read the value of the protobuf metric `message` as its data type.

    Accepts what other implementations send: small integers sign-extended or not, UInt32 in long_value. Raises
    PayloadError where no value is present or it does not fit the type. Numbers that are not finite are returned as
    None: they are stored as a quality, never as a number.
    """
    if message.is_null:
        return None
    field = message.WhichOneof("value")
    if field is None:
        raise PayloadError(f"metric {_label(message)} has neither a value nor is_null")
    raw = getattr(message, field)
    if datatype in (DataType.DOUBLE, DataType.FLOAT):
        if field not in ("double_value", "float_value"):
            raise _mismatch(message, field, datatype)
        return raw if math.isfinite(raw) else None
    if datatype in INTEGER_BITS:
        if field not in ("int_value", "long_value"):
            raise _mismatch(message, field, datatype)
        return _read_integer(message, raw, DataType(datatype))
    expected = (
        "boolean_value"
        if datatype == DataType.BOOLEAN
        else "string_value"
        if datatype in TEXT_TYPES
        else "bytes_value"
        if datatype in BYTES_TYPES
        else ""
    )
    if field != expected:
        raise _mismatch(message, field, datatype)
    if expected == "string_value" and not isinstance(raw, str):
        raise PayloadError(f"metric {_label(message)}: the text is not UTF-8")
    value: Value = raw
    return value


def get_name(message: Any) -> str:
    """Read the name of the protobuf metric `message`, empty where it has none.

    Raises PayloadError where it is not UTF-8: the protobuf library then hands out bytes instead of text.
    """
    name = message.name
    if not isinstance(name, str):
        raise PayloadError(f"metric {_label(message)}: the name is not UTF-8")
    return name


def _read_integer(message: Any, raw: int, datatype: DataType) -> int:
    bits, signed = INTEGER_BITS[datatype]
    if signed:
        width = 32 if bits <= 32 and raw <= _UINT32_MASK else 64
        if raw >= 1 << (width - 1):
            raw -= 1 << width
        if width == 32 and bits < 32 and raw >= 1 << (bits - 1):
            raw -= 1 << bits  # some encoders send Int8 -1 as 255
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    if not low <= raw <= high:
        raise PayloadError(f"metric {_label(message)}: {raw} is outside {low}..{high} of {datatype.name}")
    return raw


def _mismatch(message: Any, field: str, datatype: int) -> PayloadError:
    return PayloadError(f"metric {_label(message)}: data type {_type_name(datatype)} but the value is in {field}")


def _label(message: Any) -> str:
    return repr(message.name) if message.HasField("name") else f"alias {message.alias}"


def _type_name(datatype: int) -> str:
    return DataType(datatype).name if datatype in DataType._value2member_map_ else f"number {datatype}"


def add_properties(message: Any, properties: Mapping[str, Property]) -> None:
    """Append properties to the protobuf metric `message`: bool, int (Int32, or Int64 where needed), float, str."""
    target = message.properties
    for key, value in properties.items():
        target.keys.append(key)
        entry = target.values.add()
        if isinstance(value, bool):
            entry.type, entry.boolean_value = DataType.BOOLEAN, value
        elif isinstance(value, int):
            if -(1 << 31) <= value < 1 << 31:
                entry.type, entry.int_value = DataType.INT32, value & _UINT32_MASK
            else:
                entry.type, entry.long_value = DataType.INT64, value & _UINT64_MASK
        elif isinstance(value, float):
            entry.type, entry.double_value = DataType.DOUBLE, value
        else:
            entry.type, entry.string_value = DataType.STRING, value


def get_properties(message: Any) -> dict[str, Property]:
    """Read the scalar properties of the protobuf metric `message`; nested property sets are left out."""
    if not message.HasField("properties"):
        return {}
    properties = message.properties
    if len(properties.keys) != len(properties.values):
        raise PayloadError(
            f"metric {_label(message)}: {len(properties.keys)} property keys, {len(properties.values)} values"
        )
    return dict(_scalar_properties(properties))


def _scalar_properties(properties: Any) -> Iterator[tuple[str, Property]]:
    for key, entry in zip(properties.keys, properties.values, strict=True):
        field = entry.WhichOneof("value")
        if entry.is_null or field is None or field.startswith("propertyset"):
            continue
        value = getattr(entry, field)
        if not isinstance(key, str) or isinstance(value, bytes):
            raise PayloadError(f"property {key!r} is not UTF-8")
        if field == "int_value" and entry.type in (DataType.INT8, DataType.INT16, DataType.INT32) and value >= 1 << 31:
            value -= 1 << 32
        elif field == "long_value" and entry.type == DataType.INT64 and value >= 1 << 63:
            value -= 1 << 64
        yield key, value


def encode(payload: Payload) -> bytes:
    """Serialise a payload; raises PayloadError where a value does not fit its type."""
    message = PayloadMessage()
    if payload.timestamp_ms is not None:
        message.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        _encode_metric(message.metrics.add(), metric)
    serialised: bytes = message.SerializeToString()
    return serialised


def _encode_metric(message: Any, metric: Metric) -> None:
    if metric.name is not None:
        message.name = metric.name
    if metric.alias is not None:
        message.alias = metric.alias
    if metric.timestamp_ms is not None:
        message.timestamp = metric.timestamp_ms
    message.datatype = metric.datatype
    if metric.is_historical:
        message.is_historical = True
    if metric.is_transient:
        message.is_transient = True
    set_value(message, metric.datatype, metric.value)
    if metric.properties:
        add_properties(message, metric.properties)


def parse(data: bytes) -> Any:
    """Parse bytes into a PayloadMessage for hot paths; raises PayloadError where they are not a payload."""
    return _parse(PayloadMessage(), data)


def parse_envelope(data: bytes) -> Any:
    """Parse bytes into an EnvelopeMessage; raises PayloadError where they are not a payload.

    Its metrics are bytes that nobody has looked at; `parse_metric` reads one of them.
    """
    return _parse(EnvelopeMessage(), data)


def parse_metric(body: bytes) -> Any:
    """Parse one metric of an EnvelopeMessage into a MetricMessage; raises PayloadError."""
    metric = MetricMessage()
    try:
        metric.ParseFromString(body)
    except DecodeError as error:
        raise PayloadError(f"not a metric of {len(body)} bytes: {error}") from None
    return metric


def read_properties(content: bytes) -> dict[str, Property]:
    """Read the scalar properties of a metric from the bytes of its property set; raises PayloadError."""
    metric = MetricMessage()
    try:
        metric.properties.ParseFromString(content)
    except DecodeError as error:
        raise PayloadError(f"not a property set of {len(content)} bytes: {error}") from None
    return get_properties(metric)


def _parse(message: Any, data: bytes) -> Any:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise PayloadError(f"not a Sparkplug B payload of {len(data)} bytes: {error}") from None
    return message


def decode(data: bytes) -> Payload:
    """Decode a payload whose metrics all state their data type (births, commands, tests); raises PayloadError."""
    message = parse(data)
    metrics = [_decode_metric(metric) for metric in message.metrics]
    return Payload(
        timestamp_ms=message.timestamp if message.HasField("timestamp") else None,
        metrics=metrics,
        seq=message.seq if message.HasField("seq") else None,
    )


def _decode_metric(message: Any) -> Metric:
    if message.datatype not in DataType._value2member_map_:
        raise PayloadError(f"metric {_label(message)}: unknown data type number {message.datatype}")
    return Metric(
        name=get_name(message) if message.HasField("name") else None,
        datatype=DataType(message.datatype),
        value=get_value(message, message.datatype),
        timestamp_ms=message.timestamp if message.HasField("timestamp") else None,
        alias=message.alias if message.HasField("alias") else None,
        is_historical=message.is_historical,
        is_transient=message.is_transient,
        properties=get_properties(message),
    )
