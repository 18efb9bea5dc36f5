"""The running data path of a gateway: everything between the broker and the store, wired together once."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time_ns

from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.topic import NAMESPACE, MessageType, StateTopic, Topic
from gateway.acknowledge import Acknowledgements, acknowledgement_payload, rebirth_payload
from gateway.backfill import Backfill
from gateway.catalogue import Catalogue
from gateway.config import GatewaySettings
from gateway.host import HostRules, HostSession, says_offline, state_payload
from gateway.inbox import Inbox, InboxLimits
from gateway.ingest import Writer
from gateway.latest import LatestTable
from gateway.losses import Losses
from gateway.receipts import Receipts
from gateway.receive import Receiver
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import Waveforms
from gateway.store.base import EdgeKey, Known, Store

log = logging.getLogger(__name__)

TICK_S = 0.05
"""How often reorder time-outs, rebirth requests and acknowledgements are looked after."""
_NODE_TYPES = (MessageType.NBIRTH, MessageType.NDEATH, MessageType.NDATA)
_DEVICE_TYPES = (MessageType.DBIRTH, MessageType.DDEATH, MessageType.DDATA)


class DataPath:
    """Receiver, queues, writer and clock of one gateway, without a network: `receive` takes what a broker delivers.

    Attributes:
        catalogue, latest, receipts, inbox, acknowledgements, session, receiver, writer: its parts.
        backfill: import of a history; None where there is none.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        store: Store,
        known: Known,
        quarantine: Quarantine,
        open_losses: OpenLosses,
        waveforms: Waveforms,
        publish: Callable[[str, bytes], bool],
        history: Path | None = None,
    ) -> None:
        """Build the path from what the store knows.

        `publish` sends a command to an edge and may fail; `history` is a folder to import from.
        """
        self._publish = publish
        self.catalogue = Catalogue(known.series, limit=settings.max_series)
        self.latest = LatestTable(self.catalogue)
        self.latest.prime(known.latest, time_ns())
        self.receipts = Receipts(known.receipts)
        self.losses = Losses(self.receipts, _stored_until(known), open_losses)
        self.inbox = Inbox(InboxLimits(settings.live_queue_bytes, settings.history_queue_bytes))
        self.acknowledgements = Acknowledgements(settings.host_id, self.receipts)
        self.backfill = None if history is None else Backfill(history, self.catalogue, self.receipts, store)
        rules = HostRules(reorder_timeout_s=settings.reorder_timeout_s)
        self.session = HostSession(self.catalogue, rules, max_nodes=settings.max_edges)
        self.receiver = Receiver(
            self.session,
            self.catalogue,
            self.latest,
            self.receipts,
            self.losses,
            self.inbox,
            self.acknowledgements,
            self._ask_rebirth,
        )
        self.writer = Writer(
            store,
            self.inbox,
            self.catalogue,
            self.receipts,
            self.losses,
            quarantine,
            waveforms,
            self.acknowledgements,
            backfill=self.backfill,
        )
        self._stopping = Event()
        self._clock = Thread(target=self._run_clock, name="gateway-clock", daemon=True)

    def start(self) -> None:
        """Start the writer and the clock."""
        self.writer.start()
        self._clock.start()

    def stop(self) -> None:
        """Store what waits, acknowledge it, and end. Nothing is received any more when this is called."""
        self.receiver.flush(monotonic(), time_ns())
        self.writer.stop()
        self._stopping.set()
        self._clock.join()
        self._acknowledge(monotonic() + 1.0)

    def receive(self, topic: str, payload: bytes) -> None:
        """Take one message as the broker delivered it."""
        self.receiver.receive(topic, payload, monotonic(), time_ns())

    def disconnected(self) -> None:
        """The broker is gone."""
        self.receiver.disconnected(monotonic(), time_ns())

    def _run_clock(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                now_s = monotonic()
                self.receiver.tick(now_s, time_ns())
                self._acknowledge(now_s)
                self.latest.fold()
            except Exception:
                log.exception("the clock of the gateway stumbled; it goes on")

    def _acknowledge(self, now_s: float) -> None:
        for (edge, _), acknowledgement in self.acknowledgements.due(now_s):
            self._command(edge, acknowledgement_payload(acknowledgement, time_ns() // 1_000_000))

    def _ask_rebirth(self, edge: EdgeKey) -> None:
        log.info("edge %s: asked for a rebirth", edge)
        self._command(edge, rebirth_payload(time_ns() // 1_000_000))

    def _command(self, edge: EdgeKey, payload: bytes) -> None:
        # A command that cannot be sent is not kept: what is not acknowledged comes again, and so does every request.
        self._publish(str(Topic(edge.group_id, MessageType.NCMD, edge.edge_node_id)), payload)


class Uplink:
    """Connection of a host application to the broker: its subscriptions and its STATE.

    Birth and will of one connection carry one timestamp, so that a late will is recognised as one of an earlier
    connection (Sparkplug B 3.0, chapter 5, "Sparkplug Host Application").
    """

    def __init__(self, config: BrokerConfig, host_id: str) -> None:
        self._state_topic = str(StateTopic(host_id))
        self._state_ms = 0
        self._path: DataPath | None = None
        self._leaving = False
        self.client = MqttClient(
            config,
            client_id=f"host-{host_id}",
            subscriptions=[
                (self._state_topic, 1),
                *((f"{NAMESPACE}/+/{kind.value}/+", 1) for kind in _NODE_TYPES),
                *((f"{NAMESPACE}/+/{kind.value}/+/+", 1) for kind in _DEVICE_TYPES),
            ],
            on_message=self._on_message,
            on_connect=self._announce,
            on_disconnect=self._on_disconnect,
            will=self._will,
        )

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a command at QoS 0, as Sparkplug asks; False where there is no connection."""
        return self.client.publish(topic, payload)

    def start(self, path: DataPath) -> None:
        """Connect and hand everything that comes to the data path."""
        self._path = path
        self.client.start()

    def stop(self) -> None:
        """Say goodbye and disconnect."""
        self._leaving = True
        self.client.stop([self._state(online=False)])

    def _state(self, *, online: bool) -> Message:
        payload = state_payload(online=online, timestamp_ms=self._state_ms)
        return Message(self._state_topic, payload, retain=True, qos=1)

    def _will(self) -> Message:
        self._state_ms = time_ns() // 1_000_000
        return self._state(online=False)

    def _announce(self) -> None:
        birth = self._state(online=True)
        self.client.publish(birth.topic, birth.payload, birth.qos, birth.retain)

    def _on_disconnect(self, _reason: str) -> None:
        if self._path is not None:
            self._path.disconnected()

    def _on_message(self, message: Message) -> None:
        if message.topic == self._state_topic:
            if says_offline(message.payload) and self.client.connected and not self._leaving:
                self._announce()
        elif self._path is not None:
            self._path.receive(message.topic, message.payload)


def _stored_until(known: Known) -> dict[EdgeKey, int]:
    keys = {series.number: EdgeKey(series.key.group_id, series.key.edge_node_id) for series in known.series}
    newest: dict[EdgeKey, int] = {}
    for number, time in zip(known.latest.series.tolist(), known.latest.time_ns.tolist(), strict=True):
        edge = keys[number]
        newest[edge] = max(time, newest.get(edge, 0))
    return newest
