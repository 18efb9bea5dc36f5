"""A small Sparkplug host for tests of the edge: records what comes and acknowledges what it is told to."""

import json
import threading
from collections import defaultdict
from typing import Any

from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.delivery import ACK, EPOCH, GAP, LSN, REBIRTH, Acknowledgement, Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import Payload, decode, encode
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.topic import MessageType, StateTopic, Topic

Sample = tuple[int, Any, int]
"""Time in ns, value, quality."""


class RecordingHost:
    """Host application `test-host`: samples by (device, metric), each message once, in the order of arrival."""

    def __init__(self, port: int, *, acknowledges: bool = True, host_id: str = "test-host") -> None:
        self.host_id = host_id
        self.acknowledges = acknowledges
        self.hold = False
        self.samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        self.gaps: list[Gap] = []
        self.messages: list[tuple[Topic, Payload]] = []
        self.births: dict[str, dict[str, Metric]] = {}
        self.stored = IntervalSet()
        self.repeated = 0
        self.live_after_history = False
        self.unknown: list[str] = []
        self.epoch: int | None = None
        self.timestamp_ms = 1_000
        self._aliases: dict[int, tuple[str, str]] = {}
        self._node: Topic | None = None
        self._lock = threading.Lock()
        self._client = MqttClient(
            BrokerConfig.model_validate({"port": port, "reconnect_max_s": 0.5, "keepalive_s": 2}),
            client_id=host_id,
            subscriptions=[("spBv1.0/#", 1)],
            on_message=self._message,
            on_connect=lambda: self.say_online(online=True),
            on_disconnect=lambda _reason: None,
            will=lambda: Message(str(StateTopic(host_id)), self._state(online=False), retain=True, qos=1),
        )

    def start(self) -> "RecordingHost":
        self._client.start()
        return self

    def stop(self) -> None:
        """Say offline and leave."""
        self._client.stop([Message(str(StateTopic(self.host_id)), self._state(online=False), retain=True, qos=1)])

    def say_online(self, *, online: bool, timestamp_ms: int | None = None) -> None:
        """Publish STATE."""
        self.timestamp_ms = timestamp_ms or self.timestamp_ms + 1
        self._client.publish(str(StateTopic(self.host_id)), self._state(online=online), qos=1, retain=True)

    def ask_rebirth(self) -> None:
        """Send the rebirth command to the node last heard."""
        self._command(Metric(REBIRTH, DataType.BOOLEAN, value=True))

    def acknowledge(self, stored: IntervalSet, *, host_id: str | None = None, epoch: int | None = None) -> None:
        """Send an acknowledgement."""
        word = Acknowledgement(host_id or self.host_id, epoch or self.epoch or 0, stored, self.hold)
        self._command(Metric(ACK, DataType.STRING, word.to_json()))

    def _greet(self) -> None:
        highest = max((last for _, last in self.stored), default=0)
        word = Acknowledgement(self.host_id, self.epoch or 0, IntervalSet(), self.hold, highest)
        self._command(Metric(ACK, DataType.STRING, word.to_json()))

    def types(self) -> list[str]:
        """Return what came, e.g. `NBIRTH`, `DDATA MIX-10`."""
        with self._lock:
            return [f"{topic.message_type.value} {topic.device_id or ''}".strip() for topic, _ in self.messages]

    def values(self, device: str, metric: str) -> list[Any]:
        """Return the values of a series by time."""
        with self._lock:
            return [value for _, value, _ in sorted(self.samples[device, metric], key=lambda sample: sample[0])]

    def times(self, device: str, metric: str) -> list[int]:
        """Return the times of a series, ascending."""
        with self._lock:
            return sorted(time for time, _, _ in self.samples[device, metric])

    def _state(self, *, online: bool) -> bytes:
        return json.dumps({"online": online, "timestamp": self.timestamp_ms}).encode()

    def _command(self, metric: Metric) -> None:
        assert self._node is not None
        topic = Topic(self._node.group_id, MessageType.NCMD, self._node.edge_node_id)
        self._client.publish(str(topic), encode(Payload(1, [metric])))

    def _message(self, message: Message) -> None:
        if "/STATE/" in message.topic or "CMD/" in message.topic:
            return
        topic = Topic.parse(message.topic)
        payload = decode(message.payload)
        with self._lock:
            self.messages.append((topic, payload))
            self._node = topic
            if topic.message_type in (MessageType.NBIRTH, MessageType.DBIRTH):
                self._birth(topic, payload)
            elif topic.message_type in (MessageType.NDATA, MessageType.DDATA):
                self._data(topic, payload)

    def _birth(self, topic: Topic, payload: Payload) -> None:
        device = topic.device_id or ""
        self.births[device] = {str(metric.name): metric for metric in payload.metrics}
        if not device:
            self.epoch = int(str(self.births[""][EPOCH].value))
            self._greet()
        for metric in payload.metrics:
            if metric.alias is not None:
                self._aliases[metric.alias] = (device, str(metric.name))

    def _data(self, topic: Topic, payload: Payload) -> None:
        lsn = None
        rows: list[Any] = []
        for metric in payload.metrics:
            device, name = topic.device_id or "", metric.name
            if name is None and metric.alias is not None:
                if metric.alias not in self._aliases:
                    self.unknown.append(f"{topic} alias {metric.alias}")
                    return
                device, name = self._aliases[metric.alias]
            if name == LSN:
                lsn = int(str(metric.value))
            elif name == GAP:
                rows.append(Gap.from_json(str(metric.value)))
            elif not metric.is_transient:
                rows.append((device, name, metric))
        if lsn is None:
            return
        if lsn in self.stored:
            self.repeated += 1
        else:
            for row in rows:
                self._store(row)
            self.stored.add(lsn)
        if self.acknowledges:
            self.acknowledge(IntervalSet([(lsn, lsn)]))

    def _store(self, row: Any) -> None:
        if isinstance(row, Gap):
            self.gaps.append(row)
            return
        device, name, metric = row
        time_ns = metric.timestamp_ms * 1_000_000 + metric.properties.get("ns", 0)
        quality = metric.properties.get("Quality", Quality.GOOD)
        self.samples[device, name].append((time_ns, metric.value, quality))
