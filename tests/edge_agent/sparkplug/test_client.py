"""The MQTT connection against real brokers."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from tests import servers
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers


class Recorder:
    """A client that records what its callbacks were told."""

    def __init__(
        self, config: BrokerConfig, client_id: str, topic: str = "test/#", will: Message | None = None
    ) -> None:
        self.messages: list[Message] = []
        self.connects = 0
        self.disconnects: list[str] = []
        self.wills_asked = 0
        self.threads: set[int] = set()
        self._offered_will = will
        self.client = MqttClient(
            config,
            client_id=client_id,
            subscriptions=[(topic, 1)],
            on_message=self._message,
            on_connect=self._connect,
            on_disconnect=self.disconnects.append,
            will=None if will is None else self._will,
        )

    def _message(self, message: Message) -> None:
        self.threads.add(threading.get_ident())
        self.messages.append(message)

    def _connect(self) -> None:
        self.connects += 1

    def _will(self) -> Message:
        self.wills_asked += 1
        assert self._offered_will is not None
        return self._offered_will

    def topics(self) -> list[str]:
        return [message.topic for message in self.messages]


Start = Callable[..., Recorder]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start recorders that are stopped with the test."""
    started: list[Recorder] = []

    def _start(config: BrokerConfig, client_id: str, *, connected: bool = True, **options: object) -> Recorder:
        recorder = Recorder(config, client_id, **options)  # type: ignore[arg-type]
        started.append(recorder)
        recorder.client.start()
        if connected:
            eventually(lambda: recorder.client.connected)
        return recorder

    yield _start
    for recorder in started:
        recorder.client.stop()


def config_of(broker: Server, **options: object) -> BrokerConfig:
    return BrokerConfig.model_validate({"port": broker.port, "keepalive_s": 2, "reconnect_max_s": 0.5, **options})


def test_messages_arrive_as_they_were_sent(broker: Server, start: Start) -> None:
    """Payload, quality of service and order survive the way through the broker, on one thread of the client's own."""
    receiver = start(config_of(broker), "receiver")
    sender = start(config_of(broker), "sender", topic="other")
    payloads = [bytes([number]) * number for number in range(1, 200)]
    for number, payload in enumerate(payloads):
        assert sender.client.publish(f"test/{number}", payload, qos=number % 2)
    eventually(lambda: len(receiver.messages) == len(payloads))
    assert {message.payload for message in receiver.messages} == set(payloads)
    unconfirmed = [message.payload for message in receiver.messages if message.qos == 0]
    assert unconfirmed == payloads[::2]
    assert receiver.threads.isdisjoint({threading.get_ident()})


def test_retained_message_is_marked(broker: Server, start: Start) -> None:
    """A retained message reaches a later subscriber and says that it is retained."""
    sender = start(config_of(broker), "sender")
    assert sender.client.publish("test/state", b"kept", qos=1, retain=True)
    eventually(lambda: sender.topics() == ["test/state"])
    late = start(config_of(broker), "late")
    eventually(lambda: late.messages == [Message("test/state", b"kept", retain=True, qos=1)])


def test_what_is_retained_comes_again_when_subscriptions_are_repeated(broker: Server, start: Start) -> None:
    """Repeating the subscriptions brings what the broker retains once more, and the session goes on as it was."""
    client = start(config_of(broker), "client")
    assert client.client.publish("test/state", b"kept", qos=1, retain=True)
    kept = Message("test/state", b"kept", retain=True, qos=1)

    def came_again(than: int) -> bool:
        client.client.subscribe_again()
        return client.messages.count(kept) > than

    eventually(lambda: came_again(0), interval_s=0.2)
    seen = client.messages.count(kept)
    eventually(lambda: came_again(seen), interval_s=0.2)
    assert (client.connects, client.disconnects) == (1, [])


def test_nothing_is_queued_without_connection(broker: Server, start: Start) -> None:
    """What is published while the broker is away is refused, and is not sent later."""
    client = start(config_of(broker), "client")
    broker.kill()
    eventually(lambda: not client.client.connected)
    assert not client.client.publish("test/lost", b"lost", qos=1)
    broker.start()
    eventually(lambda: client.connects == 2)
    assert client.client.publish("test/after", b"after", qos=1)
    eventually(lambda: "test/after" in client.topics())
    assert "test/lost" not in client.topics()
    assert len(client.disconnects) == 1
    assert client.client.last_error == ""


def test_dropped_connection_fires_the_will_and_comes_back(broker: Server, start: Start) -> None:
    """Breaking the connection publishes the will; the next connection asks for a new will and subscribes again."""
    watcher = start(config_of(broker), "watcher")
    client = start(config_of(broker), "client", will=Message("test/will", b"died", qos=1))
    client.client.drop()
    eventually(lambda: "test/will" in watcher.topics())
    eventually(lambda: client.connects == 2)
    assert client.wills_asked == 2
    assert watcher.client.publish("test/again", b"", qos=1)
    eventually(lambda: "test/again" in client.topics())


def test_stop_sends_last_messages_and_no_will(broker: Server, start: Start) -> None:
    """An ordered stop publishes its last messages before the goodbye, and the will does not fire."""
    watcher = start(config_of(broker), "watcher")
    client = start(config_of(broker), "client", will=Message("test/will", b"died", qos=1))
    client.client.stop([Message("test/last", b"bye", qos=1)])
    assert watcher.client.publish("test/end", b"", qos=1)
    eventually(lambda: "test/end" in watcher.topics())
    assert "test/last" in watcher.topics()
    assert "test/will" not in watcher.topics()
    assert not client.client.publish("test/late", b"")
    assert client.disconnects == []


def test_frozen_broker_is_noticed(broker: Server, start: Start) -> None:
    """A broker that keeps its connections and says nothing is noticed within 1.5 times the keepalive."""
    client = start(config_of(broker, keepalive_s=4), "client")
    broker.freeze()
    eventually(lambda: not client.client.connected, timeout_s=6 + 1.5)
    broker.thaw()
    eventually(lambda: client.client.connected, timeout_s=15)


def test_exception_in_callback_does_not_end_the_traffic(broker: Server, start: Start) -> None:
    """A callback that fails costs the one message."""
    client = start(config_of(broker), "client")
    accept = client.messages.append

    def fail_once(message: Message) -> None:
        client.client._on_message = accept
        raise RuntimeError(message.topic)

    client.client._on_message = fail_once
    assert client.client.publish("test/1", b"", qos=1)
    assert client.client.publish("test/2", b"", qos=1)
    eventually(lambda: client.topics() == ["test/2"])


def test_second_client_of_one_id_is_explained(broker: Server, start: Start) -> None:
    """Two clients that throw each other out are told why."""
    one = start(config_of(broker), "same")
    other = start(config_of(broker), "same", connected=False)
    eventually(lambda: "another program may use the client id 'same'" in one.client.last_error, timeout_s=30)
    other.client.stop()


def test_unreachable_broker_is_explained(start: Start, free_port: int) -> None:
    """Where nothing listens the error says so and what to check."""
    client = start(BrokerConfig(port=free_port), "client", connected=False)
    eventually(lambda: client.client.last_error)
    assert "is the broker running" in client.client.last_error


@pytest.fixture(params=["nats", "mosquitto"])
def guarded_broker(request: pytest.FixtureRequest, tmp_path: Path, free_port: int) -> Iterator[Server]:
    """A broker that asks for a password and lets its one user read only `test/#`."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    if request.param == "nats":
        rights = 'permissions: { subscribe: ["$MQTT.sub.>", "test", "test.>"], publish: ["test.>"] }'
        extra = f'authorization {{ users: [{{ user: "edge", password: "right", {rights} }}] }}'
        server = servers.nats(folder, free_port, extra)
    else:
        (folder / "users").write_text(
            "edge:$7$101$NTLIVfzbRxgpUK1P$" + _mosquitto_hash("right", "NTLIVfzbRxgpUK1P") + "\n", encoding="utf-8"
        )
        (folder / "rights").write_text("user edge\ntopic readwrite test/#\n", encoding="utf-8")
        extra = f"allow_anonymous false\npassword_file {folder / 'users'}\nacl_file {folder / 'rights'}"
        server = servers.mosquitto(folder, free_port, extra)
    server.start()
    yield server
    server.stop()


def _mosquitto_hash(password: str, salt: str) -> str:
    import base64
    import hashlib

    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), 101)
    return base64.b64encode(digest).decode()


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "edge.password"
    path.write_text(text + "\n", encoding="utf-8")
    path.chmod(mode)
    return path


def test_wrong_password_is_explained_and_a_corrected_one_is_taken(
    guarded_broker: Server, tmp_path: Path, start: Start
) -> None:
    """Refused credentials name the two settings to check; the corrected file is used without a restart."""
    path = secret_file(tmp_path, "wrong")
    client = start(config_of(guarded_broker, username="edge", password_file=path), "edge", connected=False)
    eventually(lambda: client.client.last_error)
    assert "broker.password_file" in client.client.last_error
    assert "wrong" not in client.client.last_error.replace("is wrong", "")
    secret_file(tmp_path, "right")
    eventually(lambda: client.client.connected)


def test_readable_password_file_is_refused(guarded_broker: Server, tmp_path: Path, start: Start) -> None:
    """A password that others may read is not used; the error says how to protect it."""
    path = secret_file(tmp_path, "right", 0o644)
    client = start(config_of(guarded_broker, username="edge", password_file=path), "edge", connected=False)
    eventually(lambda: client.client.last_error)
    assert f"chmod 600 {path}" in client.client.last_error
    assert not client.client.connected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"password_file": "secret"}, "password_file needs username"),
        ({"cert_file": "a.pem"}, "belong together"),
        ({"cert_file": "a.pem", "key_file": "a.key"}, "needs tls"),
        ({"port": 0}, "greater than or equal to 1"),
        ({"hots": "x"}, "Extra inputs"),
    ],
)
def test_contradictory_configuration_is_refused(options: dict[str, object], expected: str) -> None:
    """Settings that cannot work together are an error before any connection."""
    with pytest.raises(ValidationError, match=expected):
        BrokerConfig.model_validate(options)
