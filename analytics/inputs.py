"""What analytics reads of a gateway: catalogue and windows by the store protocol, state of an import by its API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpx
import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError
from analytics.live_window import LiveWindow, hold_time_s
from analytics.machines import Machines
from analytics.stored import MINUTE_NS, read_store, series_by_signal
from analytics.window import Window
from edge_agent.sparkplug.origin import Origin
from gateway.store.base import Buckets, SampleReader, Series, StoreUnavailableError

DAY_NS = 86_400_000_000_000
HOUR_NS = 3_600_000_000_000
SETTLE_NS = 20_000_000_000
"""Values may take so long from their source to the store; younger rows are read again."""
CATCH_UP_NS = 30 * MINUTE_NS
"""After a longer silence the window is read anew from rollups instead of row by row."""
TAKING_OVER_NS = 15 * MINUTE_NS
"""A simulated line runs from its design point until its history is made, then goes on from the end of that."""
_CHUNK_ROWS = 8_640
"""Rows a request for buckets: below the most that the API gives, so that none is widened."""
_CATALOGUE_NS = 60_000_000_000
_LIMIT = 2_000_000
_PROBES = 5


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the data that could be learnt from.

    Attributes:
        days: with stored data, within the days that were asked for.
        importing: how far the import of a simulated history is, in words; empty where none is under way.
    """

    days: float
    importing: str = ""


class PlantInputs:
    """Signals of the plant as a rolling window, and what else a judgement needs. Blocking; one thread.

    Args:
        reader: the store, e.g. gateway.store.remote.RemoteStore.
        http: client with the gateway's base address, for the state of an import.
        machines: the plant; only its signals are read.
        group_id: site.
        rows: minutes that are kept.
    """

    def __init__(self, reader: SampleReader, http: httpx.Client, machines: Machines, group_id: str, rows: int) -> None:
        self.series: dict[str, Series] = {}
        """Series of each signal of the plant that somebody has announced."""
        self._reader = reader
        self._http = http
        self._machines = machines
        self._group_id = group_id
        self._rows = rows
        self._catalogue_ns = 0
        self._live: LiveWindow | None = None
        self._read_ns = 0

    def window(self, now_ns: int) -> Window:
        """Return the newest rows; reads only what is new since the last call. Raises StoreUnavailableError.

        Raises NotEnoughDataError while no signal of the plant is known.
        """
        self._learn_catalogue(now_ns)
        if self._live is None or now_ns - self._read_ns > CATCH_UP_NS:
            self._live = self._begin(now_ns)
        start_ns = (self._read_ns - SETTLE_NS) // MINUTE_NS * MINUTE_NS
        samples = self._reader.several(list(self._live.numbers.values()), start_ns, now_ns, _LIMIT)
        self._live.add(samples, start_ns, now_ns)
        self._read_ns = now_ns
        return self._live.window()

    def origins(self) -> dict[str, list[Origin]]:
        """Return the origins of the inputs of each work unit."""
        found: dict[str, list[Origin]] = {}
        for machine in self._machines.machines:
            names = [name for indicator in machine.indicators for name in indicator.signals()]
            names += [f"{machine.id}.{metric}" for metric in machine.sensors]
            found[machine.id] = [self.series[name].origin for name in dict.fromkeys(names) if name in self.series]
        return found

    def past(self, now_ns: int, days: float) -> Past:
        """Say how much stored data there is to learn from. Raises StoreUnavailableError."""
        self._learn_catalogue(now_ns)
        spans = self._probe(now_ns - round(days * DAY_NS), now_ns)
        known = max((float(np.sum(one.count > 0)) * one.width_ns / DAY_NS for one in spans), default=0.0)
        return Past(min(known, days), self._importing())

    def history(self, now_ns: int, days: float) -> Window:
        """Read the past in rows of a minute, for training.

        Raises NotEnoughDataError where nothing is stored, StoreUnavailableError from the store.
        """
        self._learn_catalogue(now_ns)
        end_ns = now_ns // MINUTE_NS * MINUTE_NS
        return self._stored(end_ns - round(days * DAY_NS), end_ns)

    def _begin(self, now_ns: int) -> LiveWindow:
        """Start a window from what is stored; the newest minutes are then read row by row."""
        numbers = {name: one.number for name, one in self.series.items()}
        holds = {name: hold_time_s(one.report) for name, one in self.series.items()}
        live = LiveWindow(numbers, holds, MINUTE_NS, self._rows)
        end_ns = (now_ns - SETTLE_NS) // MINUTE_NS * MINUTE_NS
        self._read_ns = end_ns + SETTLE_NS
        live.put(self._stored(end_ns - self._rows * MINUTE_NS, end_ns))
        return live

    def _stored(self, start_ns: int, end_ns: int) -> Window:
        if not self.series:
            raise NotEnoughDataError("plant", "no signal of it is known", "start the edge agents that read it")
        begins = [int(one.start_ns[0]) for one in self._probe(start_ns, end_ns) if len(one.start_ns)]
        earliest_ns = min(begins, default=start_ns) // MINUTE_NS * MINUTE_NS
        start_ns = max(start_ns, min(earliest_ns, end_ns - 2 * MINUTE_NS))  # nothing is asked where nothing is stored
        parts: list[Window] = []
        while start_ns < end_ns:
            until_ns = min(end_ns, start_ns + _CHUNK_ROWS * MINUTE_NS)
            if end_ns - until_ns < 2 * MINUTE_NS:
                until_ns = end_ns
            parts.append(read_store(self._reader, self.series, start_ns, until_ns))
            start_ns = until_ns
        past = joined(parts)
        blank(past, self._taking_over_ns(), self.series)
        for declared in self._reader.gaps(int(past.time_ns[0]), int(past.time_ns[-1])):
            key, gap = declared.edge, declared.gap
            if gap.cause == "log_thinned":
                continue  # what is left still tells the course
            lost = {
                name: one
                for name, one in self.series.items()
                if (one.key.group_id, one.key.edge_node_id) == key
                and gap.device_id in (None, one.key.device_id)
                and gap.metric in (None, one.key.metric)
            }
            blank(past, (gap.from_ns, gap.to_ns), lost)
        return past

    def _taking_over_ns(self) -> tuple[int, int]:
        """Span after an imported history in which a simulated line still takes over the state in which that ends."""
        history = self._history()
        found = history.get("end_ns")
        end_ns = found if isinstance(found, int) else 0
        return (end_ns, end_ns + TAKING_OVER_NS) if end_ns else (0, 0)

    def _probe(self, start_ns: int, end_ns: int) -> list[Buckets]:
        """Read some signals coarsely, to see where there are data at all."""
        known = list(self.series.values())
        probes = known[:: max(1, len(known) // _PROBES)][:_PROBES]
        return [self._reader.buckets(one.number, start_ns, end_ns, 1_000) for one in probes]

    def _learn_catalogue(self, now_ns: int) -> None:
        if self.series and now_ns - self._catalogue_ns < _CATALOGUE_NS:
            return
        found = series_by_signal([one for one in self._reader.series() if one.key.group_id == self._group_id])
        wanted = {name: found[name] for name in self._machines.signals() if name in found}
        if wanted.keys() != self.series.keys():
            self._live = None  # a machine was added, or announced itself for the first time
        self.series = wanted
        self._catalogue_ns = now_ns

    def _importing(self) -> str:
        history = self._history()
        if history.get("state") not in ("waiting", "importing"):
            return ""
        return f"{history.get('chunks', 0)} of {history.get('of') or 'an unknown number of'} parts are imported"

    def _history(self) -> Mapping[str, object]:
        """State of the import of a history; empty where the gateway imports none."""
        answer = self._get("/api/v1/pipeline", {})
        history = None if answer is None else answer.json().get("history")
        return history if isinstance(history, dict) else {}

    def _get(self, path: str, query: Mapping[str, str]) -> httpx.Response | None:
        """Return an answer; None for 404. Raises StoreUnavailableError."""
        try:
            answer = self._http.get(path, params=dict(query))
        except httpx.HTTPError as error:
            raise StoreUnavailableError(
                f"gateway at {self._http.base_url} cannot be reached: {error or type(error).__name__}",
                remedy="start the gateway, check analytics.gateway",
            ) from error
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise StoreUnavailableError(
                f"gateway at {self._http.base_url} answers {answer.status_code} to {path}",
                remedy="see the gateway's log",
            )
        return answer


def blank(window: Window, span_ns: tuple[int, int], signals: Iterable[str]) -> None:
    """Empty the rows of signals that overlap a span, in place: nobody knows what they were."""
    rows = (window.time_ns > span_ns[0]) & (window.time_ns - round(window.step_s * 1e9) < span_ns[1])
    if not rows.any():
        return
    for name in signals:
        window.numbers[name][rows] = np.nan
        if name in window.bad:
            window.bad[name][rows] = False


def joined(parts: list[Window]) -> Window:
    """Join windows that follow each other; a signal without a reading in a part repeats its last one before."""
    first = parts[0]
    numbers: dict[str, NDArray[np.float64]] = {}
    bad: dict[str, NDArray[np.bool_]] = {}
    for name in first.numbers:
        column = np.concatenate([part.number(name) for part in parts])
        lost = np.concatenate([part.bad.get(name, np.zeros(len(part), np.bool_)) for part in parts])
        begin = 0
        for part in parts:
            if begin:
                _carry(column, lost, begin, begin + len(part))
            begin += len(part)
        numbers[name] = column
        if lost.any():
            bad[name] = lost
    return Window(np.concatenate([part.time_ns for part in parts]), first.step_s, numbers, {}, bad)


def _carry(column: NDArray[np.float64], lost: NDArray[np.bool_], begin: int, end: int) -> None:
    """Fill the empty rows at the begin of a part from the row before it."""
    empty = ~np.isfinite(column[begin:end]) & ~lost[begin:end]
    length = int(np.argmin(empty)) if not empty.all() else len(empty)
    column[begin : begin + length] = column[begin - 1]
    lost[begin : begin + length] = lost[begin - 1]
