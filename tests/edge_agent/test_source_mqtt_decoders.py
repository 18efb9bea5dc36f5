"""Decoders of plain-MQTT devices: what their real messages mean, and that nothing malformed passes or crashes."""

import base64
import json
from array import array
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.config import MqttDeviceConfig, MqttDiscoverConfig, MqttTagConfig, MqttWaveformConfig
from edge_agent.sources.mqtt.decoders import DEVICES, JsonDiscovery, TagDecoder
from edge_agent.sources.mqtt.values import (
    Item,
    MalformedError,
    convert,
    escape,
    matches,
    parse_json,
    parse_time,
    plain_value,
    resolve,
    widest,
)
from edge_agent.sources.mqtt.waveforms import WaveformDecoder
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.waveform import decode as decode_block

TS_NS = 1_763_780_000_370_000_000


def _tag(**content: Any) -> MqttTagConfig:
    return MqttTagConfig.model_validate({"device": "d", "topic": "t", **content})


def _device(decoder: str, topic: str, **more: Any) -> Any:
    return DEVICES[decoder](
        MqttDeviceConfig.model_validate({"decoder": decoder, "topic": topic, "device": "EL-92", **more})
    )


def test_shelly_gen2_partial_update() -> None:
    """A partial update yields only what it holds, with the device's time, address by JSON pointer and unit."""
    frame = {
        "src": "shellyem", "dst": "shellyem/events", "method": "NotifyStatus",
        "params": {
            "ts": 1763780000.37,
            "em:0": {"id": 0, "a_voltage": 230.1, "n_current": None, "user_calibrated_phase": []},
            "switch:1": {"id": 1, "output": True, "aenergy": {"total": 12, "by_minute": [1.0]},
                         "temperature": {"tC": 41.5}},
        },
    }  # fmt: skip
    items = list(_device("shelly_gen2", "shellyem").decode("shellyem/events/rpc", json.dumps(frame).encode()))
    base = "shellyem/events/rpc#/params"
    assert items == [
        Item(f"{base}/em:0/a_voltage", "em_0_a_voltage_v", 230.1, TS_NS, "V"),
        Item(f"{base}/em:0/n_current", "em_0_n_current_a", None, TS_NS, "A"),
        Item(f"{base}/switch:1/output", "switch_1_output", value=True, time_ns=TS_NS),
        Item(f"{base}/switch:1/aenergy/total", "switch_1_aenergy_total_wh", 12.0, TS_NS, "Wh"),
        Item(f"{base}/switch:1/temperature/tC", "switch_1_temperature_tc_degc", 41.5, TS_NS, "°C"),
    ]


def test_shelly_gen2_event() -> None:
    """An event is the text of its component at its own time."""
    event = {"component": "input:0", "id": 0, "event": "single_push", "ts": 1763780000.37}
    frame = {"method": "NotifyEvent", "params": {"ts": 1763780001.0, "events": [event]}}
    (item,) = _device("shelly_gen2", "s").decode("s/events/rpc", json.dumps(frame).encode())
    assert (item.metric, item.value, item.time_ns) == ("input_0_event", "single_push", TS_NS)


def test_shelly_gen1_topics() -> None:
    """Each topic of a first-generation Shelly is one plain value; commands are none."""
    device = _device("shelly_gen1", "shellies/em")
    found = {
        topic: list(device.decode(f"shellies/em/{topic}", payload))
        for topic, payload in {"emeter/0/power": b"12.50", "relay/0": b"on", "relay/0/command": b"off"}.items()
    }
    assert found["emeter/0/power"] == [
        Item("shellies/em/emeter/0/power", "emeter_0_power_w", 12.5, None, "W"),
    ]
    assert found["relay/0"][0].value is True
    assert found["relay/0/command"] == []


@pytest.mark.parametrize(
    ("offset_h", "text", "time_ns"),
    [(1.0, "2025-11-22T04:00:00", 1_763_780_400_000_000_000), (None, "2025-11-22T04:00:00", None),
     (None, "2025-11-22T03:00:00Z", 1_763_780_400_000_000_000)],
)  # fmt: skip
def test_tasmota_times(offset_h: float | None, text: str, time_ns: int | None) -> None:
    """A local time counts only where its offset is known."""
    more = {} if offset_h is None else {"time_zone_offset_h": offset_h}
    document = {"Time": text, "ENERGY": {"Total": 1.5, "Power": 20}, "DS18B20": {"Temperature": 21.1}, "TempUnit": "C"}
    items = list(_device("tasmota", "plug", **more).decode("tele/plug/SENSOR", json.dumps(document).encode()))
    assert items == [
        Item("tele/plug/SENSOR#/ENERGY/Total", "energy_total_kwh", 1.5, time_ns, "kWh"),
        Item("tele/plug/SENSOR#/ENERGY/Power", "energy_power_w", 20.0, time_ns, "W"),
        Item("tele/plug/SENSOR#/DS18B20/Temperature", "ds18b20_temperature_degc", 21.1, time_ns, "°C"),
    ]


def test_a_tasmota_meter_of_three_phases() -> None:
    """Each phase of a list is a metric of its own; a longer list is no phases; a number as a key harms nobody."""
    document = {"ENERGY": {"Power": [20, 0, 20.5], "Total": 1.5, "History": [1, 2, 3, 4]}, "5": 7}
    assert list(_device("tasmota", "meter").decode("tele/meter/SENSOR", json.dumps(document).encode())) == [
        Item("tele/meter/SENSOR#/ENERGY/Power/0", "energy_power_0_w", 20.0, None, "W"),
        Item("tele/meter/SENSOR#/ENERGY/Power/1", "energy_power_1_w", 0.0, None, "W"),
        Item("tele/meter/SENSOR#/ENERGY/Power/2", "energy_power_2_w", 20.5, None, "W"),
        Item("tele/meter/SENSOR#/ENERGY/Total", "energy_total_kwh", 1.5, None, "kWh"),
        Item("tele/meter/SENSOR#/5", "5", 7.0, None, ""),
    ]


def test_discovery_of_a_replayed_recording() -> None:
    """Every column of a replayed row is found at its exact time and address."""
    config = MqttDiscoverConfig(topic="replay/+", device="SKAB", values="/values", time="/time", time_unit="ms")
    payload = b'{"time": 1763780000370, "values": {"Volume Flow": 32.5, "a/b": null, "anomaly": 1}}'
    assert list(JsonDiscovery(config).decode("replay/skab", payload)) == [
        Item("replay/skab#/values/Volume Flow", "Volume Flow", 32.5, TS_NS),
        Item("replay/skab#/values/a~1b", "a/b", None, TS_NS),
        Item("replay/skab#/values/anomaly", "anomaly", 1.0, TS_NS),
    ]


def test_configured_tags_are_converted_only_as_configured() -> None:
    """Text is a number where the tag says so; what cannot be converted is null and said."""
    tags = [
        _tag(metric=name, pointer=pointer, datatype=kind)
        for name, pointer, kind in [
            ("number", "/n", "double"), ("text", "/n", "string"), ("wrong", "/w", "int64"), ("absent", "/x", "double"),
        ]
    ]  # fmt: skip
    outcomes = list(TagDecoder("t", tags).decode(b'{"n": "12.3", "w": "twelve"}'))
    values = [(tag.metric, o.value) for tag, o in outcomes if isinstance(o, Item)]
    assert values == [("number", 12.3), ("text", "12.3"), ("wrong", None)]
    assert [str(o) for _, o in outcomes if isinstance(o, MalformedError)] == ["'twelve' is not a int64"]


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"12.3", 12.3), (b" 7 ", 7.0), (b"on", True), (b"FALSE", False), (b"nan", None), (b"running", "running")],
)
def test_plain_payloads(payload: bytes, value: object) -> None:
    """A plain payload is a number, a truth value or text; NaN is no number."""
    assert plain_value(payload) == value


@pytest.mark.parametrize(
    ("value", "unit", "time_ns"),
    [(1763780000.37, "s", TS_NS), (1763780000, "s", 1763780000 * 10**9), (1763780000370, "ms", TS_NS),
     (1763780000370.5, "ms", TS_NS + 500_000), (TS_NS, "ns", TS_NS), ("2025-11-22T02:53:20.370+00:00", "iso", TS_NS)],
)  # fmt: skip
def test_times_are_exact(value: Any, unit: Any, time_ns: int) -> None:
    """Times survive exactly, in every unit."""
    assert parse_time(value, unit) == time_ns


@given(st.integers(0, 4_000_000_000 * 100))
def test_hundredths_of_a_second_survive_json(hundredths: int) -> None:
    """Each time that a Shelly can send comes out as the number of nanoseconds that it means."""
    text = json.dumps({"ts": hundredths / 100.0}).encode()
    assert parse_time(parse_json(text)["ts"], "s") == hundredths * 10_000_000


@pytest.mark.parametrize(
    ("value", "unit"),
    [("12", "s"), (True, "s"), (-1, "s"), (1e300, "s"), (1763780000370, "s"), ("yesterday", "iso"),
     ("2025-01-01", "iso"), (None, "ms"), (1e308, "s"), (-1e308, "ms"), (10**400, "ns"), (float("nan"), "s")],
)  # fmt: skip
def test_wrong_times_are_refused(value: Any, unit: Any) -> None:
    """A time of another type, unit or without zone is refused, not guessed."""
    with pytest.raises(MalformedError, match="time"):
        parse_time(value, unit)


@given(st.dictionaries(st.text(), st.integers(), min_size=1))
def test_json_pointers_reach_every_key(document: dict[str, int]) -> None:
    """Any key is reached through its escaped pointer."""
    for key, value in document.items():
        assert resolve(document, f"/{escape(key)}") == value


KEYS = st.sampled_from(["params", "ts", "method", "events", "Time", "em:0", "x"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(JSON.map(lambda document: json.dumps(document).encode()) | st.binary())
def test_no_payload_crashes_a_decoder(payload: bytes) -> None:
    """Whatever comes, a decoder yields scalars or says that the message is malformed."""
    discovery = JsonDiscovery(MqttDiscoverConfig(topic="t", device="d", values="", time="/ts"))
    tag = _tag(metric="m", pointer="/x", time="/ts", datatype="double")
    decoders = [_device(name, "t") for name in DEVICES]
    for decode in [discovery.decode, *(decoder.decode for decoder in decoders)]:
        with suppress(MalformedError):
            for item in decode("t/x", payload):
                assert item.value is None or type(item.value) in (float, bool, str)
    with suppress(MalformedError):
        list(TagDecoder("t", [tag]).decode(payload))


@pytest.mark.parametrize("payload", [b"{", b"\xff", b'{"a": NaN}', b'"\\ud800"', b"[" * 100_000])
def test_what_is_not_json_is_malformed(payload: bytes) -> None:
    """Truncated text, wrong encoding, NaN, half characters and bottomless nesting are refused with a reason."""
    with pytest.raises(MalformedError, match="not JSON"):
        parse_json(payload)


@pytest.mark.parametrize("value", [10**400, True, [1], {"a": 1}, "twelve"])
def test_what_is_no_number_never_becomes_one(value: Any) -> None:
    """A value that is not the number that was configured is refused; an infinite one is null."""
    with pytest.raises(MalformedError, match="double"):
        convert(value, DataType.DOUBLE)
    assert convert("1e999", DataType.DOUBLE) is None


def test_topic_filters() -> None:
    """Filters match as MQTT says, and covered ones are left out."""
    assert matches("a/+/c", "a/b/c")
    assert matches("a/#", "a")
    assert not matches("a/+", "a/b/c")
    assert not matches("a/b", "a")
    assert widest(["a/#", "a/b", "a/+", "c", "c"]) == ["a/#", "c"]


BLOCK = {
    "ts": 1_763_780_000_370, "unit": "g", "rate_hz": 12_800, "scale": 0.5,
    "samples": base64.b64encode(array("h", [2, -4, 32_767]).tobytes()).decode(),
}  # fmt: skip


def _waveform(**more: Any) -> WaveformDecoder:
    content = {"topic": "vib/waveform", "device": "MIX-10", "metric": "waveform_g", "unit": "g", "scale": "/scale"}
    return WaveformDecoder(MqttWaveformConfig.model_validate({**content, "time": "/ts", "time_unit": "ms", **more}))


def test_a_waveform_block_is_one_value() -> None:
    """Samples are scaled, in their order, at the message's own time, with the unit of the configuration."""
    (item,) = _waveform().decode("vib/waveform", json.dumps(BLOCK).encode())
    assert isinstance(item.value, bytes)
    found = decode_block(item.value)
    assert item._replace(value=None) == Item("vib/waveform#/samples", "waveform_g", None, TS_NS, "g")
    assert (found.rate_hz, array("f", found.samples).tolist()) == (12_800.0, [1.0, -2.0, 16_383.5])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"samples": "not base64!"}, "base64"),
        ({"samples": base64.b64encode(b"abc").decode()}, "base64"),
        ({"samples": [1, 2]}, "not text"),
        ({"samples": ""}, "0 samples"),
        ({"rate_hz": "fast"}, "not a number"),
        ({"rate_hz": 10**400}, "too large"),
        ({"scale": 1e40}, "not a finite"),
        ({"ts": "now"}, "not a number"),
    ],
)
def test_a_malformed_waveform_is_said(change: dict[str, Any], reason: str) -> None:
    """Whatever is wrong with a block, the message is refused with words and nothing crashes."""
    with pytest.raises(MalformedError, match=reason):
        list(_waveform().decode("vib/waveform", json.dumps({**BLOCK, **change}).encode()))
    missing = {key: value for key, value in BLOCK.items() if key not in change}
    with pytest.raises(MalformedError, match="nothing at"):
        list(_waveform().decode("vib/waveform", json.dumps(missing).encode()))
