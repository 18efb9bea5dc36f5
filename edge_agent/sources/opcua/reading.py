"""From what a server sends to values with a quality. Pure."""

import math

from edge_agent.sources.opcua.publish import BOOLEAN, DATETIME, STRING, UNIX_EPOCH_TICKS
from edge_agent.sparkplug.metric import DataType, Value
from edge_agent.sparkplug.quality import Quality

WIRE_TYPES: dict[int, DataType] = {
    BOOLEAN: DataType.BOOLEAN,
    2: DataType.INT8,
    3: DataType.UINT8,
    4: DataType.INT16,
    5: DataType.UINT16,
    6: DataType.INT32,
    7: DataType.INT64,  # UInt32: Sparkplug prescribes int_value for it, yet common hosts read long_value and see null
    8: DataType.INT64,
    9: DataType.UINT64,
    10: DataType.FLOAT,
    11: DataType.DOUBLE,
    STRING: DataType.STRING,
    DATETIME: DataType.DATETIME,
}
"""Built-in types of OPC UA (OPC 10000-6, 5.1.2) that are read, and their types on the wire."""

_UNCERTAIN, _SEVERE = 0x4000_0000, 0x8000_0000
_OVERFLOW = 0x0480
"""Info type DataValue with the Overflow bit (OPC 10000-4, 7.39.1)."""


def ticks_to_ns(ticks: int) -> int:
    """Turn FILETIME ticks (100 ns since 1601) into UTC nanoseconds since 1970."""
    return (ticks - UNIX_EPOCH_TICKS) * 100


def has_overflowed(status: int) -> bool:
    """Tell whether the server dropped older values of this item for want of room in its queue."""
    return status & _OVERFLOW == _OVERFLOW


def judge(variant_type: int, value: Value, status: int) -> tuple[Value, Quality]:
    """Return value and quality; a value that is Bad, missing, not finite or of a type not read is null and BAD.

    A DateTime comes in FILETIME ticks and becomes milliseconds since 1970, which is what Sparkplug sends.
    """
    if status & _SEVERE or value is None or variant_type not in WIRE_TYPES:
        return None, Quality.BAD
    if isinstance(value, float) and not math.isfinite(value):
        return None, Quality.BAD
    if variant_type == DATETIME:
        if not isinstance(value, int) or value < UNIX_EPOCH_TICKS:
            return None, Quality.BAD
        value = (value - UNIX_EPOCH_TICKS) // 10_000
    return value, Quality.UNCERTAIN if status & _UNCERTAIN else Quality.GOOD
