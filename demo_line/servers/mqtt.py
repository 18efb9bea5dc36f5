"""One MQTT connection that journals before it publishes: that of a device, or of a replayed recording."""

import logging
import ssl
import threading
from collections import deque
from collections.abc import Sequence

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from demo_line.config import MqttConfig
from demo_line.devices.device import Presence
from demo_line.journal import Journal, Row
from demo_line.secret import read_password

_log = logging.getLogger(__name__)

_RECONNECT_S = (1, 8)


class Publisher:
    """One MQTT 3.1.1 connection that publishes at QoS 1 and knows what the broker has not acknowledged yet.

    A device does not measure for later: while there is no connection nothing is journalled or queued. What was
    published before a connection broke is sent again by the client after it is back, so every journalled value reaches
    the broker as long as this process lives and the device has power.

    Args:
        config: broker and credentials.
        client_id: MQTT client id.
        presence: retained message of a device that is there, and its last will; None without one.
        journal: receives the rows of every message before it is published.
        commands: topics that the device listens to.
    """

    def __init__(
        self,
        config: MqttConfig,
        client_id: str,
        presence: Presence | None,
        journal: Journal | None,
        commands: Sequence[str] = (),
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._password = None
        if config.username is not None and config.password_file is not None:
            self._password = read_password(config.password_file)
        self._presence = presence
        self._journal = journal
        self._commands = tuple(commands)
        self._commanded: deque[str] = deque(maxlen=100)
        self._waiting = 0
        self._connections = 0
        self._idle = threading.Condition()
        self._was_refused = False
        self._client: mqtt.Client | None = None

    def _build(self) -> mqtt.Client:
        config, presence = self._config, self._presence
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self._client_id, clean_session=True)
        if config.username is not None:
            client.username_pw_set(config.username, self._password)
        if config.ca_file is not None:
            client.tls_set(ca_certs=str(config.ca_file), cert_reqs=ssl.CERT_REQUIRED)
        if presence is not None:
            client.will_set(presence.topic, presence.offline, qos=1, retain=True)
        client.reconnect_delay_set(*_RECONNECT_S)
        client.max_inflight_messages_set(100)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def start(self) -> None:
        """Connect in the background, and again whenever the connection breaks; nothing while it runs already."""
        if self._client is None:
            self._client = self._build()
            self._client.connect_async(self._config.host, self._config.port, keepalive=self._config.keepalive_s)
            self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and disconnect; a second call does nothing."""
        client, self._client = self._client, None
        if client is None:
            return
        if self._presence is not None and client.is_connected():
            client.publish(self._presence.topic, self._presence.offline, qos=1, retain=True).wait_for_publish(2.0)
        client.disconnect()
        client.loop_stop()

    def drop(self) -> None:
        """Lose power: the connection breaks within a second without a goodbye, so the broker publishes the last will.

        What was not acknowledged is lost.
        """
        client, self._client = self._client, None
        if client is not None:
            with self._idle:
                self._waiting = 0
            threading.Thread(target=_break_off, args=(client,), name="mqtt-power-loss", daemon=True).start()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._client is not None and bool(self._client.is_connected())

    @property
    def connections(self) -> int:
        """How often the broker has accepted a connection."""
        return self._connections

    def take_commands(self) -> list[str]:
        """Topics of the commands that have come since the last call."""
        return [self._commanded.popleft() for _ in range(len(self._commanded))]

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self._waiting

    def publish(self, topic: str, payload: bytes, rows: Sequence[Row], *, retain: bool = False) -> bool:
        """Journal the rows, then publish; False (and nothing done) while there is no connection."""
        client = self._client
        if client is None or not client.is_connected():
            return False
        if self._journal is not None and rows:
            self._journal.append(rows)
        with self._idle:
            self._waiting += 1
        client.publish(topic, payload, qos=1, retain=retain)
        return True

    def wait_below(self, limit: int, timeout_s: float) -> bool:
        """Wait until fewer than `limit` messages are unacknowledged; False when the time is over."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting < limit, timeout_s)

    def _on_connect(
        self, client: mqtt.Client, _user: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        broker = f"{self._config.host}:{self._config.port}"
        if reason.is_failure:
            if not self._was_refused:
                _log.error(
                    "%s: broker %s refuses the connection: %s; check username and password_file",
                    self._client_id,
                    broker,
                    reason,
                )
            self._was_refused = True
            return
        self._was_refused = False
        _log.info("%s: connected to broker %s", self._client_id, broker)
        if self._presence is not None:
            with self._idle:
                self._waiting += 1
            client.publish(self._presence.topic, self._presence.online, qos=1, retain=True)
        if self._commands:
            client.subscribe([(topic, 1) for topic in self._commands])
        self._connections += 1

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _user: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _p: Properties | None,
    ) -> None:
        if reason.is_failure and not self._was_refused:
            broker = f"{self._config.host}:{self._config.port}"
            _log.warning("%s: lost broker %s (%s); trying again", self._client_id, broker, reason)

    def _on_publish(
        self, _client: mqtt.Client, _user: object, _mid: int, _reason: ReasonCode, _p: Properties | None
    ) -> None:
        with self._idle:
            self._waiting = max(self._waiting - 1, 0)
            self._idle.notify_all()

    def _on_message(self, _client: mqtt.Client, _user: object, message: mqtt.MQTTMessage) -> None:
        self._commanded.append(message.topic)


def _break_off(client: mqtt.Client) -> None:
    client.loop_stop()
    connection = client.socket()
    if connection is not None:
        connection.close()
