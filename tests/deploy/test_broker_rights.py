"""Every right and every refusal, tried on the real brokers with the configuration that `showroom up` writes."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.broker import acl, guard
from deploy.broker.configure import BrokerMissingError, BrokerUser, Kind, find_program, write_files
from deploy.checks import free_port
from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from tests.servers import eventually

USERS = {
    "edge": acl.edge_node("edge", "showroom", "line-edge", "showroom-gateway"),
    "reader": acl.edge_node("reader", "showroom", "meter-edge", "showroom-gateway", reads=["shelly-1/#"]),
    "host": acl.host_application("host", "showroom-gateway"),
    "device": acl.plain_device("device", "shelly-1"),
    "observer": acl.Grant("observer", publish=("#",), subscribe=("#",)),
}


@dataclass(frozen=True)
class Broker:
    port: int
    folder: Path
    passwords: dict[str, str]


@pytest.fixture(scope="module", params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    kind = cast("Kind", request.param)
    with running_broker(kind, tmp_path_factory.mktemp(kind)) as broker:
        yield broker


@contextmanager
def running_broker(kind: Kind, folder: Path) -> Iterator[Broker]:
    try:
        program = find_program(kind)
    except BrokerMissingError as error:
        if os.environ.get("REQUIRE_SERVERS") == "1":
            raise
        pytest.skip(str(error))
    port = free_port(set())
    users = [BrokerUser(grant, folder / f"{name}.password") for name, grant in USERS.items()]
    command = write_files(kind, program, folder / "broker", port, users)
    guarded = [sys.executable, "-IS", guard.__file__, str(os.getpid()), *command]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(guarded, stdin=subprocess.PIPE, stderr=log)
    try:
        wait_for_port(port, folder / "log")
        yield Broker(
            port, folder, {user.grant.username: user.password_file.read_text("utf-8").strip() for user in users}
        )
    finally:
        process.terminate()
        process.wait(10)


def wait_for_port(port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.02)


class Client:
    """A connected client that keeps what it receives."""

    def __init__(
        self,
        broker: Broker,
        username: str | None,
        password: str | None = None,
        will: tuple[str, bytes] | None = None,
        client_id: str | None = None,
    ) -> None:
        self.received: list[tuple[str, bytes]] = []
        self._wake = threading.Condition()
        self.refused: bool | None = None
        self.granted: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or f"test-{username}-{id(self)}")
        if username is not None:
            self.client.username_pw_set(username, broker.passwords.get(username) if password is None else password)
        if will is not None:
            self.client.will_set(*will, qos=1, retain=True)
        self.client.on_connect = self._connected
        self.client.on_message = self._message
        self.client.on_subscribe = self._subscribed
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.wait(lambda: self.refused is not None)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def wait(self, condition: Any, seconds: float = 5.0) -> bool:
        with self._wake:
            return bool(self._wake.wait_for(condition, seconds))

    def subscribe(self, topic: str, qos: int = 1) -> bool:
        """Whether the broker grants the subscription."""
        number = self.client.subscribe(topic, qos)[1]
        assert number is not None
        assert self.wait(lambda: number in self.granted), f"no answer to the subscription of {topic}"
        return self.granted[number] < 0x80

    def _connected(self, _client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._wake:
            self.refused = reason.is_failure
            self._wake.notify_all()

    def _message(self, _client: Any, _user: Any, message: mqtt.MQTTMessage) -> None:
        with self._wake:
            self.received.append((message.topic, bytes(message.payload)))
            self._wake.notify_all()

    def _subscribed(self, _client: Any, _user: Any, number: int, reasons: Any, _properties: Any) -> None:
        with self._wake:
            self.granted[number] = max(reason.value for reason in reasons)
            self._wake.notify_all()


FENCES = {
    "edge": "spBv1.0/showroom/NDATA/line-edge",
    "reader": "spBv1.0/showroom/NDATA/meter-edge",
    "host": "spBv1.0/STATE/showroom-gateway",
    "device": "shelly-1/status",
}
"""One topic a user, onto which it may publish: it shows that what was sent before has been dealt with."""

PUBLISH = [
    ("edge", "spBv1.0/showroom/NBIRTH/line-edge", True),
    ("edge", "spBv1.0/showroom/NDATA/line-edge", True),
    ("edge", "spBv1.0/showroom/NDEATH/line-edge", True),
    ("edge", "spBv1.0/showroom/DBIRTH/line-edge/MIX-10", True),
    ("edge", "spBv1.0/showroom/DDATA/line-edge/MIX-10", True),
    ("edge", "spBv1.0/showroom/DDEATH/line-edge/MIX-10", True),
    ("edge", "spBv1.0/showroom/NDATA/meter-edge", False),
    ("edge", "spBv1.0/showroom/DDATA/meter-edge/EL-92", False),
    ("edge", "spBv1.0/elsewhere/NDATA/line-edge", False),
    ("edge", "spBv1.0/showroom/NCMD/line-edge", False),
    ("edge", "spBv1.0/showroom/NCMD/meter-edge", False),
    ("edge", "spBv1.0/showroom/DCMD/line-edge/MIX-10", False),
    ("edge", "spBv1.0/STATE/showroom-gateway", False),
    ("edge", "shelly-1/rpc", False),
    ("reader", "shelly-1/events/rpc", False),
    ("host", "spBv1.0/STATE/showroom-gateway", True),
    ("host", "spBv1.0/showroom/NCMD/line-edge", True),
    ("host", "spBv1.0/showroom/DCMD/line-edge/MIX-10", True),
    ("host", "spBv1.0/STATE/another-host", False),
    ("host", "spBv1.0/showroom/NDATA/line-edge", False),
    ("host", "spBv1.0/showroom/DDATA/line-edge/MIX-10", False),
    ("host", "spBv1.0/showroom/NDEATH/line-edge", False),
    ("host", "shelly-1/status", False),
    ("device", "shelly-1/events/rpc", True),
    ("device", "shelly-1/online", True),
    ("device", "shelly-2/events/rpc", False),
    ("device", "spBv1.0/showroom/NDATA/line-edge", False),
]

SUBSCRIBE = [
    ("edge", "spBv1.0/showroom/NCMD/line-edge", True),
    ("edge", "spBv1.0/showroom/DCMD/line-edge/+", True),
    ("edge", "spBv1.0/STATE/showroom-gateway", True),
    ("edge", "spBv1.0/showroom/NDATA/meter-edge", False),
    ("edge", "shelly-1/#", False),
    ("reader", "shelly-1/#", True),
    ("reader", "shelly-1/events/rpc", True),
    ("reader", "shelly-2/#", False),
    ("host", "spBv1.0/#", True),
    ("host", "spBv1.0/showroom/DDATA/line-edge/+", True),
    ("device", "shelly-1/rpc", True),
    ("device", "spBv1.0/showroom/NDATA/line-edge", False),
]


@pytest.mark.parametrize(("username", "topic", "allowed"), PUBLISH)
def test_publish(broker: Broker, username: str, topic: str, allowed: bool) -> None:
    """A user's message arrives exactly where the user may publish."""
    with Client(broker, "observer") as observer, Client(broker, username) as sender:
        assert observer.subscribe("#")
        sender.client.publish(topic, b"probe", qos=0)
        sender.client.publish(FENCES[username], b"fence", qos=0)
        assert observer.wait(lambda: (FENCES[username], b"fence") in observer.received)
        assert ((topic, b"probe") in observer.received) == allowed


@pytest.mark.parametrize(("username", "topic", "allowed"), SUBSCRIBE)
def test_subscribe(broker: Broker, username: str, topic: str, allowed: bool) -> None:
    """A user receives exactly what it may read, whether the broker refuses the subscription or drops the messages."""
    concrete = topic.replace("#", "sub/topic").replace("+", "MIX-10")
    with Client(broker, "observer") as observer, Client(broker, username) as reader:
        granted = reader.subscribe(topic)
        assert granted or not allowed
        observer.client.publish(concrete, b"probe", qos=1)
        if allowed:
            assert reader.wait(lambda: (concrete, b"probe") in reader.received)
        else:
            assert observer.subscribe(concrete)
            observer.client.publish(concrete, b"fence", qos=1)
            assert observer.wait(lambda: (concrete, b"fence") in observer.received)
            assert reader.received == []


def test_retained_and_will(broker: Broker) -> None:
    """A retained state is given to a later subscriber, and a will is published when its client is cut off."""
    topic = "spBv1.0/STATE/showroom-gateway"
    host = Client(broker, "host", will=(topic, b"offline"))
    host.client.publish(topic, b"online", qos=1, retain=True).wait_for_publish(5)
    with Client(broker, "edge") as edge:
        assert edge.subscribe(topic)
        assert edge.wait(lambda: (topic, b"online") in edge.received)
        connection = host.client.socket()
        assert connection is not None
        host.client.loop_stop()
        connection.close()
        assert edge.wait(lambda: (topic, b"offline") in edge.received)


@pytest.mark.parametrize(("username", "password"), [(None, None), ("edge", "wrong"), ("edge", ""), ("nobody", "x")])
def test_strangers_are_refused(broker: Broker, username: str | None, password: str | None) -> None:
    """Nobody connects without a user of the broker and its password."""
    with Client(broker, username, password) as stranger:
        assert stranger.refused is True


@pytest.mark.parametrize(("own_id", "thrown_out"), [(None, False), ("host-showroom-gateway", True)])
def test_no_user_throws_another_one_out(broker: Broker, own_id: str | None, thrown_out: bool) -> None:
    """Whoever comes with the client id that our names suggest ends nobody's connection, unless it was configured."""
    lost: list[str] = []
    config = BrokerConfig(
        port=broker.port, username="host", password_file=broker.folder / "host.password", client_id=own_id,
        reconnect_max_s=0.5,
    )  # fmt: skip
    heard: list[Message] = []
    host = MqttClient(
        config, client_id="host-showroom-gateway", subscriptions=[("spBv1.0/#", 1)], on_message=heard.append,
        on_connect=lambda: None, on_disconnect=lost.append,
    )  # fmt: skip
    host.start()
    try:
        eventually(lambda: host.connected)
        with Client(broker, "device", client_id="host-showroom-gateway") as stranger:
            assert stranger.refused is False
            if thrown_out:
                eventually(lambda: lost)
            else:
                assert host.publish("spBv1.0/STATE/showroom-gateway", b"fence", qos=1)
                eventually(lambda: any(message.payload == b"fence" for message in heard))
                assert lost == []
    finally:
        host.stop()


@pytest.mark.parametrize("seed", range(6))
def test_embedded_broker_starts_with_damaged_files(seed: int, tmp_path: Path) -> None:
    """Whatever a power cut left of the broker's own files, it starts, and retained messages work again."""
    topic = "spBv1.0/STATE/showroom-gateway"
    with running_broker("nats", tmp_path) as broker, Client(broker, "host") as host:
        host.client.publish(topic, b"before", qos=1, retain=True).wait_for_publish(5)
    assert damage(tmp_path / "broker" / "jetstream", random.Random(seed)) > 5
    with running_broker("nats", tmp_path) as broker:
        with Client(broker, "host") as host:
            assert host.refused is False
            host.client.publish(topic, b"after", qos=1, retain=True).wait_for_publish(5)
        with Client(broker, "edge") as edge:
            assert edge.subscribe(topic)
            assert edge.wait(lambda: (topic, b"after") in edge.received)


def damage(folder: Path, chance: random.Random) -> int:
    """Cut, empty, blank or flip half of the files; return how many files there were."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        content = path.read_bytes()
        kind = chance.choice(["keep", "keep", "keep", "cut", "empty", "blank", "flip"])
        if kind == "cut":
            content = content[: len(content) // 2]
        elif kind == "empty":
            content = b""
        elif kind == "blank":
            content = bytes(len(content))
        elif kind == "flip" and content:
            at = chance.randrange(len(content))
            content = content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
        path.write_bytes(content)
    return len(files)
