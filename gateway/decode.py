"""Metrics of births and data messages turned into series and rows. Pure: everything it needs is an argument.

A metric that cannot be taken costs that metric alone: it is returned as a `BadMetric` for quarantine, the others flow.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.delivery import ACK, BD_SEQ, EPOCH, FIRST_LSN, GAP, LSN, REBIRTH
from edge_agent.sparkplug.metric import DataType, Property, Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import PayloadError, get_name, get_properties, get_value
from edge_agent.sparkplug.properties import ORIGIN, QUALITY, SUB_MS
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue, CatalogueFullError
from gateway.columns import Block, RowBuilder, Rows
from gateway.store.base import SeriesKey

CONTROL_PREFIXES = ("Delivery/", "Node Control/", "Device Control/")
CONTROL_NAMES = frozenset({BD_SEQ, EPOCH, FIRST_LSN, LSN, GAP, ACK, REBIRTH})
_QUALITIES = frozenset(int(quality) for quality in Quality)
_OPC_DA_CLASSES = {0: Quality.BAD, 1: Quality.UNCERTAIN, 3: Quality.GOOD}
SUB_MS_LIMIT = 1_000_000
_INT64_LIMIT = 1 << 63
MAX_MS = (1 << 63) // 1_000_000 - 1
"""Latest time in milliseconds whose nanoseconds fit 64 bits."""
_TYPES = DataType._value2member_map_


def is_control(name: str) -> bool:
    """Whether a metric steers delivery or the node and is no signal."""
    return name in CONTROL_NAMES or name.startswith(CONTROL_PREFIXES)


@dataclass(frozen=True, slots=True)
class BadMetric:
    """One metric that cannot be stored, and why. time_ns is None where it has no readable time."""

    metric: str
    time_ns: int | None
    reason: str

    @classmethod
    def of(cls, metric: str, time_ns: int, error: Exception) -> "BadMetric":
        """Describe a metric by the error it caused; a time of 0 is none, one beyond 64 bits cannot be kept."""
        return cls(metric, time_ns if 0 < time_ns < _INT64_LIMIT else None, str(error))


@dataclass(frozen=True, slots=True)
class Declared:
    """What a birth said about one metric: its series, type and origin."""

    series: int
    datatype: int
    origin: int


class Aliases:
    """What the metrics of one node or device stand for since its birth.

    Attributes:
        key: site, edge agent and device; its `metric` is empty.
        by_alias, by_name: signals.
        control: control metrics by alias.
        lsn_alias: alias of `Delivery/lsn`, or None.
        origin: the one origin of all signals, or None where they differ.
    """

    __slots__ = ("_columns", "by_alias", "by_name", "control", "key", "lsn_alias", "origin")

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        self.by_alias: dict[int, Declared] = {}
        self.by_name: dict[str, Declared] = {}
        self._columns: tuple[NDArray[np.uint64], NDArray[np.int32]] | None = None
        self.control: dict[int, str] = {}
        self.lsn_alias: int | None = None
        self.origin: int | None = None

    def declare(self, name: str, alias: int | None, declared: Declared) -> None:
        """Add one signal."""
        self.origin = declared.origin if not self.by_name or self.origin == declared.origin else None
        self.by_name[name] = declared
        if alias is not None:
            self.by_alias[alias] = declared
            self._columns = None

    def series_of(self, aliases: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the series number of each alias; -1 where no signal was declared by it."""
        if self._columns is None:
            known = sorted(self.by_alias)
            numbers = [self.by_alias[alias].series for alias in known]
            self._columns = np.array(known, np.uint64), np.array(numbers, np.int32)
        known_aliases, series = self._columns
        if not len(known_aliases):
            return np.full(len(aliases), -1, np.int32)
        place = np.minimum(np.searchsorted(known_aliases, aliases), len(known_aliases) - 1)
        return np.where(known_aliases[place] == aliases, series[place], np.int32(-1))

    def declare_control(self, name: str, alias: int | None) -> None:
        """Add one control metric."""
        if alias is None:
            return
        self.control[alias] = name
        if name == LSN:
            self.lsn_alias = alias


@dataclass(slots=True)
class Birth:
    """One decoded NBIRTH or DBIRTH.

    Attributes:
        aliases: what the metrics stand for.
        control: values of the control metrics by name.
        rows, blocks: values at birth, of all signals that have one.
        stale: series that have none now, because their source is away.
        bad: metrics that cannot be taken.
    """

    aliases: Aliases
    control: dict[str, Value] = field(default_factory=dict)
    rows: Rows = field(default_factory=lambda: RowBuilder().rows())
    blocks: list[Block] = field(default_factory=list)
    stale: list[int] = field(default_factory=list)
    bad: list[BadMetric] = field(default_factory=list)


def read_birth(message: Any, key: SeriesKey, catalogue: Catalogue) -> Birth:
    """Decode a birth and make its signals known to the catalogue.

    `key` names site, edge agent and device. A signal of null value, or one without a time of its own where the message
    has none either, is declared and has no row.
    """
    birth = Birth(Aliases(key))
    builder = RowBuilder()
    for metric in message.metrics:
        name = ""
        alias = metric.alias if metric.HasField("alias") else None
        time_ns = (metric.timestamp or message.timestamp) * 1_000_000
        try:
            name = get_name(metric)
            if not name:
                raise ValueError("a birth metric without a name")
            if metric.datatype not in _TYPES:
                raise ValueError(f"data type number {metric.datatype} is not supported")
            if is_control(name):
                birth.aliases.declare_control(name, alias)
                birth.control[name] = get_value(metric, metric.datatype)
                continue
            _declare_signal(metric, name, alias, time_ns, birth, catalogue, builder)
        except (ValueError, CatalogueFullError) as error:
            birth.bad.append(BadMetric.of(name or f"alias {alias}", time_ns, error))
    birth.rows, birth.blocks = builder.rows(), builder.blocks
    return birth


def _declare_signal(
    metric: Any, name: str, alias: int | None, time_ns: int, birth: Birth, catalogue: Catalogue, builder: RowBuilder
) -> None:
    properties = get_properties(metric)
    place = birth.aliases.key
    key = SeriesKey(place.group_id, place.edge_node_id, place.device_id, name)
    series = catalogue.learn(key, DataType(metric.datatype), properties)
    birth.aliases.declare(name, alias, Declared(series.number, metric.datatype, series.origin))
    value = get_value(metric, metric.datatype)
    quality = read_quality(properties)
    if quality == Quality.STALE:
        birth.stale.append(series.number)  # its time is that of the birth, which says nothing about the signal
    elif time_ns and not metric.is_transient:
        builder.add(series.number, time_ns + read_sub_ms(properties), value, quality, series.origin)


@dataclass(slots=True)
class Decoded:
    """One decoded data message; `unknown` says that a metric was neither declared nor self-explaining.

    `blocks` are the values of type Bytes; everything else is in `rows`.
    """

    rows: Rows
    blocks: list[Block] = field(default_factory=list)
    control: dict[str, Value] = field(default_factory=dict)
    bad: list[BadMetric] = field(default_factory=list)
    unknown: bool = False


def read_data(
    metrics: Iterable[Any], timestamp_ms: int, aliases: Aliases, catalogue: Catalogue, *, numbered: bool
) -> Decoded:
    """Decode metrics of any kind, one by one.

    `numbered` says that the message has an LSN, so it comes from an edge of ours: a name that the birth does not
    declare then is a retired one, sent with its type and origin, and is taken. Elsewhere it needs a birth.
    """
    builder = RowBuilder()
    decoded = Decoded(builder.rows())
    for metric in metrics:
        alias = metric.alias if metric.HasField("alias") else None
        declared = aliases.by_alias.get(alias) if alias is not None else None
        if declared is None and metric.name:
            declared = aliases.by_name.get(metric.name)
        name = f"alias {alias}" if declared is None else catalogue.series(declared.series).key.metric
        control = aliases.control.get(alias, "") if alias is not None else ""
        time_ns = (metric.timestamp or timestamp_ms) * 1_000_000
        try:
            name = get_name(metric) or name
            if control or is_control(name):
                decoded.control[control or name] = get_value(metric, metric.datatype)
            elif declared is None and not (numbered and alias is None and metric.name):
                decoded.unknown = True
            elif not metric.is_transient:
                _add_row(metric, name, time_ns, declared, aliases, catalogue, builder)
        except (ValueError, OverflowError, CatalogueFullError) as error:
            decoded.bad.append(BadMetric.of(name, time_ns, error))
    decoded.rows, decoded.blocks = builder.rows(), builder.blocks
    return decoded


def _add_row(
    metric: Any,
    name: str,
    time_ns: int,
    declared: Declared | None,
    aliases: Aliases,
    catalogue: Catalogue,
    builder: RowBuilder,
) -> None:
    if not time_ns:
        raise ValueError("neither the metric nor its message has a time")
    properties: Mapping[str, Property] = get_properties(metric) if metric.HasField("properties") else {}
    datatype = metric.datatype or (declared.datatype if declared is not None else 0)
    if datatype not in _TYPES:
        raise PayloadError(f"data type number {datatype} is not supported")
    value = get_value(metric, datatype)
    if declared is None:
        declared = _retired(name, datatype, properties, aliases, catalogue)
    origin = properties.get(ORIGIN)
    builder.add(
        declared.series,
        time_ns + read_sub_ms(properties) if properties else time_ns,
        value,
        read_quality(properties) if properties else Quality.GOOD,
        declared.origin if origin is None else Origin.parse(str(origin)),
    )


def _retired(
    name: str, datatype: int, properties: Mapping[str, Property], aliases: Aliases, catalogue: Catalogue
) -> Declared:
    """Find the series of a name that the birth no longer declares; learn it where nobody knew it."""
    key = SeriesKey(aliases.key.group_id, aliases.key.edge_node_id, aliases.key.device_id, name)
    series = catalogue.find(key) or catalogue.learn(key, DataType(datatype), properties)
    return Declared(series.number, datatype, series.origin)


def read_quality(properties: Mapping[str, Property]) -> int:
    """Read the quality; raises ValueError where it is none.

    Codes of OPC DA, which other senders use, keep their class (bits 6 and 7).
    """
    quality = properties.get(QUALITY, Quality.GOOD)
    if quality in _QUALITIES:
        return int(quality)
    if isinstance(quality, int) and 0 <= quality <= 255 and quality >> 6 in _OPC_DA_CLASSES:
        return _OPC_DA_CLASSES[quality >> 6]
    raise ValueError(f"quality {quality!r} is neither one of {sorted(_QUALITIES)} nor an OPC DA code")


def read_sub_ms(properties: Mapping[str, Property]) -> int:
    """Read the nanoseconds beyond the millisecond; raises ValueError where they are none."""
    remainder = properties.get(SUB_MS, 0)
    if isinstance(remainder, bool) or not isinstance(remainder, int) or not 0 <= remainder < SUB_MS_LIMIT:
        raise ValueError(f"property {SUB_MS} is {remainder!r}, expected 0..{SUB_MS_LIMIT - 1}")
    return remainder
