"""Newest value of every series, in memory, for live pages. Costs by distinct series, not by sample."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from edge_agent.sparkplug.metric import BYTES_TYPES
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.columns import Rows, join
from gateway.store.base import EdgeKey, Samples, Value
from gateway.view import LatestValue

_FOLD_AT_ROWS = 20_000
_FUTURE_NS = 86_400_000_000_000
"""A value further ahead of our clock than this (one day) has a wrong time and does not hold up those that follow."""


@dataclass(slots=True)
class _Newest:
    """Newest value of one series; `order_ns` is the newest time seen, `time_ns` that of the value shown."""

    order_ns: int
    time_ns: int
    value: Value
    quality: Quality
    origin: Origin
    received_ns: int
    stale: bool
    version: int


class LatestTable:
    """Newest values by series number; a table-wide version counts changes. Safe to use from several threads.

    The receiving thread only lays rows down; they are folded in at most every `_FOLD_AT_ROWS` rows and whenever
    somebody looks, with one sort for all of them.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = Lock()
        self._waiting: list[tuple[Rows, int]] = []
        self._waiting_rows = 0
        self._newest: OrderedDict[int, _Newest] = OrderedDict()  # by last change, newest change at the end
        self._version = 0

    def prime(self, samples: Samples, received_ns: int) -> None:
        """Take the newest stored rows at start; stale until their edge is born."""
        with self._lock:
            self._take(samples, received_ns)
            for newest in self._newest.values():
                newest.stale = True

    def offer(self, rows: Rows, received_ns: int) -> None:
        """Take rows of a message, received at this time. A row older than the newest one changes nothing."""
        with self._lock:
            self._waiting.append((rows, received_ns))
            self._waiting_rows += len(rows)
            if self._waiting_rows >= _FOLD_AT_ROWS:
                self._fold()

    def revive(self, series: Iterable[int]) -> None:
        """End the staleness of series whose node or device was born."""
        self._set_stale(set(series), stale=False)

    def mark_stale(self, series: Iterable[int]) -> None:
        """Mark series whose source is away."""
        self._set_stale(set(series), stale=True)

    def expire(self, edge: EdgeKey, device_id: str | None) -> None:
        """Mark every series of a device (device_id None: of the whole edge) as stale."""
        keys = [
            series for series in self._catalogue.all() if (series.key.group_id, series.key.edge_node_id) == _pair(edge)
        ]
        self._set_stale({s.number for s in keys if device_id is None or s.key.device_id == device_id}, stale=True)

    def snapshot(self) -> Sequence[LatestValue]:
        """Return every newest value."""
        return self.since(-1)[1]

    def since(self, version: int) -> tuple[int, Sequence[LatestValue]]:
        """Return the table's version and the values changed after `version`."""
        with self._lock:
            self._fold()
            changed = []
            for number in reversed(self._newest):
                newest = self._newest[number]
                if newest.version <= version:
                    break
                changed.append(self._value(number, newest))
            return self._version, changed

    def fold(self) -> None:
        """Fold in what waits; called regularly so that rows do not pile up while nobody looks."""
        with self._lock:
            self._fold()

    def _fold(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, [], 0
        if waiting:
            self._take(join([rows for rows, _ in waiting]), waiting[-1][1])

    def _take(self, samples: Samples, received_ns: int) -> None:
        if not len(samples):
            return
        order = np.lexsort((samples.time_ns, samples.series))  # stable: of equal times the later arrival wins
        series = samples.series[order]
        last = np.append(series[1:] != series[:-1], True)
        self._version += 1
        for row in order[last].tolist():
            self._replace(samples, row, received_ns)

    def _replace(self, samples: Samples, row: int, received_ns: int) -> None:
        number, time_ns = int(samples.series[row]), int(samples.time_ns[row])
        if self._catalogue.series(number).datatype in BYTES_TYPES:
            return  # a mark that its source is away; the values are waveforms and never come here to end it
        old = self._newest.get(number)
        if old is not None and time_ns < old.order_ns and old.order_ns <= max(time_ns, received_ns) + _FUTURE_NS:
            return
        quality = Quality(int(samples.quality[row]))
        value = samples.value(row)
        shown_ns = time_ns
        if quality is Quality.STALE and old is not None:
            value, shown_ns = old.value, old.time_ns  # the last known value stays visible, marked as stale
        self._newest[number] = _Newest(
            order_ns=time_ns,
            time_ns=shown_ns,
            value=value,
            quality=quality,
            origin=Origin(int(samples.origin[row])),
            received_ns=received_ns,
            stale=False,
            version=self._version,
        )
        self._newest.move_to_end(number)

    def _set_stale(self, series: set[int], *, stale: bool) -> None:
        with self._lock:
            self._fold()
            self._version += 1
            for number in series:
                newest = self._newest.get(number)
                if newest is not None and newest.stale != stale:
                    newest.stale = stale
                    newest.version = self._version
                    self._newest.move_to_end(number)

    def _value(self, number: int, newest: _Newest) -> LatestValue:
        return LatestValue(
            series=self._catalogue.series(number),
            time_ns=newest.time_ns,
            value=newest.value,
            quality=Quality.STALE if newest.stale else newest.quality,
            origin=newest.origin,
            received_ns=newest.received_ns,
        )


def _pair(edge: EdgeKey) -> tuple[str, str]:
    return edge.group_id, edge.edge_node_id
