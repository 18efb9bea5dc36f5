"""The MQTT source against real brokers."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest
from pydantic import TypeAdapter

from edge_agent.sources.config import MqttSourceConfig
from edge_agent.sources.mqtt.source import MqttSource
from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from tests.integration.source_sink import KeepingSink, reading, until
from tests.servers import Server

pytestmark = pytest.mark.servers

TS_NS = 1_763_780_000_000_000_000
SHELLY = {"decoder": "shelly_gen2", "topic": "shellyem", "device": "EL-92"}


def _frame(step: int, **components: Any) -> bytes:
    """One notification at TS_NS + step hundredths of a second."""
    params = {"ts": (TS_NS // 10_000_000 + step) / 100, **components}
    return json.dumps({"src": "shellyem", "method": "NotifyStatus", "params": params}).encode()


@asynccontextmanager
async def _running(server: Server, folder: Path, **content: Any) -> AsyncIterator[tuple[MqttSource, KeepingSink]]:
    broker = {"host": "127.0.0.1", "port": server.port, "keepalive_s": 2, "reconnect_max_s": 0.5}
    config = TypeAdapter(MqttSourceConfig).validate_python(
        {"name": "meter", "type": "mqtt", "origin": "simulated", "broker": broker, **content}
    )
    source = MqttSource(config, folder)
    async with reading(source) as sink:
        await until(lambda: source.status().state == "connected")
        yield source, sink


class _Device:
    """A device with a last will, at the broker."""

    def __init__(self, server: Server) -> None:
        self._up = threading.Event()
        self.client = MqttClient(
            BrokerConfig(port=server.port, keepalive_s=2, reconnect_max_s=0.5),
            client_id="shellyem",
            subscriptions=[],
            on_message=lambda _message: None,
            on_connect=self._up.set,
            on_disconnect=lambda _reason: self._up.clear(),
            will=lambda: Message("shellyem/online", b"false", retain=True, qos=1),
        )

    async def start(self) -> "_Device":
        self.client.start()
        await self.wait()
        return self

    async def wait(self) -> None:
        await until(lambda: self.client.connected)

    async def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert self.client.publish(topic, payload, qos=1, retain=retain)

    async def stop(self) -> None:
        await asyncio.to_thread(self.client.stop)


async def _retain(server: Server, messages: dict[str, bytes]) -> None:
    """Let the broker keep the messages; returns when it has acknowledged each, so no later subscriber sees one live."""
    for topic, payload in messages.items():
        await asyncio.to_thread(
            paho.mqtt.publish.single, topic, payload, qos=1, retain=True, hostname="127.0.0.1", port=server.port
        )


@pytest.fixture
async def device(broker: Server) -> AsyncIterator[_Device]:
    """A connected device."""
    running = await _Device(broker).start()
    yield running
    await running.stop()


async def test_partial_updates_arrive_once_in_order(broker: Server, device: _Device, tmp_path: Path) -> None:
    """Each value of partial updates arrives once with the device's time; its tag is declared with unit and address."""
    async with _running(broker, tmp_path, devices=[SHELLY]) as (source, sink):
        for step in range(200):
            await device.say("shellyem/events/rpc", _frame(step, **{"em:0": {"id": 0, "a_voltage": 230.0 + step}}))
        await until(lambda: len(sink.readings) == 200)
        assert sink.of("em_0_a_voltage_v") == [
            (TS_NS + step * 10_000_000, 230.0 + step, Quality.GOOD) for step in range(200)
        ]
        (tag,) = sink.tags
        assert (tag.unit, tag.datatype, tag.address) == (
            "V",
            DataType.DOUBLE,
            "shellyem/events/rpc#/params/em:0/a_voltage",
        )
        assert source.status().error == ""


async def test_retained_values_of_unknown_age_are_uncertain(broker: Server, device: _Device, tmp_path: Path) -> None:
    """A retained value without a time of its own is UNCERTAIN at its arrival; one with a time keeps it and is good."""
    await _retain(broker, {"plain/power": b"12.5", "json/power": b'{"t": 1763780000, "p": 3}'})
    tags = [
        {"device": "D", "metric": "plain_w", "topic": "plain/power", "datatype": "double"},
        {"device": "D", "metric": "json_w", "topic": "json/power", "pointer": "/p", "time": "/t", "datatype": "int64"},
    ]
    before_ns = time.time_ns()
    async with _running(broker, tmp_path, tags=tags) as (_, sink):
        await until(lambda: len(sink.readings) == 2)
        ((arrived_ns, value, quality),) = sink.of("plain_w")
        assert (value, quality) == (12.5, Quality.UNCERTAIN)
        assert arrived_ns >= before_ns
        assert sink.of("json_w") == [(TS_NS, 3, Quality.GOOD)]
        await device.say("plain/power", b"13")
        await until(lambda: len(sink.of("plain_w")) == 2)
        assert sink.of("plain_w")[1][1:] == (13.0, Quality.GOOD)


async def test_malformed_messages_are_counted_and_shown(broker: Server, device: _Device, tmp_path: Path) -> None:
    """A message that cannot be read is counted and shown with topic, reason and excerpt; the next one is read."""
    async with _running(broker, tmp_path, devices=[SHELLY]) as (source, sink):
        for payload in (b"\xff\xfe", b"{broken", b'{"method": "Nonsense"}', b"[]"):
            await device.say("shellyem/events/rpc", payload)
        await device.say("shellyem/events/rpc", _frame(1, **{"em:0": {"a_current": 5}}))
        await until(lambda: len(sink.readings) == 1)
        status = source.status()
        assert status.state == "connected"
        assert "4 messages" in status.error
        assert "shellyem/events/rpc" in status.error
        assert "'[]'" in status.error
        assert status.remedy


async def test_a_pointer_that_never_matches_is_named(broker: Server, device: _Device, tmp_path: Path) -> None:
    """A tag whose topic is alive but whose pointer finds nothing is named in the status."""
    tag = {"device": "D", "metric": "power_w", "topic": "meter", "pointer": "/powr", "datatype": "double"}
    async with _running(broker, tmp_path, tags=[tag]) as (source, _):
        await device.say("meter", b'{"power": 1}')
        await until(lambda: "meter#/powr" in source.status().error)


async def test_device_that_goes_offline_is_stale_until_it_is_back(
    broker: Server, device: _Device, tmp_path: Path
) -> None:
    """The last will turns the device's tags stale once; its first value afterwards ends the declared outage."""
    async with _running(broker, tmp_path, devices=[SHELLY]) as (_, sink):
        await device.say("shellyem/online", b"true", retain=True)
        await device.say("shellyem/events/rpc", _frame(0, **{"em:0": {"a_voltage": 230.0}}))
        await until(lambda: len(sink.readings) == 1)
        device.client.drop()
        await until(lambda: len(sink.readings) == 2)
        assert sink.readings[1].quality is Quality.STALE
        await device.wait()
        await device.say("shellyem/events/rpc", _frame(500, **{"em:0": {"a_voltage": 231.0}}))
        await until(lambda: sink.values("em_0_a_voltage_v")[-1] == 231.0)
        assert sink.outages == [(("em_0_a_voltage_v",), TS_NS + 1, TS_NS + 5_000_000_000 - 1, "source_down")]


async def test_broker_kill_is_stale_and_a_declared_gap(broker: Server, device: _Device, tmp_path: Path) -> None:
    """A killed broker turns every tag stale once; after its restart values flow again and the gap is declared once."""
    async with _running(broker, tmp_path, devices=[SHELLY]) as (source, sink):
        await device.say("shellyem/events/rpc", _frame(0, **{"em:0": {"a_voltage": 230.0, "b_voltage": 229.0}}))
        await until(lambda: len(sink.readings) == 2)
        await asyncio.to_thread(broker.kill)
        await until(lambda: source.status().state == "unavailable")
        await until(lambda: source.status().error and source.status().remedy)
        await asyncio.to_thread(broker.start)
        await device.wait()
        await until(lambda: source.status().state == "connected")
        await device.say("shellyem/events/rpc", _frame(900, **{"em:0": {"a_voltage": 231.0}}))
        await until(lambda: sink.values("em_0_a_voltage_v")[-1] == 231.0)
        assert [quality for _, _, quality in sink.of("em_0_a_voltage_v")] == [Quality.GOOD, Quality.STALE, Quality.GOOD]
        assert [outage[0] for outage in sink.outages] == [("em_0_a_voltage_v",), ("em_0_b_voltage_v",)]
        assert all(outage[1] == TS_NS + 1 and outage[3] == "source_down" for outage in sink.outages)


async def test_unreachable_broker_says_what_to_do(free_port: int, tmp_path: Path) -> None:
    """Where no broker listens the status says so, with a remedy."""
    tag = {"device": "D", "metric": "m", "topic": "t", "datatype": "double"}
    config = TypeAdapter(MqttSourceConfig).validate_python(
        {"name": "m", "type": "mqtt", "origin": "real", "broker": {"port": free_port}, "tags": [tag]}
    )
    source = MqttSource(config, tmp_path)
    task = asyncio.create_task(source.run(KeepingSink()))
    await until(lambda: source.status().state == "unavailable")
    assert "refused" in source.status().error
    assert source.status().remedy
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
