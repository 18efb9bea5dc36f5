"""Receiving side of ingest: bytes of one MQTT message in, entries for the writer out. No network, no store."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from edge_agent.sparkplug.delivery import GAP, LSN, Gap
from edge_agent.sparkplug.payload import PayloadError, parse
from edge_agent.sparkplug.topic import MessageType, Topic
from gateway.acknowledge import Acknowledgements
from gateway.catalogue import Catalogue
from gateway.decode import Aliases, BadMetric, Decoded, read_data, read_fast
from gateway.host import Arrived, AskRebirth, Born, Died, Effect, HostSession, Node, Unborn
from gateway.inbox import Entry, Inbox
from gateway.latest import LatestTable
from gateway.losses import Losses
from gateway.receipts import Admission, LogKey, Receipts
from gateway.state.quarantine import QuarantinedValue, Rejection
from gateway.store.base import EdgeKey
from gateway.traffic import EdgeTraffic

MAX_PAYLOAD_BYTES = 4_000_000
"""A longer message is refused unread; edges of ours send at most 512 kB."""
_KNOWN_TOPICS = 10_000
_UNKNOWN_EDGE = EdgeKey("", "")
_COMMANDS = (MessageType.NCMD, MessageType.DCMD)


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
                message = self._parse(payload)
                effects = self._session.accept(address, message, now_s)
            except ValueError as error:  # TopicError and PayloadError among them
                self._refuse(_UNKNOWN_EDGE, topic, payload, str(error), now_ns)
                return
            for effect in effects:
                self._apply(effect, payload if len(effects) == 1 else None, now_s, now_ns)

    def tick(self, now_s: float, now_ns: int) -> None:
        """Apply what time alone brings; call it some ten times a second."""
        with self._lock:
            for effect in self._session.tick(now_s):
                self._apply(effect, None, now_s, now_ns)

    def disconnected(self, now_s: float, now_ns: int) -> None:
        """The broker is gone: every edge is unknown until its next birth."""
        with self._lock:
            for effect in self._session.disconnected(now_s):
                self._apply(effect, None, now_s, now_ns)

    def _learn_topic(self, text: str) -> Topic:
        topic = Topic.parse(text)
        if len(self._topics) < _KNOWN_TOPICS:
            self._topics[text] = topic
        return topic

    @staticmethod
    def _parse(payload: bytes) -> Any:
        if not payload:
            raise PayloadError("the payload is empty")
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise PayloadError(f"the payload has {len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
        return parse(payload)

    def _apply(self, effect: Effect, payload: bytes | None, now_s: float, now_ns: int) -> None:
        if isinstance(effect, Arrived):
            self._data(effect, payload, now_s, now_ns)
        elif isinstance(effect, Born):
            self._born(effect, payload, now_ns)
        elif isinstance(effect, Died):
            self._latest.expire(effect.edge, effect.device_id)
        elif isinstance(effect, AskRebirth):
            self._ask_rebirth(effect.edge)
        elif isinstance(effect, Unborn):
            self._traffic(effect.node.edge).messages += 1

    def _traffic(self, edge: EdgeKey) -> EdgeTraffic:
        traffic = self.traffic.get(edge)
        if traffic is None:
            traffic = self.traffic[edge] = EdgeTraffic()
        return traffic

    def _born(self, born: Born, payload: bytes | None, now_ns: int) -> None:
        node, birth = born.node, born.birth
        traffic = self._traffic(node.edge)
        if born.timestamp_ms:
            traffic.clock_skew_s = (born.timestamp_ms * 1_000_000 - now_ns) / 1e9
        if birth.bad:
            self._put(Entry(node.edge, rejection=_rejection(birth.aliases, None, born, birth.bad, payload, now_ns)))
        self._latest.revive(declared.series for declared in birth.aliases.by_name.values())
        if len(birth.rows):
            self._latest.offer(birth.rows, now_ns)
            if node.epoch is None:
                self._put(Entry(node.edge, birth.rows, newest_ns=max(birth.rows.time_ns)))
        if not born.device_id:
            traffic.listen(birth.control)
            if node.epoch is not None:
                log = (node.edge, node.epoch)
                self._acknowledgements.listen(log)
                entry = self._losses.begin(log, node.first_lsn or 0, now_ns)
                if entry is not None:
                    self._put(entry)
                traffic.last_lsn = None

    def _data(self, arrived: Arrived, payload: bytes | None, now_s: float, now_ns: int) -> None:
        node, metrics = arrived.node, arrived.message.metrics
        traffic = self._traffic(node.edge)
        traffic.messages += 1
        if not metrics:
            return
        first = metrics[0]
        aliases = arrived.aliases
        numbered = node.epoch is not None and (
            (aliases.lsn_alias is not None and first.alias == aliases.lsn_alias) or first.name == LSN
        )
        if numbered and node.epoch is not None:
            if not metrics[-1].is_historical:
                traffic.clock_skew_s = (arrived.message.timestamp * 1_000_000 - now_ns) / 1e9
            self._numbered(arrived, (node.edge, node.epoch), payload, traffic, now_s, now_ns)
        else:
            self._unnumbered(arrived, payload, traffic, now_s, now_ns)

    def _numbered(
        self, arrived: Arrived, log: LogKey, payload: bytes | None, traffic: EdgeTraffic, now_s: float, now_ns: int
    ) -> None:
        metrics = arrived.message.metrics
        lsn: int = metrics[0].long_value
        admission = self._receipts.admit(log, lsn)
        if admission is not Admission.NEW:
            traffic.duplicates += 1
            if admission is Admission.STORED:
                self._acknowledgements.stored(log, [(lsn, lsn)])
            return
        taken = False
        try:
            entry = self._entry(arrived, log, lsn, payload, traffic, now_ns)
            if entry is None:
                self._wake(arrived.node, now_s)
            else:
                taken = self._put(entry)
        finally:
            if not taken:
                self._receipts.release(log, lsn)
        if taken:
            traffic.last_lsn = max(traffic.last_lsn or 0, lsn)

    def _entry(
        self, arrived: Arrived, log: LogKey, lsn: int, payload: bytes | None, traffic: EdgeTraffic, now_ns: int
    ) -> Entry | None:
        """Decode a numbered message; None where an alias is unknown, so that it must come again after a rebirth."""
        metrics = arrived.message.metrics[1:]
        entry = Entry(log[0], log=log, lsn=lsn)
        if metrics:
            entry.historical = metrics[-1].is_historical
            rows = read_fast(metrics, arrived.aliases)
            if rows is None:
                decoded = read_data(metrics, arrived.message.timestamp, arrived.aliases, self._catalogue, numbered=True)
                if decoded.unknown:
                    return None
                rows = decoded.rows
                self._gaps(entry, decoded, traffic)
                if decoded.bad:
                    entry.rejection = _rejection(arrived.aliases, lsn, arrived, decoded.bad, payload, now_ns)
            if len(rows):
                entry.rows = rows
                entry.newest_ns = max(rows.time_ns)
                traffic.samples += len(rows)
                traffic.newest_ns = max(traffic.newest_ns, entry.newest_ns)
                self._latest.offer(rows, now_ns)
        self._losses.resolve(entry)
        return entry

    @staticmethod
    def _gaps(entry: Entry, decoded: Decoded, traffic: EdgeTraffic) -> None:
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

    def _unnumbered(
        self, arrived: Arrived, payload: bytes | None, traffic: EdgeTraffic, now_s: float, now_ns: int
    ) -> None:
        message = arrived.message
        decoded = read_data(message.metrics, message.timestamp, arrived.aliases, self._catalogue, numbered=False)
        traffic.listen(decoded.control)
        entry = Entry(arrived.node.edge, historical=message.metrics[-1].is_historical)
        if len(decoded.rows):
            entry.rows = decoded.rows
            entry.newest_ns = max(decoded.rows.time_ns)
            traffic.samples += len(decoded.rows)
            traffic.newest_ns = max(traffic.newest_ns, entry.newest_ns)
            self._latest.offer(decoded.rows, now_ns)
        if decoded.bad:
            entry.rejection = _rejection(arrived.aliases, None, arrived, decoded.bad, payload, now_ns)
        if entry.rows is not None or entry.rejection is not None:
            self._put(entry)
        if decoded.unknown:
            self._wake(arrived.node, now_s)

    def _wake(self, node: Node, now_s: float) -> None:
        for effect in self._session.want_rebirth(node, now_s):
            if isinstance(effect, AskRebirth):
                self._ask_rebirth(effect.edge)

    def _put(self, entry: Entry) -> bool:
        if self._inbox.put(entry):
            return True
        self._traffic(entry.edge).refused += 1
        return False

    def _refuse(self, edge: EdgeKey, topic: str, payload: bytes, reason: str, now_ns: int) -> None:
        self._inbox.put(Entry(edge, rejection=Rejection(now_ns, topic, reason, payload)))


def _rejection(
    aliases: Aliases,
    lsn: int | None,
    effect: Arrived | Born,
    bad: Sequence[BadMetric],
    payload: bytes | None,
    now_ns: int,
) -> Rejection:
    """Describe metrics that cannot be stored; a message that was held back is serialised again."""
    key = aliases.key
    prefix = f"{key.group_id}/{key.edge_node_id}/{key.device_id}/"
    if isinstance(effect, Arrived):
        topic = str(effect.topic)
        payload = effect.message.SerializeToString() if payload is None else payload
    else:
        kind = MessageType.DBIRTH if key.device_id else MessageType.NBIRTH
        topic = str(Topic(key.group_id, kind, key.edge_node_id, key.device_id or None))
    return Rejection(
        at_ns=now_ns,
        topic=topic,
        reason="; ".join(f"{metric.metric}: {metric.reason}" for metric in bad[:5]),
        payload=payload or b"",
        epoch=effect.node.epoch,
        lsn=lsn,
        values=[QuarantinedValue(prefix + metric.metric, metric.time_ns, None, metric.reason) for metric in bad],
    )
