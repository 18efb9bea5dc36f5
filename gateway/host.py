"""Session of a Sparkplug host application: which nodes are born, in what order their messages count. Pure.

Messages and times go in, effects come out; nothing here reads a clock, a network or a store. Follows Sparkplug B 3.0,
chapters 5 (operational behaviour of a Sparkplug Host Application) and 6.4.
"""

import json
from collections.abc import Iterator
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any

from edge_agent.sparkplug.delivery import BD_SEQ, EPOCH, FIRST_LSN
from edge_agent.sparkplug.topic import MessageType, Topic
from gateway.catalogue import Catalogue
from gateway.decode import Aliases, BadMetric, Birth, read_birth
from gateway.rebirth import RebirthPace, RebirthRequests
from gateway.sequence import Sequence
from gateway.store.base import EdgeKey, SeriesKey

_DATA = (MessageType.NDATA, MessageType.DDATA)


@dataclass(frozen=True, slots=True)
class HostRules:
    """Times of the session, seconds.

    Attributes:
        reorder_timeout_s: how long messages that come too early are held back.
        devices_due_s: how long after a node's birth its devices may take to be born again before they count as stale.
        rebirth: pace of rebirth requests.
    """

    reorder_timeout_s: float = 2.0
    devices_due_s: float = 5.0
    rebirth: RebirthPace = field(default_factory=RebirthPace)


class Device:
    """A device of an edge node: online from its birth to its death, with what its metrics stand for."""

    __slots__ = ("aliases", "online")

    def __init__(self) -> None:
        self.aliases: Aliases | None = None
        self.online = False


class Node:
    """An edge node as this host knows it.

    Attributes:
        edge: its identity.
        online: between NBIRTH and NDEATH.
        epoch, first_lsn: of its log, from NBIRTH; None for nodes that are not ours.
        bd_seq: birth-death number of the last NBIRTH.
        aliases: metrics of the node itself; None before a birth.
        devices: by device id.
        rebirth: requests to this node.
        births: how often it was born.
    """

    __slots__ = ("aliases", "bd_seq", "births", "born_s", "devices", "edge", "epoch", "first_lsn", "online", "order",
                 "rebirth")  # fmt: skip

    def __init__(self, edge: EdgeKey, pace: RebirthPace) -> None:
        self.edge = edge
        self.online = False
        self.epoch: int | None = None
        self.first_lsn: int | None = None
        self.bd_seq: int | None = None
        self.births = 0
        self.aliases: Aliases | None = None
        self.devices: dict[str, Device] = {}
        self.rebirth = RebirthRequests(pace)
        self.order: Sequence[tuple[Topic, Any]] = Sequence()
        self.born_s: float | None = None

    def forget_births(self) -> None:
        """Count as offline, and trust no alias until the next birth."""
        self.online = False
        self.aliases = None
        for device in self.devices.values():
            device.online = False
            device.aliases = None


@dataclass(frozen=True, slots=True)
class Born:
    """A node or a device was born; `node` holds epoch and first LSN."""

    node: Node
    topic: Topic
    birth: Birth
    message: Any


@dataclass(frozen=True, slots=True)
class Died:
    """Every series of a device, or of a node and all its devices (device_id None), is stale."""

    edge: EdgeKey
    device_id: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """A data message whose turn has come, with what its aliases stand for."""

    node: Node
    topic: Topic
    aliases: Aliases
    message: Any


@dataclass(frozen=True, slots=True)
class Unborn:
    """A data message that came before a birth: it cannot be read, and a rebirth is wanted."""

    node: Node
    topic: Topic
    message: Any


@dataclass(frozen=True, slots=True)
class AskRebirth:
    """Send `Node Control/Rebirth` to this edge node."""

    edge: EdgeKey


Effect = Born | Died | Arrived | Unborn | AskRebirth


class HostSession:
    """All edge nodes this host listens to. Not thread-safe: the caller serialises."""

    def __init__(self, catalogue: Catalogue, rules: HostRules, *, max_nodes: int = 1_000) -> None:
        self._catalogue = catalogue
        self._rules = rules
        self._max_nodes = max_nodes
        self.nodes: dict[EdgeKey, Node] = {}

    def accept(self, topic: Topic, message: Any, now_s: float) -> Many[Effect]:
        """Take one parsed message of a node or device; now_s is monotonic. Returns effects in order.

        Raises ValueError where the node is one too many; the message is not taken then.
        """
        edge = EdgeKey(topic.group_id, topic.edge_node_id)
        node = self.nodes.get(edge)
        if node is None:
            if len(self.nodes) >= self._max_nodes:
                raise ValueError(f"edge node {edge} is one more than the {self._max_nodes} this gateway listens to")
            node = self.nodes[edge] = Node(edge, self._rules.rebirth)
        kind = topic.message_type
        if kind is MessageType.NBIRTH:
            return list(self._node_birth(node, topic, message, now_s))
        if kind is MessageType.NDEATH:
            return list(self._node_death(node, message, now_s))
        if not node.online:
            node.rebirth.want()
            return [Unborn(node, topic, message), *self._ask(node, now_s)]
        seq = message.seq if message.HasField("seq") else None
        if kind in _DATA and node.order.takes(seq):  # the usual case, without the way through iterators
            aliases = _aliases(node, topic.device_id)
            if aliases is not None:
                return (Arrived(node, topic, aliases, message),)
            return list(self._data(node, topic, message, now_s))
        effects: list[Effect] = []
        for turn_topic, turn in node.order.accept(seq, (topic, message), now_s):
            effects.extend(self._in_order(node, turn_topic, turn, now_s))
        return effects

    def tick(self, now_s: float) -> Many[Effect]:
        """Apply what time alone brings: reorder time-outs, rebirth requests that are due, devices that stay away."""
        effects: list[Effect] = []
        for node in self.nodes.values():
            held = node.order.time_out(now_s, self._rules.reorder_timeout_s)
            if held is not None:
                node.rebirth.want()
                for topic, message in held:
                    effects.extend(self._in_order(node, topic, message, now_s))
            effects.extend(self._missing_devices(node, now_s))
            effects.extend(self._ask(node, now_s))
        return effects

    def disconnected(self, now_s: float) -> Many[Effect]:
        """The broker is gone: births may have been missed, so nothing learnt from them may be used any more."""
        return [effect for node in self.nodes.values() if node.online for effect in self._end(node, now_s)]

    def want_rebirth(self, node: Node, now_s: float) -> Many[Effect]:
        """Ask for a rebirth because data could not be read."""
        node.rebirth.want()
        return list(self._ask(node, now_s))

    def _node_birth(self, node: Node, topic: Topic, message: Any, now_s: float) -> Iterator[Effect]:
        yield from self._held_data(node, node.order.begin(message.seq if message.HasField("seq") else None), now_s)
        birth = read_birth(message, _key(topic), self._catalogue)
        node.online = True
        node.births += 1
        node.born_s = now_s
        node.rebirth.answered()
        node.aliases = birth.aliases
        node.bd_seq = _integer(birth.control.get(BD_SEQ))
        node.epoch = _unsigned(birth, EPOCH)
        node.first_lsn = _unsigned(birth, FIRST_LSN)
        for device in node.devices.values():
            device.aliases = None
        yield Born(node, topic, birth, message)

    def _held_data(self, node: Node, held: Many[tuple[Topic, Any]], now_s: float) -> Iterator[Effect]:
        """Read data that was held back when its session ended; held births and deaths of devices count no more."""
        for topic, message in held:
            if topic.message_type in _DATA:
                yield from self._data(node, topic, message, now_s)

    def _node_death(self, node: Node, message: Any, now_s: float) -> Iterator[Effect]:
        """End the session that this death belongs to; the death of an earlier session changes nothing."""
        if not node.online:
            return
        numbers = [metric.long_value or metric.int_value for metric in message.metrics if metric.name == BD_SEQ]
        if node.bd_seq is not None and (not numbers or numbers[0] != node.bd_seq):
            return
        yield from self._end(node, now_s)
        node.rebirth.answered()

    def _end(self, node: Node, now_s: float) -> Iterator[Effect]:
        yield from self._held_data(node, node.order.begin(None), now_s)
        node.forget_births()
        yield Died(node.edge, None)

    def _in_order(self, node: Node, topic: Topic, message: Any, now_s: float) -> Iterator[Effect]:
        kind = topic.message_type
        if kind is MessageType.DBIRTH and topic.device_id is not None:
            birth = read_birth(message, _key(topic), self._catalogue)
            device = node.devices.setdefault(topic.device_id, Device())
            device.online = True
            device.aliases = birth.aliases
            yield Born(node, topic, birth, message)
        elif kind is MessageType.DDEATH and topic.device_id is not None:
            dead = node.devices.get(topic.device_id)
            if dead is not None:
                dead.online = False
                dead.aliases = None
            yield Died(node.edge, topic.device_id)
        else:
            yield from self._data(node, topic, message, now_s)

    def _data(self, node: Node, topic: Topic, message: Any, now_s: float) -> Iterator[Effect]:
        aliases = _aliases(node, topic.device_id)
        if aliases is not None:
            yield Arrived(node, topic, aliases, message)
            return
        node.rebirth.want()
        yield Unborn(node, topic, message)
        yield from self._ask(node, now_s)

    def _missing_devices(self, node: Node, now_s: float) -> Iterator[Effect]:
        if node.born_s is None or now_s - node.born_s < self._rules.devices_due_s:
            return
        node.born_s = None
        for device_id, device in node.devices.items():
            if device.online and device.aliases is None:
                device.online = False
                yield Died(node.edge, device_id)

    def _ask(self, node: Node, now_s: float) -> Iterator[Effect]:
        if node.rebirth.due(now_s):
            yield AskRebirth(node.edge)


def state_payload(*, online: bool, timestamp_ms: int) -> bytes:
    """Payload of the STATE topic; birth and will of one connection carry the same timestamp."""
    return json.dumps({"online": online, "timestamp": timestamp_ms}, separators=(",", ":")).encode()


def says_offline(payload: bytes) -> bool:
    """Whether a STATE message declares its host offline.

    Where that host is this one and connected, the message is the will of an earlier connection that came late: the
    birth must be published again, or every edge keeps believing that nobody listens.
    """
    try:
        state = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(state, dict) and state.get("online") is False


def _aliases(node: Node, device_id: str | None) -> Aliases | None:
    if device_id is None:
        return node.aliases
    device = node.devices.get(device_id)
    return None if device is None else device.aliases


def _key(topic: Topic) -> SeriesKey:
    return SeriesKey(topic.group_id, topic.edge_node_id, topic.device_id or "", "")


def _unsigned(birth: Birth, name: str) -> int | None:
    """Return a number of durable delivery, None where the birth has none; one that is no UInt64 counts as bad."""
    number = _integer(birth.control.get(name))
    if number is None or 0 <= number < 1 << 64:
        return number
    birth.bad.append(BadMetric(name, None, f"{number} is no UInt64"))
    return None


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
