"""Receiving side of ingest: bytes of one MQTT message in, entries for the writer out. No network, no store."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from edge_agent.sparkplug.delivery import LSN
from edge_agent.sparkplug.payload import PayloadError, parse, parse_envelope, parse_metric
from edge_agent.sparkplug.topic import MessageType, Topic
from gateway.acknowledge import Acknowledgements
from gateway.bundle import is_historical
from gateway.catalogue import Catalogue
from gateway.decode import BadMetric, read_data
from gateway.host import Arrived, AskRebirth, Born, Died, Effect, HostSession, Node, Unborn
from gateway.inbox import Entry, Inbox
from gateway.latest import LatestTable
from gateway.losses import Losses
from gateway.numbered import NumberedMessages
from gateway.receipts import Receipts
from gateway.rejection import reject
from gateway.state.quarantine import Rejection
from gateway.store.base import EdgeKey
from gateway.traffic import EdgeTraffic

_LOG = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 4_000_000
"""A longer message is refused unread; edges of ours send at most 512 kB."""
MAX_METRICS = 100_000
"""A message of more metrics is refused: empty ones take two bytes each, and a hundred times that in memory."""
_KNOWN_TOPICS = 10_000
_UNKNOWN_EDGE = EdgeKey("", "")
_COMMANDS = (MessageType.NCMD, MessageType.DCMD)
_DATA = (MessageType.NDATA, MessageType.DDATA)


class Receiver:
    """Takes messages from the network thread. Safe to call from several threads; never blocks on disk or network."""

    def __init__(
        self,
        session: HostSession,
        catalogue: Catalogue,
        latest: LatestTable,
        receipts: Receipts,
        losses: Losses,
        inbox: Inbox,
        acknowledgements: Acknowledgements,
        ask_rebirth: Callable[[EdgeKey], None],
    ) -> None:
        self._session = session
        self._catalogue = catalogue
        self._latest = latest
        self._losses = losses
        self._inbox = inbox
        self._acknowledgements = acknowledgements
        self._ask_rebirth = ask_rebirth
        self._lock = Lock()
        self._topics: dict[str, Topic] = {}
        self._numbered = NumberedMessages(
            catalogue, latest, receipts, losses, inbox, acknowledgements, self._want_rebirth
        )
        self.traffic: dict[EdgeKey, EdgeTraffic] = {}

    def receive(self, topic: str, payload: bytes, now_s: float, now_ns: int) -> None:
        """Take one message; now_s is monotonic, now_ns UTC. What cannot be read goes into quarantine."""
        with self._lock:
            try:
                address = self._topics.get(topic) or self._learn_topic(topic)
                if address.message_type in _COMMANDS:
                    return
                effects = self._session.accept(address, _parse(address.message_type, payload), now_s)
            except ValueError as error:  # TopicError and PayloadError among them
                self._inbox.put(Entry(_UNKNOWN_EDGE, rejection=Rejection(now_ns, topic, str(error), payload)))
                return
            self._apply(effects, now_s, now_ns)

    def tick(self, now_s: float, now_ns: int) -> None:
        """Decode what waits and apply what time alone brings; call it some ten times a second."""
        with self._lock:
            self._numbered.decode(now_s, now_ns)
            self._apply(self._session.tick(now_s), now_s, now_ns)

    def disconnected(self, now_s: float, now_ns: int) -> None:
        """The broker is gone: every edge is unknown until its next birth."""
        with self._lock:
            self._apply(self._session.disconnected(now_s), now_s, now_ns)

    def flush(self, now_s: float, now_ns: int) -> None:
        """Hand everything that was received to the queue."""
        with self._lock:
            self._numbered.decode(now_s, now_ns)

    def _learn_topic(self, text: str) -> Topic:
        topic = Topic.parse(text)
        if len(self._topics) < _KNOWN_TOPICS:
            self._topics[text] = topic
        return topic

    def _apply(self, effects: Sequence[Effect], now_s: float, now_ns: int) -> None:
        for effect in effects:
            if isinstance(effect, Arrived):
                self._data(effect, now_s, now_ns)
                continue
            self._numbered.decode(now_s, now_ns)  # what came before a birth or a death counts before it
            if isinstance(effect, Born):
                self._born(effect, now_ns)
            elif isinstance(effect, Died):
                self._latest.expire(effect.edge, effect.device_id)
            elif isinstance(effect, AskRebirth):
                self._ask_rebirth(effect.edge)
            elif isinstance(effect, Unborn):
                self._traffic(effect.node.edge).unread += 1

    def _traffic(self, edge: EdgeKey) -> EdgeTraffic:
        traffic = self.traffic.get(edge)
        if traffic is None:
            traffic = self.traffic[edge] = EdgeTraffic()
        return traffic

    def _born(self, born: Born, now_ns: int) -> None:
        node, birth = born.node, born.birth
        traffic = self._traffic(node.edge)
        traffic.compare_clocks(born.message.timestamp, now_ns)
        if born.topic.device_id is None and not self._log_begins(born, traffic, now_ns):
            return
        if birth.bad:
            traffic.queue(Entry(node.edge, rejection=reject(born, None, birth.bad, now_ns)), self._inbox)
        self._latest.revive({declared.series for declared in birth.aliases.by_name.values()}.difference(birth.stale))
        self._latest.mark_stale(birth.stale)
        if len(birth.rows):
            self._latest.offer(birth.rows, now_ns)
            if node.epoch is None:
                traffic.queue(Entry(node.edge).fill(birth.rows), self._inbox)
        if birth.blocks and node.epoch is None:
            traffic.queue(Entry(node.edge, blocks=birth.blocks), self._inbox)

    def _log_begins(self, born: Born, traffic: EdgeTraffic, now_ns: int) -> bool:
        """Compare the log of a born node with what is stored; False where the birth must not count."""
        node = born.node
        traffic.listen(born.birth.control)
        if node.epoch is None:
            return True
        try:
            self._losses.begin((node.edge, node.epoch), node.first_lsn or 0, now_ns)
        except sqlite3.Error as error:
            _LOG.error("edge %s: its birth is put off, because the state file cannot be written: %s", node.edge, error)
            node.forget_births()
            node.rebirth.want()
            return False
        self._acknowledgements.listen((node.edge, node.epoch))
        return True

    def _data(self, arrived: Arrived, now_s: float, now_ns: int) -> None:
        node, metrics, aliases = arrived.node, arrived.message.metrics, arrived.aliases
        traffic = self._traffic(node.edge)
        traffic.messages += 1
        if not metrics:
            return
        historical = is_historical(metrics[-1])
        if not historical:
            traffic.compare_clocks(arrived.message.timestamp, now_ns)
        try:
            first = parse_metric(metrics[0])
        except PayloadError as error:
            bad = BadMetric("", None, str(error))
            traffic.queue(Entry(node.edge, rejection=reject(arrived, None, [bad], now_ns)), self._inbox)
            return
        is_lsn = first.name == LSN if aliases.lsn_alias is None or first.name else first.alias == aliases.lsn_alias
        if is_lsn and node.epoch is not None:
            log = node.edge, node.epoch
            self._numbered.take(arrived, log, first.long_value, traffic, now_s, now_ns, late=historical)
        else:
            self._unnumbered(arrived, traffic, now_s, now_ns, historical=historical)

    def _unnumbered(
        self, arrived: Arrived, traffic: EdgeTraffic, now_s: float, now_ns: int, *, historical: bool
    ) -> None:
        entry = Entry(arrived.node.edge, historical=historical)
        try:
            full = parse(arrived.message.SerializeToString())
        except PayloadError as error:
            entry.rejection = reject(arrived, None, [BadMetric("", None, str(error))], now_ns)
            traffic.queue(entry, self._inbox)
            return
        decoded = read_data(full.metrics, full.timestamp, arrived.aliases, self._catalogue, numbered=False)
        traffic.listen(decoded.control)
        if len(decoded.rows):
            self._latest.offer(decoded.rows, now_ns)
            entry.fill(decoded.rows)
        if decoded.bad:
            entry.rejection = reject(arrived, None, decoded.bad, now_ns)
        entry.blocks = decoded.blocks
        if entry.rows is not None or entry.rejection is not None or entry.blocks:
            traffic.queue(entry, self._inbox)
        if decoded.unknown:
            self._want_rebirth(arrived.node, now_s)

    def _want_rebirth(self, node: Node, now_s: float) -> None:
        for effect in self._session.want_rebirth(node, now_s):
            if isinstance(effect, AskRebirth):
                self._ask_rebirth(effect.edge)


def _parse(message_type: MessageType, payload: bytes) -> Any:
    if not payload:
        raise PayloadError("the payload is empty")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadError(f"the payload has {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    message = parse_envelope(payload) if message_type in _DATA else parse(payload)
    if len(message.metrics) > MAX_METRICS:
        raise PayloadError(f"the payload has {len(message.metrics)} metrics, more than {MAX_METRICS}")
    return message
