"""Plain-MQTT devices: a publisher that journals before it publishes, and the energy meter of the line."""

import logging
import ssl
import threading
from collections.abc import Sequence

import paho.mqtt.client as mqtt
from numpy.random import Generator
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from demo_line.clock import NS_PER_S
from demo_line.config import MqttConfig
from demo_line.energy_meter import (
    MEASURED_BEFORE_MS,
    MeterState,
    em_status,
    emdata_status,
    leaves,
    measure,
    notification,
)
from demo_line.journal import Journal, Row
from demo_line.secret import read_password

_log = logging.getLogger(__name__)

_RECONNECT_S = (1, 8)


class Publisher:
    """One MQTT 3.1.1 connection that publishes at QoS 1 and knows what the broker has not acknowledged yet.

    A device does not measure for later: while there is no connection nothing is journalled or queued. What was
        published before a connection broke is
    sent again by the client after it is back, so every journalled value reaches the broker as long as this process
    lives.

    Args:
        config: broker and credentials.
        client_id: MQTT client id.
        online_topic: retained `true` while connected, `false` as last will; None for a device without it.
        journal: receives the rows of every message before it is published.
    """

    def __init__(self, config: MqttConfig, client_id: str, online_topic: str | None, journal: Journal | None) -> None:
        self._config = config
        self._online_topic = online_topic
        self._journal = journal
        self._waiting = 0
        self._idle = threading.Condition()
        self._was_refused = False
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        if config.username is not None:
            password = None if config.password_file is None else read_password(config.password_file)
            client.username_pw_set(config.username, password)
        if config.ca_file is not None:
            client.tls_set(ca_certs=str(config.ca_file), cert_reqs=ssl.CERT_REQUIRED)
        if online_topic is not None:
            client.will_set(online_topic, b"false", qos=1, retain=True)
        client.reconnect_delay_set(*_RECONNECT_S)
        client.max_inflight_messages_set(100)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        self._client = client

    def start(self) -> None:
        """Connect in the background, and again whenever the connection breaks."""
        self._client.connect_async(self._config.host, self._config.port, keepalive=self._config.keepalive_s)
        self._client.loop_start()

    def stop(self) -> None:
        """Say goodbye and disconnect; a second call does nothing."""
        if self._online_topic is not None and self._client.is_connected():
            self._client.publish(self._online_topic, b"false", qos=1, retain=True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return bool(self._client.is_connected())

    @property
    def unacknowledged(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self._waiting

    def publish(self, topic: str, payload: bytes, rows: Sequence[Row]) -> bool:
        """Journal the rows, then publish; False (and nothing done) while there is no connection."""
        if not self.connected:
            return False
        if self._journal is not None:
            self._journal.append(rows)
        with self._idle:
            self._waiting += 1
        self._client.publish(topic, payload, qos=1)
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
                _log.error("broker %s refuses the connection: %s; check username and password_file", broker, reason)
            self._was_refused = True
            return
        self._was_refused = False
        _log.info("connected to broker %s", broker)
        if self._online_topic is not None:
            with self._idle:
                self._waiting += 1
            client.publish(self._online_topic, b"true", qos=1, retain=True)

    def _on_disconnect(
        self,
        _client: mqtt.Client,
        _user: object,
        _flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _p: Properties | None,
    ) -> None:
        if reason.is_failure and not self._was_refused:
            _log.warning("lost broker %s:%d (%s); trying again", self._config.host, self._config.port, reason)

    def _on_publish(
        self, _client: mqtt.Client, _user: object, _mid: int, _reason: ReasonCode, _p: Properties | None
    ) -> None:
        with self._idle:
            self._waiting = max(self._waiting - 1, 0)
            self._idle.notify_all()


class EnergyMeter:
    """The line's energy meter: measures the sum of the units' power and reports it as a Shelly Pro 3EM does.

    After each connection comes a `NotifyFullStatus`; then power every `period_s` and energies every `energy_period_s`
    as `NotifyStatus`.

    Args:
        config: broker, device name and periods.
        generator: random generator of grid voltage, frequency and the meter's own noise.
        journal: receives every reported number first.
    """

    def __init__(self, config: MqttConfig, generator: Generator, journal: Journal | None) -> None:
        self._config = config
        self._generator = generator
        self._topic = f"{config.device}/events/rpc"
        self._publisher = Publisher(
            config, config.client_id or config.device.replace("/", "-"), f"{config.device}/online", journal
        )
        self._state = MeterState()
        self._full_sent = False
        self._next_power_ns = 0
        self._next_energy_ns = 0

    def start(self) -> None:
        """Connect in the background."""
        self._publisher.start()

    def stop(self) -> None:
        """Report `offline` and disconnect."""
        self._publisher.stop()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection."""
        return self._publisher.connected

    def offer(self, time_ns: int, power_w: float, dt_s: float) -> None:
        """Measure one step of the line and report what is due."""
        self._state, phases = measure(self._state, power_w, dt_s, self._generator)
        time_ns -= MEASURED_BEFORE_MS * 1_000_000
        if not self._publisher.connected:
            self._full_sent = False
            return
        em, emdata = em_status(phases, self._state.frequency_hz), emdata_status(self._state.energies_wh)
        if not self._full_sent:
            self._full_sent = self._report("NotifyFullStatus", time_ns, {"em:0": em, "emdata:0": emdata})
            self._next_power_ns = time_ns + round(self._config.period_s * NS_PER_S)
            self._next_energy_ns = time_ns + round(self._config.energy_period_s * NS_PER_S)
            return
        if time_ns >= self._next_power_ns:
            self._next_power_ns = time_ns + round(self._config.period_s * NS_PER_S)
            self._report("NotifyStatus", time_ns, {"em:0": em})
        if time_ns >= self._next_energy_ns:
            # The device reports each component in a frame of its own, here a hundredth of a second later.
            self._next_energy_ns = time_ns + round(self._config.energy_period_s * NS_PER_S)
            self._report("NotifyStatus", time_ns + 10_000_000, {"emdata:0": emdata})

    def _report(self, method: str, time_ns: int, components: dict[str, dict[str, object]]) -> bool:
        payload = notification(self._config.device, method, time_ns, components)
        return self._publisher.publish(self._topic, payload, leaves(self._topic, time_ns, components))
