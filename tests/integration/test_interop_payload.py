"""Our payload codec against Eclipse Tahu's `sparkplug-payload`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from edge_agent.sparkplug.metric import DataType, Metric, Property, Value
from edge_agent.sparkplug.payload import Payload, decode, encode
from tests.integration.peers import Peer, peer, require_peers

TIME_MS = 1_700_000_000_123

# UInt32 is absent: Tahu reads it from long_value, the specification prescribes int_value. Our edges therefore never
# send it (an OPC UA UInt32 becomes Int64), and our decoder takes both forms.
VALUES: list[tuple[DataType, Value]] = [
    (DataType.INT8, -128),
    (DataType.INT8, 127),
    (DataType.INT16, -32_768),
    (DataType.INT32, -2_147_483_648),
    (DataType.INT32, 2_147_483_647),
    (DataType.INT64, -9_223_372_036_854_775_808),
    (DataType.INT64, 9_007_199_254_740_993),
    (DataType.UINT8, 255),
    (DataType.UINT16, 65_535),
    (DataType.UINT64, 18_446_744_073_709_551_615),
    (DataType.FLOAT, 0.5),
    (DataType.DOUBLE, -1.0e-300),
    (DataType.BOOLEAN, True),
    (DataType.BOOLEAN, False),
    (DataType.STRING, "Žižkov ខ្មែរ \n"),
    (DataType.DATETIME, TIME_MS),
    (DataType.BYTES, b"\x00\xff"),
    (DataType.DOUBLE, None),
]


@pytest.fixture(scope="module")
def tahu() -> Iterator[Peer]:
    require_peers()
    with peer("decode.mjs") as process:
        yield process


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and "long" in value:
        return int(value["long"])
    if isinstance(value, dict) and "hex" in value:
        return bytes.fromhex(value["hex"])
    return value


@pytest.mark.parametrize(("datatype", "value"), VALUES)
def test_tahu_reads_what_we_write(tahu: Peer, datatype: DataType, value: Value) -> None:
    """Every type we send, at the ends of its range, is read by a foreign decoder as the value we meant."""
    properties: dict[str, Property] = {"engUnit": "°C", "Quality": 192, "engLow": -1.5}
    metric = Metric("unit/signal", datatype, value, TIME_MS, alias=7, is_historical=True, properties=properties)
    tahu.say(encode(Payload(TIME_MS, [metric], seq=255)).hex())
    heard = json.loads(tahu.hear())
    assert _plain(heard["timestamp"]) == TIME_MS
    assert _plain(heard["seq"]) == 255
    (read,) = heard["metrics"]
    assert read["name"] == "unit/signal"
    assert _plain(read["alias"]) == 7
    assert _plain(read["timestamp"]) == TIME_MS
    assert read["isHistorical"] is True
    assert read["type"].upper() == datatype.name
    if value is None:
        assert read.get("value") is None
    else:
        assert _signed(_plain(read["value"]), datatype) == value
    assert read["properties"]["engUnit"]["value"] == "°C"
    assert read["properties"]["Quality"]["value"] == 192
    assert read["properties"]["engLow"]["value"] == -1.5


def _signed(value: Any, datatype: DataType) -> Any:
    """Undo one habit of the foreign decoder: it hands on Int64 as the unsigned number on the wire."""
    if datatype == DataType.INT64 and value >= 1 << 63:
        return value - (1 << 64)
    return value


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("Int8", -1),
        ("Int16", -2),
        ("Int32", -3),
        ("Int64", -4),
        ("UInt8", 200),
        ("UInt32", 4_000_000_000),
        ("UInt64", 5),
        ("Float", 0.25),
        ("Double", -2.5),
        ("Boolean", True),
        ("String", "ä"),
        ("DateTime", TIME_MS),
    ],
)
def test_we_read_what_tahu_writes(tahu: Peer, datatype: str, value: Any) -> None:
    """A foreign encoder's forms, negative small integers among them, are read as the value it meant."""
    metric = {"name": "signal", "type": datatype, "value": value, "timestamp": TIME_MS}
    tahu.say(json.dumps({"timestamp": TIME_MS, "seq": 3, "metrics": [metric]}))
    payload = decode(bytes.fromhex(tahu.hear()))
    assert payload.seq == 3
    (read,) = payload.metrics
    assert (read.name, read.value, read.timestamp_ms) == ("signal", value, TIME_MS)
    assert read.datatype.name == datatype.upper()
