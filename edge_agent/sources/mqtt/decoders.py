"""Decoders: what the messages of one kind of device mean. Pure; each is built from one configuration entry."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

from edge_agent.report import ReportRule
from edge_agent.sources.config import MqttDeviceConfig, MqttDiscoverConfig, MqttTagConfig, PatternRule
from edge_agent.sources.mqtt.values import (
    Item,
    MalformedError,
    convert,
    escape,
    leaves,
    parse_json,
    parse_time,
    plain_value,
    resolve,
)


class Decoder(Protocol):
    """Reads the messages of the topics it names. A new device family is one of these, named in `DEVICES`."""

    @property
    def device(self) -> str:
        """Device whose metrics it finds."""

    def topics(self) -> Sequence[str]:
        """Return the topic filters whose messages it wants."""

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield what a message says; raises MalformedError."""

    def rule(self, metric: str) -> ReportRule:
        """Return the report rule of a metric."""


class TagDecoder:
    """The configured tags of one topic."""

    def __init__(self, topic: str, tags: Sequence[MqttTagConfig]) -> None:
        self._topic = topic
        self._tags = tags

    def decode(self, payload: bytes) -> Iterator[tuple[MqttTagConfig, Item | MalformedError]]:
        """Yield each tag that the message has a value for, or why the value cannot be read.

        Raises MalformedError where the message itself cannot be read.
        """
        document = parse_json(payload) if any(tag.pointer is not None for tag in self._tags) else None
        for tag in self._tags:
            try:
                value = plain_value(payload) if tag.pointer is None else resolve(document, tag.pointer)
                time_ns = None if tag.time is None else parse_time(resolve(document, tag.time), tag.time_unit)
            except KeyError:
                continue  # a partial update
            except MalformedError as error:
                yield tag, error
                continue
            try:
                value = convert(value, tag.wire_type)
            except MalformedError as error:
                yield tag, Item(address_of(tag), tag.metric, None, time_ns)
                yield tag, error
                continue
            yield tag, Item(address_of(tag), tag.metric, value, time_ns)


def address_of(tag: MqttTagConfig) -> str:
    """Return where a tag is found: topic and JSON pointer."""
    return tag.topic if tag.pointer is None else f"{tag.topic}#{tag.pointer}"


class _Discovering:
    def __init__(self, device: str, rule: ReportRule, rules: Sequence[PatternRule]) -> None:
        self.device = device
        self._default = rule
        self._rules = rules

    def rule(self, metric: str) -> ReportRule:
        """Return the rule of the first pattern that matches."""
        return next((entry.rule for entry in self._rules if fnmatchcase(metric, entry.metric)), self._default)


class JsonDiscovery(_Discovering):
    """Every scalar of a JSON object is a metric named like its key (folders joined by '/')."""

    def __init__(self, config: MqttDiscoverConfig) -> None:
        super().__init__(config.device, config.rule, config.rules)
        self._config = config

    def topics(self) -> Sequence[str]:
        """Return the configured filter."""
        return (self._config.topic,)

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield every scalar below the configured object."""
        config = self._config
        document = parse_json(payload)
        try:
            values = resolve(document, config.values)
            time_ns = None if config.time is None else parse_time(resolve(document, config.time), config.time_unit)
        except KeyError as error:
            raise MalformedError(f"there is nothing at {error.args[0]}") from None
        for pointer, keys, value in leaves(values, config.values):
            yield Item(f"{topic}#{pointer}", "/".join(keys), value, time_ns)


class ShellyGen2(_Discovering):
    """Shelly of the second generation and later: RPC notifications with partial updates of components.

    Format: Shelly Gen2+ API, "Notifications": `params` holds `ts` (Unix seconds) and one object per component such as
    `em:0` or `switch:0`.
    """

    def __init__(self, config: MqttDeviceConfig) -> None:
        super().__init__(config.device, config.rule, config.rules)
        self._prefix = config.topic

    def topics(self) -> Sequence[str]:
        """Return the topic of notifications."""
        return (f"{self._prefix}/events/rpc",)

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield every number, truth value and text of the components."""
        frame = parse_json(payload)
        method = frame.get("method") if isinstance(frame, dict) else None
        if method not in ("NotifyStatus", "NotifyFullStatus", "NotifyEvent"):
            raise MalformedError(f"method {method!r} is not a Shelly notification")
        params = frame.get("params")
        if not isinstance(params, dict):
            raise MalformedError("params is not a JSON object")
        time_ns = parse_time(params["ts"], "s") if "ts" in params else None
        if method == "NotifyEvent":
            yield from self._events(topic, params.get("events"), time_ns)
            return
        for component, status in params.items():
            if component == "ts" or not isinstance(status, dict):
                continue
            for pointer, keys, value in leaves(status, f"/params/{escape(component)}"):
                if keys != ("id",):
                    unit = _unit_of(keys, _SHELLY2_UNITS)
                    yield Item(f"{topic}#{pointer}", _metric((component, *keys), unit), value, time_ns, unit)

    def _events(self, topic: str, events: Any, time_ns: int | None) -> Iterator[Item]:
        """Yield events such as a button press: the text `event` of the component that had it."""
        if not isinstance(events, list):
            raise MalformedError("params/events is not a JSON list")
        for index, event in enumerate(events):
            if isinstance(event, dict) and isinstance(event.get("event"), str) and "component" in event:
                own_ns = parse_time(event["ts"], "s") if "ts" in event else time_ns
                metric = _metric((str(event["component"]), "event"), "")
                yield Item(f"{topic}#/params/events/{index}/event", metric, event["event"], own_ns)


class ShellyGen1(_Discovering):
    """Shelly of the first generation: one topic per value with plain text, without times.

    Format: Shelly Gen1 API, "MQTT support": `shellies/<id>/emeter/0/power`, `shellies/<id>/relay/0` and so on.
    """

    def __init__(self, config: MqttDeviceConfig) -> None:
        super().__init__(config.device, config.rule, config.rules)
        self._prefix = config.topic

    def topics(self) -> Sequence[str]:
        """Return all topics of the device."""
        return (f"{self._prefix}/#",)

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield the one value of the topic; commands and JSON descriptions are no values."""
        keys = tuple(topic.removeprefix(f"{self._prefix}/").split("/"))
        if keys[-1] in ("command", "set", "announce", "info", "online", "settings", "status", "input_event"):
            return
        unit = _unit_of(keys, _SHELLY1_UNITS)
        yield Item(topic, _metric(keys, unit), plain_value(payload), None, unit)


_PHASES = 3


class Tasmota(_Discovering):
    """Tasmota: telemetry JSON on `tele/<topic>/SENSOR` with a local time that usually has no zone."""

    def __init__(self, config: MqttDeviceConfig) -> None:
        super().__init__(config.device, config.rule, config.rules)
        self._topic = f"tele/{config.topic}/SENSOR"
        self._offset_h = config.time_zone_offset_h

    def topics(self) -> Sequence[str]:
        """Return the telemetry topic."""
        return (self._topic,)

    def decode(self, topic: str, payload: bytes) -> Iterator[Item]:
        """Yield every value; units follow TempUnit and PressureUnit of the message, lists have one value a phase."""
        document = parse_json(payload)
        if not isinstance(document, dict):
            raise MalformedError("the message is not a JSON object")
        text = document.get("Time")
        time_ns = None
        if isinstance(text, str) and (self._offset_h is not None or re.search(r"(Z|[+-]\d\d:\d\d)$", text)):
            time_ns = parse_time(text, "iso", self._offset_h)
        units = dict(_TASMOTA_UNITS)
        units["temperature"] = f"°{document.get('TempUnit', 'C')}"
        units["pressure"] = str(document.get("PressureUnit", "hPa"))
        for pointer, keys, value in leaves(document, longest_list=_PHASES):
            if keys[-1] in ("Time", "TotalStartTime", "TempUnit", "PressureUnit"):
                continue
            unit = _unit_of(keys[:-1] if len(keys) > 1 and keys[-1].isdecimal() else keys, units)
            yield Item(f"{topic}#{pointer}", _metric(keys, unit), value, time_ns, unit)


DEVICES: dict[str, type[ShellyGen1] | type[ShellyGen2] | type[Tasmota]] = {
    "shelly_gen1": ShellyGen1,
    "shelly_gen2": ShellyGen2,
    "tasmota": Tasmota,
}
"""Decoder of each device family of the configuration."""


def availability_of(config: MqttDeviceConfig) -> tuple[str, str]:
    """Return the topic that says whether the device is there, and what it says then."""
    if config.decoder == "tasmota":
        return f"tele/{config.topic}/LWT", "Online"
    return f"{config.topic}/online", "true"


_SHELLY2_UNITS = {
    "voltage": "V", "current": "A", "act_power": "W", "aprt_power": "VA", "apower": "W", "aprtpower": "VA",
    "freq": "Hz", "total_act_energy": "Wh", "total_act_ret_energy": "Wh", "total_act": "Wh", "total_act_ret": "Wh",
    "aenergy/total": "Wh", "ret_aenergy/total": "Wh", "tC": "°C", "tF": "°F", "rh": "%", "percent": "%",
    "battery/V": "V",
}  # fmt: skip
_SHELLY1_UNITS = {
    "power": "W", "voltage": "V", "current": "A", "reactive_power": "var", "energy": "W·min",
    "returned_energy": "W·min", "total": "Wh", "total_returned": "Wh", "temperature": "°C", "temperature_f": "°F",
    "humidity": "%", "battery": "%", "lux": "lx",
}  # fmt: skip
_TASMOTA_UNITS = {
    "power": "W", "apparentpower": "VA", "reactivepower": "var", "voltage": "V", "current": "A", "frequency": "Hz",
    "total": "kWh", "today": "kWh", "yesterday": "kWh", "period": "Wh", "humidity": "%", "illuminance": "lx",
    "dewpoint": "°C",
}  # fmt: skip
_SUFFIXES = {"%": "percent", "°C": "degc", "°F": "degf", "W·min": "wmin"}


def _unit_of(keys: Sequence[str], units: dict[str, str]) -> str:
    """Find the unit of a key, or of its end after a phase such as `a_` in `a_voltage`; empty where unknown."""
    last = keys[-1]
    for name in ("/".join(keys[-2:]), last, last.lower(), last.partition("_")[2]):
        if name in units:
            return units[name]
    return ""


def _metric(keys: Sequence[str], unit: str) -> str:
    """Name a metric in lower case with its unit at the end, e.g. `em_0_a_voltage_v`."""
    name = re.sub(r"[^a-z0-9]+", "_", "_".join(keys).lower()).strip("_")
    suffix = _SUFFIXES.get(unit, re.sub(r"[^a-z0-9]", "", unit.lower()))
    return name if not suffix or name.endswith(f"_{suffix}") else f"{name}_{suffix}"
