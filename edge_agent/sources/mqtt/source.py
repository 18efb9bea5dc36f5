"""MQTT source: subscribes to plain devices at a broker and hands on what their messages say. It never publishes."""

import asyncio
import math
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from edge_agent.sources.base import Reading, Sink, SourceStatus, Tag
from edge_agent.sources.config import MqttSourceConfig, MqttTagConfig
from edge_agent.sources.mqtt.decoders import DEVICES, Decoder, JsonDiscovery, TagDecoder, address_of, availability_of
from edge_agent.sources.mqtt.presence import Presence
from edge_agent.sources.mqtt.values import Item, MalformedError, matches, widest
from edge_agent.sources.mqtt.waveforms import WaveformDecoder
from edge_agent.sparkplug.client import Message, MqttClient
from edge_agent.sparkplug.metric import DataType, Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality

MAX_WAITING = 10_000
"""Messages that may wait for the event loop; then the network thread waits, unacknowledged, and so does the broker."""
_EXCERPT = 80
_MAX_TOPICS = 10_000
_MAX_TAGS, _MAX_NAME = 10_000, 500
"""Bounds of discovery, so that a device that makes up names cannot fill memory and store."""


class _Link(Enum):
    """Changes of the connection, in order with the messages."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class _Arrival:
    message: Message
    time_ns: int


@dataclass(frozen=True, slots=True)
class _Availability:
    topic: str
    device: str
    online: str


class MqttSource:
    """Plain devices behind one broker as a source of readings (see `Source`)."""

    def __init__(self, config: MqttSourceConfig, base_dir: Path) -> None:
        self._config = config
        self._broker = config.broker.resolved(base_dir)
        self._origin = Origin.parse(config.origin)
        by_topic: dict[str, list[MqttTagConfig]] = {}
        for tag in config.tags:
            by_topic.setdefault(tag.topic, []).append(tag)
        self._tag_decoders = {topic: TagDecoder(topic, tags) for topic, tags in by_topic.items()}
        self._explicit = {address_of(tag) for tag in config.tags}
        self._decoders: list[Decoder] = [DEVICES[device.decoder](device) for device in config.devices]
        self._decoders += [JsonDiscovery(discovery) for discovery in config.discover]
        self._decoders += [WaveformDecoder(waveform) for waveform in config.waveforms]
        self._availability = [_Availability(entry.topic, entry.device, entry.online) for entry in config.availability]
        for device in config.devices:
            topic, online = availability_of(device)
            self._availability.append(_Availability(topic, device.device, online))
        self._routes: dict[str, tuple[list[Decoder], list[_Availability]]] = {}
        self._tags: dict[tuple[str, str], Tag] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._presence = Presence(replayed=self._origin is Origin.REPLAYED)
        self._state = "connecting"
        self._malformed = 0
        self._last_malformed = ""
        self._unseen = {(tag.device, tag.metric): address_of(tag) for tag in config.tags}
        self._heard_topics: set[str] = set()
        self._sink: Sink | None = None
        self._client: MqttClient | None = None
        self._waiting: deque[_Arrival | _Link] = deque()
        self._room = threading.Condition()
        self._scheduled = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def name(self) -> str:
        """Name from the configuration."""
        return self._config.name

    def status(self) -> SourceStatus:
        """Return the state, with what is wrong with messages even while connected."""
        client = self._client
        if self._state != "connected":
            error = client.last_error if client is not None else ""
            remedy = "start the broker or correct [sources.broker]; it is tried again by itself" if error else ""
            return SourceStatus("unavailable" if error else self._state, error, remedy)
        errors, remedies = [], []
        if self._malformed:
            errors.append(f"{self._malformed} messages or values could not be read, last: {self._last_malformed}")
            remedies.append("compare the message with the decoder, pointers and time_unit of the configuration")
        missing = sorted(a for a in self._unseen.values() if a.partition("#")[0] in self._heard_topics)
        if missing:
            errors.append(f"messages came, but without a value at {', '.join(missing[:5])}")
            remedies.append("correct the pointer of the tag")
        return SourceStatus(self._state, "; ".join(errors), "; ".join(remedies))

    async def run(self, sink: Sink) -> None:
        """Read until cancelled; the connection comes back by itself."""
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        for tag in self._config.tags:
            self._declare(_tag_of(tag, self._origin), sink)
        client = MqttClient(
            self._broker,
            client_id=f"{self._config.name}-{secrets.token_hex(4)}",
            subscriptions=[(topic, self._config.qos) for topic in self._filters()],
            on_message=lambda message: self._put(_Arrival(message, time.time_ns())),
            on_connect=lambda: self._put(_Link.UP),
            on_disconnect=lambda _reason: self._put(_Link.DOWN),
        )
        self._client = client
        client.start()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._sink = None
            with self._room:
                self._waiting.clear()
                self._room.notify_all()
            self._state = "unavailable"
            await asyncio.to_thread(client.stop)

    def _filters(self) -> list[str]:
        discovering = (topic for decoder in self._decoders for topic in decoder.topics())
        return widest([*self._tag_decoders, *discovering, *(entry.topic for entry in self._availability)])

    def _put(self, event: _Arrival | _Link) -> None:
        """Hand an event to the event loop; runs on the network thread and waits there while too many are waiting."""
        loop = self._loop
        with self._room:
            while len(self._waiting) >= MAX_WAITING and self._sink is not None:
                self._room.wait(1.0)
            if self._sink is None or loop is None:
                return
            self._waiting.append(event)
            if self._scheduled:
                return
            self._scheduled = True
        loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        with self._room:
            events = list(self._waiting)
            self._waiting.clear()
            self._scheduled = False
            self._room.notify_all()
        sink = self._sink
        if sink is None:
            return
        readings: list[Reading] = []
        for event in events:
            if isinstance(event, _Arrival):
                readings.extend(self._read(event, sink))
            elif event is _Link.UP:
                self._state = "connected"
            else:
                self._state = "unavailable"
                readings.extend(self._presence.lose_all(time.time_ns(), time.monotonic_ns()))
        if readings:
            sink.emit(readings)

    def _read(self, arrival: _Arrival, sink: Sink) -> list[Reading]:
        """Decode one message; what cannot be read is counted and the last one kept for the status."""
        message = arrival.message
        readings: list[Reading] = []
        decoders, availability = self._route(message.topic)
        for entry in availability:
            word = message.payload.decode("utf-8", "replace").strip()
            if word.lower() != entry.online.lower():
                readings.extend(self._presence.lose(entry.device, arrival.time_ns, time.monotonic_ns()))
        try:
            self._read_tags(arrival, readings, sink)
            for decoder in decoders:
                for item in decoder.decode(message.topic, message.payload):
                    if item.address not in self._explicit:
                        number = self._discovered(decoder, item, sink)
                        if number is not None:
                            self._add(arrival, item, number, readings)
        except MalformedError as error:
            self._reject(message, error)
        for tags, from_ns, to_ns in self._presence.hear(readings, time.monotonic_ns()):
            sink.outage(tags, from_ns, to_ns, "source_down")
        return readings

    def _route(self, topic: str) -> tuple[list[Decoder], list[_Availability]]:
        route = self._routes.get(topic)
        if route is None:
            if len(self._routes) >= _MAX_TOPICS:
                self._routes.clear()
            decoders = [d for d in self._decoders if any(matches(pattern, topic) for pattern in d.topics())]
            route = decoders, [entry for entry in self._availability if entry.topic == topic]
            self._routes[topic] = route
        return route

    def _read_tags(self, arrival: _Arrival, readings: list[Reading], sink: Sink) -> None:
        decoder = self._tag_decoders.get(arrival.message.topic)
        if decoder is None:
            return
        self._heard_topics.add(arrival.message.topic)
        for tag, outcome in decoder.decode(arrival.message.payload):
            if isinstance(outcome, MalformedError):
                self._reject(arrival.message, outcome)
                continue
            self._unseen.pop((tag.device, tag.metric), None)
            self._add(arrival, outcome, self._declare(_tag_of(tag, self._origin), sink), readings)

    def _add(self, arrival: _Arrival, item: Item, number: int, readings: list[Reading]) -> None:
        quality = Quality.GOOD
        value = item.value
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            value, quality = None, Quality.BAD
        elif item.time_ns is None and arrival.message.retain:
            quality = Quality.UNCERTAIN  # kept by the broker, nobody knows for how long
        time_ns = arrival.time_ns if item.time_ns is None else item.time_ns
        readings.append(Reading(number, time_ns, value, quality))

    def _discovered(self, decoder: Decoder, item: Item, sink: Sink) -> int | None:
        """Return the number of a discovered tag, declared at its first value or when its type changes."""
        key = decoder.device, item.metric
        known = self._tags.get(key)
        if known is None and (not item.metric or len(item.metric) > _MAX_NAME or len(self._tags) >= _MAX_TAGS):
            raise MalformedError(f"name of {len(item.metric)} characters, or more than {_MAX_TAGS} names")
        datatype = _datatype_of(item.value)
        if datatype is None or (known is not None and known.datatype is datatype):
            return self._numbers.get(key)  # a null says nothing about the type
        rule = decoder.rule(item.metric)
        return self._declare(
            Tag(
                decoder.device,
                item.metric,
                datatype,
                item.address,
                self._origin,
                item.unit,
                description=item.description,
                rule=rule,
            ),
            sink,
        )

    def _declare(self, tag: Tag, sink: Sink) -> int:
        key = tag.device_id, tag.metric
        if self._tags.get(key) != tag:
            (self._numbers[key],) = sink.declare([tag])
            self._tags[key] = tag
            self._presence.know(self._numbers[key], tag.device_id)
        return self._numbers[key]

    def _reject(self, message: Message, error: MalformedError) -> None:
        self._malformed += 1
        excerpt = message.payload[:_EXCERPT].decode("utf-8", "replace")
        self._last_malformed = f"{message.topic}: {error} in {excerpt!r}"


def _datatype_of(value: Value) -> DataType | None:
    """JSON has one type of numbers, so a discovered number is a double even where it looks like an integer now."""
    if isinstance(value, bool):
        return DataType.BOOLEAN
    if isinstance(value, int | float):
        return DataType.DOUBLE
    if isinstance(value, bytes):
        return DataType.BYTES
    return DataType.STRING if isinstance(value, str) else None


def _tag_of(config: MqttTagConfig, origin: Origin) -> Tag:
    return Tag(
        config.device,
        config.metric,
        config.wire_type,
        address_of(config),
        origin,
        config.unit or "",
        config.low,
        config.high,
        config.description or "",
        config.rule,
    )
