"""The one wrapper of the MQTT library: a connection that comes back by itself and never queues while it is away.

Nothing is published without a connection, because what the library queues offline is lost with the process while its
sender believes it sent; durability is the log's job. Every connection uses a fresh library client, so no state of an
old one survives. MQTT 3.1.1, because the embedded broker speaks no later version.
"""

import functools
import logging
import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.sparkplug.broker import BrokerConfig as BrokerConfig
from edge_agent.sparkplug.broker import explain, explain_refusal, private_client_id
from edge_agent.sparkplug.settings import ConfigError, read_secret

_LOG = logging.getLogger(__name__)
_CONNECT_TIMEOUT_S = 5.0
_SESSION_TIMEOUT_S = 10.0
_FLUSH_S = 2.0
_STABLE_S = 10.0
_MAX_UNSENT_BYTES = 16_000_000
_SHORT_LIVED_LIMIT = 3
_UNSPECIFIED_ERROR = 0x80  # MQTT 5, 2.4


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 0


class MqttClient:
    """A connection to a broker that is rebuilt, with its subscriptions, whenever it breaks.

    All callbacks run on the network thread and must return soon; an exception in one is logged. `on_connect` is called
    when the broker has confirmed every subscription (retained messages may come before it), `on_disconnect` with the
    reason once for every `on_connect`. `will` is asked before every attempt to connect. `client_id` becomes one that
    cannot be guessed where there is a password; `config.client_id` is taken as it is.
    """

    def __init__(
        self,
        config: BrokerConfig,
        *,
        client_id: str,
        subscriptions: Sequence[tuple[str, int]],
        on_message: Callable[[Message], None],
        on_connect: Callable[[], None],
        on_disconnect: Callable[[str], None],
        will: Callable[[], Message] | None = None,
    ) -> None:
        self.last_error = ""
        self._config = config
        self._client_id = config.client_id or client_id
        self._id_of = functools.cache(private_client_id)
        self._subscriptions = list(subscriptions)
        self._on_message = on_message
        self._on_connect = on_connect
        self._on_disconnect = on_disconnect
        self._will = will
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {self._client_id}", daemon=True)
        self._link: _Link | None = None
        self._lock = threading.Lock()
        self._short_lived = 0

    @property
    def connected(self) -> bool:
        """Whether the session stands: connected and subscribed."""
        link = self._link
        return link is not None and link.live

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def stop(self, last: Sequence[Message] = ()) -> None:
        """Publish `last`, disconnect in order (no will) and end; not from a callback. No callback follows."""
        with self._lock:
            self._stopping.set()
            link = self._link
        if link is not None:
            link.close(last)
        if self._thread.is_alive():
            self._thread.join()

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Hand a message to the connection; False where there is none, or it takes no more. Nothing is queued then."""
        link = self._link
        return link is not None and link.live and link.send(Message(topic, payload, retain, qos))

    def drop(self) -> None:
        """Break the connection without a goodbye, so that the will is published; it is then built again."""
        link = self._link
        if link is not None:
            link.drop()

    def subscribe_again(self) -> None:
        """Repeat all subscriptions, so that the broker gives what it retains once more."""
        link = self._link
        if link is not None and link.live:
            link.subscribe()

    def renew(self, last: Sequence[Message]) -> None:
        """Publish `last`, disconnect in order (no will) and connect again; not from a callback."""
        link = self._link
        if link is not None:
            link.close(last)

    def _run(self) -> None:
        attempt = 0
        while not self._stopping.is_set():
            lived_s = self._connect_once()
            attempt = 0 if lived_s >= _STABLE_S else attempt + 1
            longest_s = min(self._config.reconnect_max_s, 0.5 * 2 ** min(attempt, 12))
            self._stopping.wait(random.uniform(0, longest_s))

    def _connect_once(self) -> float:
        """Run one connection to its end; return how long its session stood, in seconds."""
        try:
            link = _Link(self._new_client(), self._subscriptions, self._deliver, self._established)
            with self._lock:
                if self._stopping.is_set():
                    return 0.0
                self._link = link
            link.run(self._config.host, self._config.port, self._keepalive_s)
            reason = link.reason
        except (OSError, ConfigError, ValueError) as error:  # unreachable, certificates, password file, host name
            self._failed(explain(error, self._config))
            return 0.0
        finally:
            with self._lock:
                self._link = None
        if link.since_s is None:
            self._failed(reason)
            return 0.0
        lived_s = time.monotonic() - link.since_s
        self._short_lived = 0 if lived_s >= _STABLE_S else self._short_lived + 1
        self._lost(reason)
        return lived_s

    @property
    def _keepalive_s(self) -> int:
        """The library notices a dead peer after two of these, the broker after 1.5: both within 1.5 of ours.

        With one second the library, which looks once a second, takes a broker that answers for dead.
        """
        return max(2, self._config.keepalive_s * 3 // 4)

    def _new_client(self) -> paho.Client:
        config = self._config
        password = None if config.password_file is None else read_secret(config.password_file)
        client_id = self._client_id
        if config.client_id is None and config.username is not None and password is not None:
            client_id = self._id_of(client_id, config.username, password)  # for the broker alone, never for a log
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=True,
            protocol=paho.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(20)
        client.max_queued_messages_set(1_000)
        if config.username is not None:
            client.username_pw_set(config.username, password)
        if config.encrypted:
            context = ssl.create_default_context(cafile=config.ca_file)
            if config.cert_file is not None and config.key_file is not None:
                context.load_cert_chain(config.cert_file, config.key_file)
            client.tls_set_context(context)
        if self._will is not None:
            will = self._will()
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        return client

    def _established(self) -> None:
        self.last_error = ""
        _LOG.info("connected to %s:%d as %s", self._config.host, self._config.port, self._client_id)
        _guard(self._on_connect)

    def _deliver(self, message: Message) -> None:
        _guard(self._on_message, message)

    def _failed(self, reason: str) -> None:
        if reason != self.last_error and not self._stopping.is_set():
            self.last_error = reason
            _LOG.warning("no connection to %s:%d: %s", self._config.host, self._config.port, reason)

    def _lost(self, reason: str) -> None:
        if self._stopping.is_set():
            return
        if self._short_lived >= _SHORT_LIVED_LIMIT:
            reason += (
                f"; {self._short_lived} connections in a row ended soon: if this goes on, another program may use the "
                f"client id {self._client_id!r}, and the two throw each other out: stop it, or set broker.client_id"
            )
        self.last_error = reason
        _LOG.warning("lost the connection to %s:%d: %s", self._config.host, self._config.port, reason)
        _guard(self._on_disconnect, reason)


class _Link:
    """One connection from its first to its last byte."""

    def __init__(
        self,
        client: paho.Client,
        subscriptions: Sequence[tuple[str, int]],
        deliver: Callable[[Message], None],
        established: Callable[[], None],
    ) -> None:
        self.live = False
        self.since_s: float | None = None
        self.reason = ""
        self._client = client
        self._subscriptions = subscriptions
        self._deliver = deliver
        self._established = established
        self._ended = threading.Event()
        self._unsent: deque[int] = deque()  # sizes of messages handed over and not yet written to the socket
        self._unsent_bytes = 0
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message

    def run(self, host: str, port: int, keepalive_s: int) -> None:
        """Connect and return at the end of the connection; raises OSError where there is none to be had."""
        self._client.connect(host, port, keepalive_s)
        self._client.loop_start()
        if not self._ended.wait(_SESSION_TIMEOUT_S) and not self.live:
            self.reason = self.reason or f"the broker did not answer within {_SESSION_TIMEOUT_S:.0f} s"
            self.drop()
        self._ended.wait()
        self.live = False
        self._client.loop_stop()

    def send(self, message: Message) -> bool:
        """Hand a message to the network thread; False where too much waits there already or the link is gone."""
        size = len(message.payload)
        if self._unsent_bytes + size > _MAX_UNSENT_BYTES:
            return False
        self._unsent_bytes += size
        self._unsent.append(size)
        sent = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        return bool(sent.rc == paho.MQTT_ERR_SUCCESS)

    def subscribe(self) -> None:
        """Ask for all subscriptions; the session stands once the broker has confirmed them."""
        self._client.subscribe(list(self._subscriptions))

    def close(self, last: Sequence[Message]) -> None:
        """Send the last messages and DISCONNECT."""
        if not self.live:
            self.drop()
            self._ended.set()
            return
        sent = [self._client.publish(message.topic, message.payload, message.qos, message.retain) for message in last]
        deadline_s = time.monotonic() + _FLUSH_S
        for info in sent:
            if info.rc == paho.MQTT_ERR_SUCCESS:
                info.wait_for_publish(max(0.0, deadline_s - time.monotonic()))
        self._client.disconnect()
        if not self._ended.wait(_FLUSH_S):
            self.drop()

    def drop(self) -> None:
        """Break the connection; the network thread notices at once."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):  # an SSL socket is one, too
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                _LOG.debug("the connection was broken already: %s", error)

    def _on_connect(self, _client: paho.Client, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            # Version 2 callbacks translate the code of MQTT 3.1.1; the text is the library's, the remedy is ours.
            self.reason = f"refused ({code}): {explain_refusal(code.value)}"
            self._ended.set()
        elif self._subscriptions:
            self.subscribe()
        else:
            self._stand()

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, codes: Sequence[Any], _properties: Any) -> None:
        for (topic, _), code in zip(self._subscriptions, codes, strict=False):
            if code.is_failure:
                self.reason = f"the broker refuses the subscription {topic!r}: give this user the right to read it"
                self.drop()
                return
        if not self.live:
            self._stand()

    def _stand(self) -> None:
        self.since_s = time.monotonic()
        self.live = True
        self._established()

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.live = False
        if not self.reason:
            early = "" if self.since_s is not None else " before it was accepted: does this port want TLS (broker.tls)?"
            # Where the broker vanishes the library only knows an "Unspecified error".
            how = "the broker closed it or stopped" if code.value == _UNSPECIFIED_ERROR else str(code)
            self.reason = f"connection ended: {how}{early}"
        self._ended.set()

    def _on_publish(self, _client: Any, _userdata: Any, _mid: int, _code: Any, _properties: Any) -> None:
        # Sizes leave in the order in which they came; with mixed qualities of service only the sum is exact.
        if self._unsent:
            self._unsent_bytes -= self._unsent.popleft()

    def _on_message(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._deliver(Message(message.topic, bytes(message.payload), message.retain, message.qos))


def _guard(callback: Callable[..., None], *arguments: Any) -> None:
    """Call back; an exception must not end the network thread, which would silently end all traffic."""
    try:
        callback(*arguments)
    except Exception:  # noqa: BLE001 - the boundary of the network thread
        _LOG.exception("a callback of the MQTT connection failed")
