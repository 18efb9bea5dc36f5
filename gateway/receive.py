"""Receiving side of ingest: bytes of one MQTT message in, entries for the writer out. No network, no store."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from edge_agent.sparkplug.delivery import GAP, LSN, Gap
from edge_agent.sparkplug.payload import PayloadError, parse, parse_unread
from edge_agent.sparkplug.topic import MessageType, Topic
from gateway.acknowledge import Acknowledgements
from gateway.catalogue import Catalogue
from gateway.columns import Rows
from gateway.decode import BadMetric, Decoded, read_data
from gateway.fast_decode import read_fast
from gateway.host import Arrived, AskRebirth, Born, Died, Effect, HostSession, Node, Unborn
from gateway.inbox import Entry, Inbox
from gateway.latest import LatestTable
from gateway.losses import Losses
from gateway.receipts import Admission, LogKey, Receipts
from gateway.state.quarantine import QuarantinedValue, Rejection
from gateway.store.base import EdgeKey
from gateway.traffic import EdgeTraffic

_LOG = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 4_000_000
"""A longer message is refused unread; edges of ours send at most 512 kB."""
MAX_METRICS = 100_000
"""A message of more metrics is refused: empty ones take two bytes each, and a hundred times that in memory."""
_KNOWN_TOPICS = 10_000
_LSN_LIMIT = 1 << 63
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
        self._receipts = receipts
        self._losses = losses
        self._inbox = inbox
        self._acknowledgements = acknowledgements
        self._ask_rebirth = ask_rebirth
        self._lock = Lock()
        self._topics: dict[str, Topic] = {}
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
        """Apply what time alone brings; call it some ten times a second."""
        with self._lock:
            self._apply(self._session.tick(now_s), now_s, now_ns)

    def disconnected(self, now_s: float, now_ns: int) -> None:
        """The broker is gone: every edge is unknown until its next birth."""
        with self._lock:
            self._apply(self._session.disconnected(now_s), now_s, now_ns)

    def _learn_topic(self, text: str) -> Topic:
        topic = Topic.parse(text)
        if len(self._topics) < _KNOWN_TOPICS:
            self._topics[text] = topic
        return topic

    def _apply(self, effects: Sequence[Effect], now_s: float, now_ns: int) -> None:
        for effect in effects:
            if isinstance(effect, Arrived):
                self._data(effect, now_s, now_ns)
            elif isinstance(effect, Born):
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
            self._put(Entry(node.edge, rejection=_rejection(born, None, birth.bad, now_ns)), traffic)
        self._latest.revive({declared.series for declared in birth.aliases.by_name.values()}.difference(birth.stale))
        self._latest.mark_stale(birth.stale)
        if len(birth.rows):
            self._latest.offer(birth.rows, now_ns)
            if node.epoch is None:
                self._put(_filled(Entry(node.edge), birth.rows), traffic)
        if birth.blocks and node.epoch is None:
            self._put(Entry(node.edge, blocks=birth.blocks), traffic)

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
        if not metrics[-1].is_historical:
            traffic.compare_clocks(arrived.message.timestamp, now_ns)
        first = metrics[0]
        is_lsn = first.name == LSN if aliases.lsn_alias is None or first.name else first.alias == aliases.lsn_alias
        if is_lsn and node.epoch is not None:
            self._numbered(arrived, (node.edge, node.epoch), traffic, now_s, now_ns)
        else:
            self._unnumbered(arrived, traffic, now_s, now_ns)

    def _numbered(self, arrived: Arrived, log: LogKey, traffic: EdgeTraffic, now_s: float, now_ns: int) -> None:
        lsn: int = arrived.message.metrics[0].long_value
        if not 0 < lsn < _LSN_LIMIT:
            bad = BadMetric(LSN, None, f"{lsn} is no log sequence number: expected 1 to 2^63 - 1 as UInt64")
            self._put(Entry(log[0], rejection=_rejection(arrived, None, [bad], now_ns)), traffic)
            return
        admission = self._receipts.admit(log, lsn)
        if admission is not Admission.NEW:
            traffic.duplicates += 1
            if admission is Admission.STORED:
                self._acknowledgements.stored(log, [(lsn, lsn)])
            return
        taken = False
        try:
            entry = self._entry(arrived, log, lsn, traffic, now_ns)
            if entry is None:
                self._wake(arrived.node, now_s)
            else:
                taken = self._put(entry, traffic)
        finally:
            if not taken:
                self._receipts.release(log, lsn)
        if taken and entry is not None:
            self._losses.note(entry)
            traffic.last_lsn = max(traffic.last_lsn or 0, lsn)

    def _entry(self, arrived: Arrived, log: LogKey, lsn: int, traffic: EdgeTraffic, now_ns: int) -> Entry | None:
        """Decode a numbered message; None where an alias is unknown, so that it must come again after a rebirth."""
        metrics = arrived.message.metrics[1:]
        if not metrics:
            return Entry(log[0], log=log, lsn=lsn)
        entry = Entry(log[0], log=log, lsn=lsn, historical=metrics[-1].is_historical)
        rows = read_fast(metrics, arrived.aliases)
        if rows is not None:
            self._latest.offer(rows, now_ns)
            return _filled(entry, rows)
        try:
            full = parse(arrived.message.SerializeToString())
        except PayloadError as error:
            entry.rejection = _rejection(arrived, lsn, [BadMetric("", None, str(error))], now_ns)
            return entry
        decoded = read_data(full.metrics[1:], full.timestamp, arrived.aliases, self._catalogue, numbered=True)
        if decoded.unknown:
            return None
        _add_gap(entry, decoded, traffic)
        if decoded.bad:
            entry.rejection = _rejection(arrived, lsn, decoded.bad, now_ns)
        entry.blocks = decoded.blocks
        if len(decoded.rows):
            self._latest.offer(decoded.rows, now_ns)
            _filled(entry, decoded.rows)
        return entry

    def _unnumbered(self, arrived: Arrived, traffic: EdgeTraffic, now_s: float, now_ns: int) -> None:
        entry = Entry(arrived.node.edge, historical=arrived.message.metrics[-1].is_historical)
        try:
            full = parse(arrived.message.SerializeToString())
        except PayloadError as error:
            entry.rejection = _rejection(arrived, None, [BadMetric("", None, str(error))], now_ns)
            self._put(entry, traffic)
            return
        decoded = read_data(full.metrics, full.timestamp, arrived.aliases, self._catalogue, numbered=False)
        traffic.listen(decoded.control)
        if len(decoded.rows):
            self._latest.offer(decoded.rows, now_ns)
            _filled(entry, decoded.rows)
        if decoded.bad:
            entry.rejection = _rejection(arrived, None, decoded.bad, now_ns)
        entry.blocks = decoded.blocks
        if entry.rows is not None or entry.rejection is not None or entry.blocks:
            self._put(entry, traffic)
        if decoded.unknown:
            self._wake(arrived.node, now_s)

    def _wake(self, node: Node, now_s: float) -> None:
        for effect in self._session.want_rebirth(node, now_s):
            if isinstance(effect, AskRebirth):
                self._ask_rebirth(effect.edge)

    def _put(self, entry: Entry, traffic: EdgeTraffic) -> bool:
        if not self._inbox.put(entry):
            traffic.refused += 1
            return False
        if entry.count:
            traffic.samples += entry.count
            traffic.newest_ns = max(traffic.newest_ns, entry.newest_ns)
        return True


def _parse(message_type: MessageType, payload: bytes) -> Any:
    if not payload:
        raise PayloadError("the payload is empty")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadError(f"the payload has {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    message = parse_unread(payload) if message_type in _DATA else parse(payload)
    if len(message.metrics) > MAX_METRICS:
        raise PayloadError(f"the payload has {len(message.metrics)} metrics, more than {MAX_METRICS}")
    return message


def _filled(entry: Entry, rows: Rows) -> Entry:
    entry.rows = rows
    entry.count = len(rows)
    entry.newest_ns = max(rows.time_ns)
    return entry


def _add_gap(entry: Entry, decoded: Decoded, traffic: EdgeTraffic) -> None:
    text = decoded.control.get(GAP)
    if text is None:
        return
    try:
        gap = Gap.from_json(str(text))
    except PayloadError as error:
        decoded.bad.append(BadMetric(GAP, None, str(error)))
        return
    traffic.dropped += gap.count or 0
    entry.gaps = (gap,)


def _rejection(effect: Arrived | Born, lsn: int | None, bad: Sequence[BadMetric], now_ns: int) -> Rejection:
    """Describe metrics that cannot be stored, with the message they came in."""
    topic = effect.topic
    prefix = f"{topic.group_id}/{topic.edge_node_id}/{topic.device_id or ''}/"
    return Rejection(
        at_ns=now_ns,
        topic=str(topic),
        reason="; ".join(f"{metric.metric}: {metric.reason}" for metric in bad[:5]),
        payload=effect.message.SerializeToString(),
        epoch=effect.node.epoch,
        lsn=lsn,
        values=[QuarantinedValue(prefix + metric.metric, metric.time_ns, None, metric.reason) for metric in bad],
    )
