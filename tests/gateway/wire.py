"""Messages of edge nodes, made as an edge agent makes them, for tests of the gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.sparkplug.delivery import BD_SEQ, EPOCH, FIRST_LSN, GAP, LSN, Gap
from edge_agent.sparkplug.metric import DataType, Metric, Property, Value
from edge_agent.sparkplug.payload import Payload, encode
from edge_agent.sparkplug.properties import ORIGIN
from edge_agent.sparkplug.topic import MessageType, Topic

T0_MS = 1_795_000_000_000
"""A time in November 2026."""
SIMULATED: dict[str, Property] = {ORIGIN: "simulated", "engUnit": "l/h"}
Wire = tuple[str, bytes]


@dataclass
class WireEdge:
    """One edge node that numbers its messages; epoch None makes it a foreign one without durable delivery."""

    edge_node_id: str = "line-edge"
    group_id: str = "showroom"
    epoch: int | None = 2**63 + 5
    first_lsn: int = 1
    bd_seq: int = 0
    seq: int = 0
    next_lsn: int = 1
    aliases: dict[tuple[str | None, str], int] = field(default_factory=dict)

    def topic(self, kind: MessageType, device: str | None = None) -> str:
        return str(Topic(self.group_id, kind, self.edge_node_id, device))

    def alias(self, device: str | None, metric: str) -> int:
        return self.aliases.setdefault((device, metric), len(self.aliases) + 1)

    def node_birth(self, metrics: Sequence[Metric] = (), at_ms: int = T0_MS) -> Wire:
        self.seq = 0
        own = [Metric(BD_SEQ, DataType.UINT64, self.bd_seq, at_ms)]
        if self.epoch is not None:
            own += [
                Metric(EPOCH, DataType.UINT64, self.epoch, at_ms),
                Metric(FIRST_LSN, DataType.UINT64, self.first_lsn, at_ms),
                Metric(LSN, DataType.UINT64, None, at_ms, alias=self.alias(None, LSN)),
                Metric(GAP, DataType.STRING, None, at_ms, alias=self.alias(None, GAP)),
            ]
        return self._message(MessageType.NBIRTH, None, [*own, *metrics], at_ms)

    def device_birth(
        self, device: str, signals: Mapping[str, tuple[DataType, Value]], at_ms: int = T0_MS, **more: Property
    ) -> Wire:
        metrics = [
            Metric(name, datatype, value, at_ms, self.alias(device, name), properties={**SIMULATED, **more})
            for name, (datatype, value) in signals.items()
        ]
        if self.epoch is not None:
            metrics.insert(0, Metric(LSN, DataType.UINT64, None, at_ms, alias=self.alias(device, LSN)))
        return self._message(MessageType.DBIRTH, device, metrics, at_ms)

    def data(self, device: str, metrics: Sequence[Metric], *, lsn: int | None = None, historical: bool = False) -> Wire:
        if self.epoch is not None:
            lsn = self._number(lsn)
            metrics = [
                Metric(None, DataType.UINT64, lsn, T0_MS, self.alias(device, LSN), is_historical=historical),
                *metrics,
            ]
        return self._message(MessageType.DDATA, device, metrics, T0_MS)

    def gap(self, gap: Gap, *, lsn: int | None = None) -> Wire:
        metrics = [
            Metric(None, DataType.UINT64, self._number(lsn), T0_MS, self.alias(None, LSN)),
            Metric(None, DataType.STRING, gap.to_json(), T0_MS, self.alias(None, GAP)),
        ]
        return self._message(MessageType.NDATA, None, metrics, T0_MS)

    def status(self, metrics: Sequence[Metric]) -> Wire:
        return self._message(MessageType.NDATA, None, metrics, T0_MS)

    def number(self, device: str, metric: str, value: Value, at_ms: int, **properties: Property) -> Metric:
        return Metric(None, DataType.DOUBLE, value, at_ms, self.alias(device, metric), properties=dict(properties))

    def node_death(self, bd_seq: int | None = None) -> Wire:
        metrics = [Metric(BD_SEQ, DataType.UINT64, self.bd_seq if bd_seq is None else bd_seq, T0_MS)]
        return self.topic(MessageType.NDEATH), encode(Payload(T0_MS, metrics))

    def device_death(self, device: str) -> Wire:
        return self._message(MessageType.DDEATH, device, [], T0_MS)

    def _number(self, lsn: int | None) -> int:
        lsn = self.next_lsn if lsn is None else lsn
        self.next_lsn = max(self.next_lsn, lsn + 1)
        return lsn

    def _message(self, kind: MessageType, device: str | None, metrics: Sequence[Metric], at_ms: int) -> Wire:
        payload = encode(Payload(at_ms, metrics, self.seq))
        self.seq = (self.seq + 1) % 256
        return self.topic(kind, device), payload
