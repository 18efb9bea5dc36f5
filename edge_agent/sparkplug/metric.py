"""One named value on the wire, and the data types it may have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

Value = float | int | bool | str | bytes | None
"""Value of a metric; None is the Sparkplug null."""

Property = float | int | bool | str
"""Value of a metric property."""


class DataType(IntEnum):
    """Data types of Sparkplug B 3.0, chapter 6.4.16. DataSet, Template and arrays are not among those we store."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19


INTEGER_BITS: Mapping[DataType, tuple[int, bool]] = {
    DataType.INT8: (8, True),
    DataType.INT16: (16, True),
    DataType.INT32: (32, True),
    DataType.INT64: (64, True),
    DataType.UINT8: (8, False),
    DataType.UINT16: (16, False),
    DataType.UINT32: (32, False),
    DataType.UINT64: (64, False),
    DataType.DATETIME: (64, False),
}
"""Width in bits and signedness of each integer type."""

TEXT_TYPES = frozenset({DataType.STRING, DataType.TEXT, DataType.UUID})
BYTES_TYPES = frozenset({DataType.BYTES, DataType.FILE})


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of an edge node or device.

    Attributes:
        name: full name, folders separated by '/'; None where only the alias is sent.
        datatype: declared type; also sent with every DATA metric, because some decoders need it.
        value: None is null. Integers of any type are plain Python ints in the range of their type.
        timestamp_ms: UTC milliseconds since 1970 at the source.
        alias: number that stands for the name after the birth; unique within an edge node, never reused.
        is_historical: True where the value was buffered and must not overwrite a newer live value.
        is_transient: True where a host must not store the value.
        properties: see edge_agent.sparkplug.properties for the keys of this project.
    """

    name: str | None
    datatype: DataType
    value: Value
    timestamp_ms: int | None = None
    alias: int | None = None
    is_historical: bool = False
    is_transient: bool = False
    properties: Mapping[str, Property] = field(default_factory=dict)
