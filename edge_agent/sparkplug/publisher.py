"""What an edge node says to its broker: births, live messages, the backlog, deaths; and what it is told.

Used by the worker thread of the node alone. Times are arguments: `now_s` monotonic, `now_ns` UTC.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from edge_agent.sparkplug import births
from edge_agent.sparkplug.client import Message
from edge_agent.sparkplug.delivery import ACK, LSN, REBIRTH, Acknowledgement
from edge_agent.sparkplug.encoder import Encoder
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log import DurableLog, LogConfig
from edge_agent.sparkplug.log_row import AliasKey, LoggedRow
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.older_copy import Greeting, cut
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.overflow import Sent
from edge_agent.sparkplug.payload import MAX_MESSAGE_BYTES, PayloadError, get_value, parse
from edge_agent.sparkplug.resend import Deliveries, ResendRules
from edge_agent.sparkplug.salvage import LSN_MARGIN
from edge_agent.sparkplug.session import HostState, Session
from edge_agent.sparkplug.topic import MessageType, StateTopic, Topic
from edge_agent.sparkplug.wire import lsn_metric, payload_seq

_LOG = logging.getLogger(__name__)
_RESEND_AT_ONCE = 25
_NO_WINDOW = 1 << 62
_BIRTH_PATIENCE_S = 0.5

Status = Mapping[str, tuple[DataType, Any]]
"""Status metrics of the node by name: type and value."""


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who an edge node is, and whom it obeys.

    Attributes:
        group_id, edge_node_id: Sparkplug names.
        primary_host_id: the node is born only while this host is online; None waits for nobody.
        delivery: `acknowledged`: messages are kept until that host has stored them; `window`: for foreign hosts, they
            are kept for a time after they were sent.
    """

    group_id: str
    edge_node_id: str
    primary_host_id: str | None
    delivery: Literal["acknowledged", "window"] = "acknowledged"

    def topic(self, message_type: MessageType, device_id: str = "") -> str:
        """Return the topic of a message of this node or of one of its devices."""
        return str(Topic(self.group_id, message_type, self.edge_node_id, device_id or None))

    def subscriptions(self) -> list[tuple[str, int]]:
        """Return the topics to subscribe to, with quality of service: commands, and the state of the host."""
        topics = [self.topic(MessageType.NCMD)]
        if self.primary_host_id is not None:
            topics.append(str(StateTopic(self.primary_host_id)))
        return [(topic, 1) for topic in topics]


class Connection(Protocol):
    """What is used of MqttClient."""

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        """Hand over a message; False where there is no connection."""

    def renew(self, last: Sequence[Message]) -> None:
        """Say goodbye with these messages and connect anew."""


class Publisher:
    """Session and deliveries of one edge node."""

    def __init__(
        self, identity: NodeIdentity, config: LogConfig, log: DurableLog, encoder: Encoder, status: Callable[[], Status]
    ) -> None:
        self.session = Session(waits_for_host=identity.primary_host_id is not None)
        self.hold = False
        self.stored = IntervalSet()
        """Acknowledged, not yet deleted."""
        self._identity = identity
        self._config = config
        self._log = log
        self._encoder = encoder
        self._status = status
        self._connection: Connection | None = None
        # A foreign host never says what it has: only the rate bounds its backlog then, and nothing is sent twice.
        self._acknowledged_delivery = identity.delivery == "acknowledged"
        window = config.resend_window if self._acknowledged_delivery else _NO_WINDOW
        self._rules = ResendRules(config.resend_after_s, config.resend_per_s, window)
        self._deliveries = Deliveries(self._rules, log.intervals())
        self._greeting = Greeting(needed=self._acknowledged_delivery)
        self._key_of = {alias: key for key, alias in log.aliases.known().items()}
        self._born: dict[str, frozenset[int]] = {}  # device -> aliases declared in its DBIRTH
        self._for_backlog: set[str] = set()  # devices born only to let their backlog pass
        self._birth_due: dict[str, float] = {}
        self._topics: dict[tuple[MessageType, str], str] = {}

    @property
    def live(self) -> bool:
        """Whether messages can be published."""
        return self.session.born

    @property
    def resends(self) -> bool:
        """Whether there is a backlog that may be sent."""
        return self.live and not self.hold and self._deliveries.has_backlog

    def sent_so_far(self) -> Sent:
        """Return which messages the host may have, though it has not said so."""
        return self._deliveries.sent_so_far()

    def use(self, connection: Connection) -> None:
        """Set the connection."""
        self._connection = connection

    def connected(self, bd_seq: int) -> None:
        """The MQTT session stands, and the broker holds the NDEATH of this number."""
        self.session.connect(bd_seq)

    def disconnected(self) -> None:
        """The MQTT session is gone."""
        self.session.disconnect()
        self._end_session()

    def hear(self, message: Message, now_ns: int) -> None:
        """Take a message: a command, or the state of the primary host."""
        try:
            if message.topic == self._identity.topic(MessageType.NCMD):
                self._obey(message.payload)
            elif not message.topic.startswith("spBv1.0/STATE/"):
                raise PayloadError("no such topic was subscribed")
            elif self.session.hear(HostState.parse(message.payload)):
                _LOG.warning("host %s is offline: logging until it is back", self._identity.primary_host_id)
                self.end(now_ns)
        except PayloadError as error:
            _LOG.warning("ignored a message on %s: %s", message.topic, error)

    def end(self, now_ns: int) -> None:
        """End the session with an NDEATH; a new connection, with a new will, follows."""
        last = self.last_words(now_ns)
        self.session.disconnect()
        self._end_session()
        if self._connection is not None:
            self._connection.renew(last)

    def last_words(self, now_ns: int) -> list[Message]:
        """Return the NDEATH where the node is born."""
        if not self.session.born:
            return []
        payload = births.death_of_node(self.session.bd_seq, now_ns)
        return [Message(self._identity.topic(MessageType.NDEATH), payload, qos=1)]

    def declare(self, device_id: str, now_s: float) -> None:
        """The metrics of a device changed: it is born (again) with its next values, or soon without any."""
        self._birth_due.setdefault(device_id, now_s + _BIRTH_PATIENCE_S)

    def bear(self, now_s: float, now_ns: int) -> None:
        """Send the births that are due."""
        if self.session.birth_due(now_s):
            self._bear_node(now_s, now_ns)
        if self.live:
            for device_id in [name for name, due_s in self._birth_due.items() if due_s <= now_s]:
                self._bear_device(device_id, now_ns)

    def mend_numbers(self) -> None:
        """Number what was logged anew where the log turned out to be an older copy of itself; raises LogError."""
        used_to = self._greeting.used_to
        if used_to is None:
            return
        self.stored = cut(self.stored, self._log.opened_lsn)
        self._log.renumber(used_to + LSN_MARGIN)
        self._deliveries = Deliveries(self._rules, self._log.intervals())
        self._greeting.used_to = None
        self.session.want_rebirth()  # the host learns where the log begins now, and declares what is lost

    def publish(self, rows: Sequence[LoggedRow], now_s: float, now_ns: int) -> None:
        """Publish messages that were logged just now; those that cannot be sent wait in the backlog."""
        for row in rows:
            sent = False
            if self.live and self._greeting.heard(now_s):
                device = self._encoder.devices.get(row.device_id)
                if device is not None and (row.device_id in self._birth_due or row.device_id not in self._born):
                    self._bear_device(row.device_id, now_ns)
                sent = self._send(row, row.payload)
            if sent:
                self._deliveries.sent(row.lsn, now_s)
            else:
                self._deliveries.keep(row.lsn)

    def bury(self, now_ns: int) -> None:
        """Send a DDEATH for each device whose metrics all turned stale."""
        for device in self._encoder.devices.values():
            if device.name in self._born and device.name not in self._for_backlog and not device.available:
                self._bury_device(device.name, now_ns)

    def resend(self, now_s: float, now_ns: int) -> None:
        """Send a bounded part of the backlog, oldest first, unless the host holds it back."""
        if self._acknowledged_delivery:
            self._deliveries.expire(now_s)
        n = 0
        if self.live and self._greeting.heard(now_s) and not self.hold:
            n = min(self._deliveries.allowance(now_s), _RESEND_AT_ONCE)
        while n > 0 and self._deliveries.has_backlog:
            first, last = self._deliveries.next_interval()
            rows = self._log.rows(first, last, n)
            for row in rows:
                if row.lsn not in self.stored and not self._send_again(row, now_s, now_ns):
                    return
                self._deliveries.passed(row.lsn)
            n -= len(rows)
            if n > 0:
                self._deliveries.passed(last)
        if self.live and not self._deliveries.has_backlog and not self._deliveries.waiting:
            for device_id in list(self._for_backlog):
                device = self._encoder.devices.get(device_id)
                if device is None or not device.available:
                    self._bury_device(device_id, now_ns)
                self._for_backlog.discard(device_id)

    def settle_window(self, now_s: float) -> None:
        """With delivery = "window": what was sent long enough ago on a live session counts as delivered."""
        if self.live and not self._acknowledged_delivery:
            config = self._config
            self.stored.update(self._deliveries.settled_by_time(now_s, config.window_s, config.window_messages))

    def publish_status(self, now_ns: int) -> None:
        """Send the status metrics, without LSN."""
        if self.live:
            payload = births.status_of_node(self._status(), self.session.next_seq(), now_ns)
            self._hand_over(MessageType.NDATA, "", payload)

    def _obey(self, payload: bytes) -> None:
        for metric in parse(payload).metrics:
            if metric.name == REBIRTH and get_value(metric, DataType.BOOLEAN) is True:
                self.session.want_rebirth()
            elif metric.name == ACK:
                text = get_value(metric, DataType.STRING)
                self._acknowledged(Acknowledgement.from_json(str(text)))

    def _acknowledged(self, word: Acknowledgement) -> None:
        if (
            not self._acknowledged_delivery
            or word.host_id != self._identity.primary_host_id
            or word.epoch != self._log.epoch
        ):
            return
        if word.hold is not self.hold:
            _LOG.info("the host %s", "holds the backlog back: its store is down" if word.hold else "stores again")
        self.hold = word.hold
        log = self._log
        stored = self._greeting.believable(word, log.opened_lsn, log.next_lsn, self._deliveries.ever_sent)
        self._deliveries.settle(stored)
        self.stored.update(stored)

    def _end_session(self) -> None:
        self.hold = False
        self._born.clear()
        self._for_backlog.clear()
        self._deliveries.release_all()

    def _bear_node(self, now_s: float, now_ns: int) -> None:
        self._born.clear()
        self._for_backlog.clear()
        self.session.begin(now_s)
        lsn_alias = self._lsn_alias("")  # may need a row of the log's alias table
        first_lsn = self._log.first_lsn
        payload = births.birth_of_node(
            self.session.bd_seq, self._log.epoch, first_lsn, lsn_alias, self._status(), now_ns
        )
        if not self._hand_over(MessageType.NBIRTH, "", payload):
            self.session.born = False  # the connection is gone; it will say so
            return
        self._greeting.born(now_s, first_lsn)
        _LOG.info(
            "born as %s/%s, %d messages in the log",
            self._identity.group_id,
            self._identity.edge_node_id,
            self._log.count,
        )
        for device in self._encoder.devices.values():
            if device.available:
                self._bear_device(device.name, now_ns)

    def _bear_device(self, device_id: str, now_ns: int) -> None:
        self._birth_due.pop(device_id, None)
        device = self._encoder.devices.get(device_id)
        alias = self._lsn_alias(device_id)
        payload = births.birth_of_device(device, alias, self.session.next_seq(), now_ns, MAX_MESSAGE_BYTES)
        if len(payload) > MAX_MESSAGE_BYTES:
            _LOG.error(
                "the birth of device %s takes %d bytes, more than %d: spread its %d metrics over several devices",
                device_id, len(payload), MAX_MESSAGE_BYTES, 0 if device is None else len(device.lines),
            )  # fmt: skip
        self._hand_over(MessageType.DBIRTH, device_id, payload)
        self._born[device_id] = (
            frozenset() if device is None else frozenset(line.alias for line in device.lines.values())
        )
        self._for_backlog.discard(device_id)

    def _bury_device(self, device_id: str, now_ns: int) -> None:
        self._born.pop(device_id, None)
        self._for_backlog.discard(device_id)
        self._hand_over(MessageType.DDEATH, device_id, births.death_of_device(self.session.next_seq(), now_ns))

    def _send_again(self, row: LoggedRow, now_s: float, now_ns: int) -> bool:
        if row.device_id and row.device_id not in self._born:
            self._bear_device(row.device_id, now_ns)
            self._for_backlog.add(row.device_id)
        payload = births.historical(row.payload, self._born.get(row.device_id, frozenset()), self._key)
        if not self._send(row, payload):
            return False
        self._deliveries.resent(row.lsn, now_s)
        return True

    def _send(self, row: LoggedRow, payload: bytes) -> bool:
        kind = MessageType.DDATA if row.device_id else MessageType.NDATA
        lsn = lsn_metric(self._lsn_alias(row.device_id), row.lsn)
        return self._hand_over(kind, row.device_id, lsn + payload + payload_seq(self.session.next_seq()))

    def _hand_over(self, kind: MessageType, device_id: str, payload: bytes) -> bool:
        topic = self._topics.get((kind, device_id))
        if topic is None:
            topic = self._topics[kind, device_id] = self._identity.topic(kind, device_id)
        return self._connection is not None and self._connection.publish(topic, payload)

    def _lsn_alias(self, device_id: str) -> int:
        return self._log.aliases.of([AliasKey(device_id, LSN, DataType.UINT64, Origin.REAL)])[0]

    def _key(self, alias: int) -> AliasKey:
        key = self._key_of.get(alias)
        if key is None:
            self._key_of = {number: known for known, number in self._log.aliases.known().items()}
            key = self._key_of[alias]
        return key
