"""Protobuf bytes written directly, for messages that are logged first and published later.

A logged message is stored without what is only known when it is published. Because parts of a protobuf message may be
concatenated, publishing adds those fields around the stored bytes and encodes nothing anew. Field numbers as in
edge_agent.sparkplug.schema.
"""

import math
import struct
from collections.abc import Callable

from edge_agent.sparkplug.delivery import GAP, Gap
from edge_agent.sparkplug.metric import BYTES_TYPES, INTEGER_BITS, TEXT_TYPES, DataType, Value
from edge_agent.sparkplug.payload import PayloadError
from edge_agent.sparkplug.properties import QUALITY, SUB_MS
from edge_agent.sparkplug.quality import Quality

NS_PER_MS = 1_000_000
_NULL = b"\x38\x01"
_MAX_SHOWN = 60
pack_double = struct.Struct("<Bd").pack
"""Encodes DOUBLE_KEY and a finite float: what value_writer(DOUBLE) does, without asking."""
DOUBLE_KEY = 0x69
_PACK_FLOAT = struct.Struct("<f").pack


def varint(number: int) -> bytes:
    """Encode a number of 0 or more as a base-128 varint."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text_field(key: bytes, text: bytes) -> bytes:
    return key + varint(len(text)) + text


def metric_field(body: bytes) -> bytes:
    """Wrap the fields of one metric as an entry of the payload's `metrics`."""
    return b"\x12" + varint(len(body)) + body


def payload_time(time_ns: int) -> bytes:
    """Encode the payload's timestamp."""
    return b"\x08" + varint(time_ns // NS_PER_MS)


def payload_seq(seq: int) -> bytes:
    """Encode the payload's sequence number."""
    return b"\x18" + varint(seq)


def lsn_metric(alias: int, lsn: int) -> bytes:
    """Encode the metric `Delivery/lsn`, which goes before the stored bytes of a message."""
    return metric_field(
        b"\x10" + varint(alias) + b"\x20" + varint(DataType.UINT64) + b"\x58" + varint(lsn)
    )  # alias, datatype, long_value


def gap_metric(gap: Gap) -> bytes:
    """Encode a gap record as the metric `Delivery/gap`, by name: it must be readable whatever was born when."""
    body = _text_field(b"\x0a", GAP.encode()) + b"\x20" + varint(DataType.STRING)
    return metric_field(body + _text_field(b"\x7a", gap.to_json().encode()))


def _property(key: str, datatype: DataType, number: int) -> tuple[bytes, bytes]:
    entry = b"\x08" + varint(datatype) + b"\x18" + varint(number)
    return _text_field(b"\x0a", key.encode()), _text_field(b"\x12", entry)


def _property_set(*properties: tuple[bytes, bytes]) -> bytes:
    body = b"".join(key for key, _ in properties) + b"".join(entry for _, entry in properties)
    return _text_field(b"\x4a", body)


_QUALITY_ENTRIES = {quality: _property(QUALITY, DataType.INT32, quality) for quality in Quality}
_QUALITY_SETS = {
    quality: b"" if quality is Quality.GOOD else _property_set(entry) for quality, entry in _QUALITY_ENTRIES.items()
}


def properties_field(sub_ms: int, quality: Quality) -> bytes:
    """Encode the properties of a value: nanoseconds below its millisecond, and its quality where not GOOD."""
    if not sub_ms:
        return _QUALITY_SETS[quality]
    remainder = _property(SUB_MS, DataType.UINT32, sub_ms)
    if quality is Quality.GOOD:
        return _property_set(remainder)
    return _property_set(remainder, _QUALITY_ENTRIES[quality])


def metric_start(alias: int, datatype: DataType) -> bytes:
    """Encode what all values of a metric have in common: alias, datatype and the key of the timestamp that follows."""
    return b"\x10" + varint(alias) + b"\x20" + varint(datatype) + b"\x18"


def value_writer(datatype: DataType) -> Callable[[Value], bytes]:
    """Return the function that encodes values of a type; it raises PayloadError where a value does not fit."""
    if datatype == DataType.DOUBLE:
        return _write_double
    if datatype == DataType.FLOAT:
        return _write_float
    if datatype == DataType.BOOLEAN:
        return _write_boolean
    if datatype in TEXT_TYPES:
        return _write_text
    if datatype in BYTES_TYPES:
        return _write_bytes
    if datatype in INTEGER_BITS:
        return _integer_writer(datatype)
    raise PayloadError(f"data type {datatype.name} is not supported")


def write_null(_value: Value = None) -> bytes:
    """Encode the Sparkplug null."""
    return _NULL


def _misfit(value: Value, datatype: str, reason: str = "") -> PayloadError:
    shown = repr(value)
    shown = shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + "..."
    return PayloadError(f"value {shown} does not fit data type {datatype}{reason}")


def _write_double(value: Value) -> bytes:
    if type(value) is not float and type(value) is not int:
        raise _misfit(value, "DOUBLE")
    try:
        if math.isfinite(value):
            return pack_double(DOUBLE_KEY, value)
    except OverflowError:
        pass
    raise _misfit(value, "DOUBLE", ": not a finite number of 64 bits")


def _write_float(value: Value) -> bytes:
    if type(value) is not float and type(value) is not int:
        raise _misfit(value, "FLOAT")
    try:
        if math.isfinite(value):
            return b"\x65" + _PACK_FLOAT(value)
    except OverflowError:
        pass
    raise _misfit(value, "FLOAT", ": not a finite number of 32 bits")


def _write_boolean(value: Value) -> bytes:
    if type(value) is not bool:
        raise _misfit(value, "BOOLEAN")
    return b"\x70\x01" if value else b"\x70\x00"


def _write_text(value: Value) -> bytes:
    if type(value) is not str:
        raise _misfit(value, "STRING")
    try:
        return _text_field(b"\x7a", value.encode())
    except UnicodeEncodeError as error:
        raise _misfit(value, "STRING", f": {error}") from None


def _write_bytes(value: Value) -> bytes:
    if type(value) is not bytes:
        raise _misfit(value, "BYTES")
    return _text_field(b"\x82\x01", value)


def _integer_writer(datatype: DataType) -> Callable[[Value], bytes]:
    bits, signed = INTEGER_BITS[datatype]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    key = b"\x50" if bits <= 32 else b"\x58"
    mask = (1 << 32) - 1 if bits <= 32 else (1 << 64) - 1

    def write(value: Value) -> bytes:
        if type(value) is not int or not low <= value <= high:
            raise _misfit(value, datatype.name)
        return key + varint(value & mask)

    return write
