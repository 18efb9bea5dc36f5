"""Replay over real servers: everything arrives once, in order, as journalled."""

import asyncio
import csv
import json
import time
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from asyncua import Client, ua
from paho.mqtt.enums import CallbackAPIVersion

from demo_line.config import MqttConfig, OpcuaConfig
from demo_line.journal import Journal
from demo_line.process import wait_until
from demo_line.recording import ReadOptions, Recording
from demo_line.servers.replay import MqttOutlet, OpcuaOutlet, Pace, replay
from tests.servers import Server, eventually

Value = tuple[int, bool, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def recording(tmp_path: Path, rows: int, **options: Any) -> Recording:
    path = tmp_path / "plant.csv"
    lines = [f"{1_600_000_000 + i * 0.1:.1f},{i * 0.1!r},{'' if i % 7 == 3 else i},word {i % 3}\n" for i in range(rows)]
    path.write_text("time,speed [rpm],a/b,text\n" + "".join(lines), encoding="utf-8")
    return Recording(path, ReadOptions(**options))


def journalled(path: Path) -> dict[str, list[Value]]:
    found: dict[str, list[Value]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            value = json.loads(row["value"]) if row["value"] else None
            found[row["node"]].append((int(row["time_ns"]), row["quality"] == "good", value))
    return found


async def collect(
    url: str, uri: str, names: list[str], queue: int, received: dict[str, list[Value]], done: asyncio.Event
) -> None:
    """Subscribe to all nodes with every time stamp reported, until `done`."""

    class Handler:
        def datachange_notification(self, node: Any, value: Any, change: Any) -> None:
            data = change.monitored_item.Value
            age = data.SourceTimestamp.replace(tzinfo=UTC) - EPOCH
            time_ns = ((age.days * 86_400 + age.seconds) * 1_000_000 + age.microseconds) * 1000
            received[f"nsu={uri};s={node.nodeid.Identifier}"].append((time_ns, data.StatusCode.is_good(), value))

    client = Client(url)
    while True:
        try:
            await client.connect()
            break
        except ConnectionError:
            await asyncio.sleep(0.05)
    try:
        index = await client.get_namespace_index(uri)
        subscription = await client.create_subscription(20, Handler())
        every = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
        nodes = [client.get_node(ua.NodeId(name, index)) for name in names]
        await subscription._subscribe(nodes, ua.AttributeIds.Value, every, queuesize=queue)
        await done.wait()
    finally:
        with suppress(ConnectionError, TimeoutError):
            await client.disconnect()


@pytest.mark.parametrize("queue", [1, 50])
async def test_nothing_is_lost_over_opcua_at_the_highest_speed(free_port: int, tmp_path: Path, queue: int) -> None:
    """A reader with any queue length receives every journalled value once, in order, holes as Bad."""
    config = OpcuaConfig(
        port=free_port, security=("none",), anonymous=True, namespace_uri="urn:smart-factory-showroom:replay"
    )
    rows = 60 if queue == 1 else 600
    source = recording(tmp_path, rows)
    stop, done = asyncio.Event(), asyncio.Event()
    received: dict[str, list[Value]] = defaultdict(list)
    with Journal(tmp_path / "j.csv") as journal:
        outlet = OpcuaOutlet(config, "plant", source.columns, journal)
        work = asyncio.create_task(replay(source, outlet, Pace(speed=None, linger_s=1.0), stop, wait_readers=0))
        names = [f"plant.{column.name}" for column in source.columns]
        readers = asyncio.create_task(collect(config.url, config.namespace_uri, names, queue, received, done))
        assert await work == rows
        done.set()
        await readers
    assert {node: len(values) for node, values in received.items()} == dict.fromkeys(received, rows)
    assert received == journalled(tmp_path / "j.csv")
    assert sum(not good for _, good, _ in received["nsu=urn:smart-factory-showroom:replay;s=plant.a_b"]) == len(
        range(3, rows, 7)
    )


def subscriber(broker: Server, topic: str) -> tuple[mqtt.Client, list[tuple[str, bytes]]]:
    messages: list[tuple[str, bytes]] = []
    ready: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test-reader")
    client.on_message = lambda _c, _u, message: messages.append((message.topic, bytes(message.payload)))
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect(broker.host, broker.port)
    client.subscribe(topic, qos=1)
    client.loop_start()
    eventually(lambda: ready)
    return client, messages


@pytest.mark.servers
def test_nothing_is_lost_over_mqtt(broker: Server, tmp_path: Path) -> None:
    """Every row arrives as one JSON object, equal to the journal, holes as null."""
    source = recording(tmp_path, 500)
    client, messages = subscriber(broker, "replay/#")
    with Journal(tmp_path / "j.csv") as journal:
        config = MqttConfig(host=broker.host, port=broker.port)
        outlet = MqttOutlet(config, "replay", "plant", source.columns, journal, unacknowledged=50)
        assert asyncio.run(replay(source, outlet, Pace(speed=None, linger_s=0.0), asyncio.Event())) == 500
    eventually(lambda: len(messages) >= 500)
    client.loop_stop()
    client.disconnect()
    received: dict[str, list[Value]] = defaultdict(list)
    for topic, payload in messages:
        document = json.loads(payload)
        for heading, value in document["values"].items():
            pointer = heading.replace("~", "~0").replace("/", "~1")
            received[f"{topic}#/values/{pointer}"].append((document["time"] * 1_000_000, value is not None, value))
    assert received == journalled(tmp_path / "j.csv")


async def test_speed_and_rebased_times_follow_the_clock(free_port: int, tmp_path: Path) -> None:
    """At speed 10 two seconds of recording take a fifth of a second, and rebased times are those of now."""
    config = OpcuaConfig(port=free_port, security=("none",), anonymous=True)
    source = recording(tmp_path, 21)
    before_ns, started = time.time_ns(), time.monotonic()
    with Journal(tmp_path / "j.csv") as journal:
        outlet = OpcuaOutlet(config, "plant", source.columns, journal)
        await outlet._server.prepare()
        prepared = time.monotonic()
        outlet = OpcuaOutlet(config, "plant", source.columns, journal)
        await replay(source, outlet, Pace(speed=10.0, rebased=True, linger_s=0.0), asyncio.Event())
    assert 0.2 <= time.monotonic() - prepared < 30.0
    assert started <= prepared
    stamps = [time_ns for time_ns, _, _ in next(iter(journalled(tmp_path / "j.csv").values()))]
    assert all(before_ns - 1_000_000 <= stamp <= time.time_ns() for stamp in stamps)
    assert 190 <= (stamps[-1] - stamps[1]) / 1e6 <= 200
    assert all(a < b for a, b in pairwise(stamps))


async def test_a_loop_joins_the_passes(free_port: int, tmp_path: Path) -> None:
    """With --loop the times go on behind the end until it is stopped."""
    config = OpcuaConfig(port=free_port, security=("none",), anonymous=True)
    source = recording(tmp_path, 10)
    stop = asyncio.Event()
    with Journal(tmp_path / "j.csv") as journal:
        outlet = OpcuaOutlet(config, "plant", source.columns, journal)
        work = asyncio.create_task(replay(source, outlet, Pace(speed=100.0, loops=True), stop))
        while not (tmp_path / "j.csv").exists() or (tmp_path / "j.csv").read_text(encoding="utf-8").count("\n") < 100:
            await wait_until(stop, 0.02)
        stop.set()
        await work
    stamps = [time_ns for time_ns, _, _ in next(iter(journalled(tmp_path / "j.csv").values()))]
    assert {b - a for a, b in pairwise(stamps)} == {100_000_000}
