"""Catalogue: which series exist and what they mean, learnt from births alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from edge_agent.sparkplug.metric import DataType, Property
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.properties import DESCRIPTION, HIGH, LOW, ORIGIN, REPORT, SOURCE, UNIT
from gateway.store.base import Series, SeriesKey

MAX_SERIES = 2**31 - 1
"""Series numbers are int32."""


class CatalogueFullError(Exception):
    """A birth declares more series than may be numbered."""


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """One device of an edge agent with its signals; device_id is empty for metrics of the edge node itself."""

    device_id: str
    signals: Sequence[Series]


@dataclass(frozen=True, slots=True)
class EdgeUnits:
    """One edge agent with its work units."""

    edge_node_id: str
    work_units: Sequence[WorkUnit]


@dataclass(frozen=True, slots=True)
class Site:
    """One site with its edge agents."""

    group_id: str
    edges: Sequence[EdgeUnits]


class Catalogue:
    """Every series known, by key and by number. Safe to use from several threads.

    A key keeps its number for ever: the store holds rows under it.
    """

    def __init__(self, known: Iterable[Series] = (), *, limit: int = 200_000) -> None:
        """Start from what the store holds; `limit` bounds the series, so that no stranger fills the memory."""
        self._lock = Lock()
        self._by_key: dict[SeriesKey, Series] = {}
        self._by_number: dict[int, Series] = {}
        self._changed: dict[int, Series] = {}
        self._limit = min(limit, MAX_SERIES)
        for series in known:
            self._by_key[series.key] = series
            self._by_number[series.number] = series
        self._next = max(self._by_number, default=0) + 1

    def __len__(self) -> int:
        return len(self._by_key)

    def learn(self, key: SeriesKey, datatype: DataType, properties: Mapping[str, Property]) -> Series:
        """Return the series of a declared metric, numbered and updated; raises CatalogueFullError or ValueError.

        ValueError means that the origin property names no known origin.
        """
        origin = Origin.parse(_text(properties, ORIGIN) or Origin.REAL.label)
        with self._lock:
            known = self._by_key.get(key)
            if known is None and len(self._by_key) >= self._limit:
                raise CatalogueFullError(
                    f"{key}: the catalogue holds {self._limit} series already; "
                    "remove the edge that invents names, or raise gateway.max_series"
                )
            number = self._next if known is None else known.number
            series = Series(
                number=number,
                key=key,
                datatype=datatype,
                unit=_text(properties, UNIT),
                low=_number(properties, LOW),
                high=_number(properties, HIGH),
                description=_text(properties, DESCRIPTION),
                origin=origin,
                address=_text(properties, SOURCE),
                report=_text(properties, REPORT),
            )
            if series != known:
                self._by_key[key] = self._by_number[number] = self._changed[number] = series
                self._next = max(self._next, number + 1)
            return series

    def find(self, key: SeriesKey) -> Series | None:
        """Return the series of a key, or None."""
        return self._by_key.get(key)

    def series(self, number: int) -> Series:
        """Return the series of a number; raises KeyError."""
        return self._by_number[number]

    def drain(self) -> Sequence[Series]:
        """Return the series that are new or changed since the last call: what the store does not have yet."""
        with self._lock:
            changed = tuple(self._changed.values())
            self._changed.clear()
        return changed

    def all(self) -> Sequence[Series]:
        """Return every series, by path."""
        with self._lock:
            return sorted(self._by_key.values(), key=_path)

    def tree(self) -> Sequence[Site]:
        """Return every series as site -> edge -> work unit -> signals, each level by name."""
        sites: dict[str, dict[str, dict[str, list[Series]]]] = {}
        for series in self.all():
            key = series.key
            units = sites.setdefault(key.group_id, {}).setdefault(key.edge_node_id, {})
            units.setdefault(key.device_id, []).append(series)
        return [
            Site(
                group,
                [
                    EdgeUnits(edge, [WorkUnit(unit, signals) for unit, signals in units.items()])
                    for edge, units in edges.items()
                ],
            )
            for group, edges in sites.items()
        ]


def _path(series: Series) -> tuple[str, str, str, str]:
    key = series.key
    return key.group_id, key.edge_node_id, key.device_id, key.metric


def _text(properties: Mapping[str, Property], key: str) -> str:
    value = properties.get(key, "")
    return value if isinstance(value, str) else ""


def _number(properties: Mapping[str, Property], key: str) -> float | None:
    value = properties.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
