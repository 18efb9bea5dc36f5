"""What the gateway shows of itself: the protocol between its core and everything that presents it (API, pages)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.backfill import BackfillStatus
from gateway.state.waveforms import KeptWaveform, WaveformEntry
from gateway.store.base import EdgeKey, SampleReader, Series, Value


@dataclass(frozen=True, slots=True)
class LatestValue:
    """Newest value of a series as held in memory.

    `quality` is STALE from the death of its edge or device on, whatever it was before; `value` then is the last known.
    """

    series: Series
    time_ns: int
    value: Value
    quality: Quality
    origin: Origin
    received_ns: int


class HopState(Enum):
    """State of one hop of the data path."""

    OK = "ok"
    WAITING = "waiting"  # nothing wrong, nothing has come yet
    DEGRADED = "degraded"  # data is delayed or kept back, nothing is lost
    FAILED = "failed"  # data does not flow


@dataclass(frozen=True, slots=True)
class Hop:
    """Health of one hop: line, edge, broker, gateway, store, browser.

    Attributes:
        name: hop, e.g. `broker`, `edge line-edge`, `ingest`, `store`.
        state: see HopState.
        queue_depth: messages waiting at this hop; None where it has no queue.
        queue_limit: bound of that queue.
        lag_s: age of the newest value that passed, in seconds; None where nothing has passed yet.
        error, remedy: last error in words and what to do; empty where there is none.
    """

    name: str
    state: HopState
    queue_depth: int | None = None
    queue_limit: int | None = None
    lag_s: float | None = None
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class EdgeStatus:
    """One edge agent as the gateway sees it (and, where it is one of ours, as it says itself).

    Attributes:
        online: between NBIRTH and NDEATH.
        devices: device ids, True where the device is online.
        epoch, acknowledged: log epoch and stored LSNs as closed intervals; None and empty for foreign nodes.
        last_lsn: highest LSN seen; backlog is what the edge says it still holds (metric Delivery/backlog), in messages.
        dropped: values its gaps declared as lost, where they were counted.
        clock_skew_s: clock of the edge minus clock of the gateway.
        messages, samples, duplicates: counters since the gateway started.
        rebirths: rebirths asked for since the gateway started.
    """

    edge: EdgeKey
    online: bool
    devices: dict[str, bool]
    epoch: int | None
    acknowledged: Sequence[tuple[int, int]]
    last_lsn: int | None
    backlog: int | None
    dropped: int
    clock_skew_s: float | None
    messages: int
    samples: int
    duplicates: int
    rebirths: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Delivery from edges to the store, and the import of a history; None where there is none."""

    edges: Sequence[EdgeStatus]
    quarantined: int
    stored_samples: int
    stored_batches: int
    hold: bool
    store: str
    history: BackfillStatus | None = None


class View(Protocol):
    """Reading side of a running gateway; every method that does not say otherwise never blocks."""

    @property
    def reader(self) -> SampleReader:
        """Stored samples; its methods block, so call them in a thread."""

    def waveforms(self, series: str, start_ns: int, end_ns: int, limit: int) -> Sequence[WaveformEntry]:
        """Return the stored waveforms of a series (path) in [start_ns, end_ns), newest first; call it in a thread."""

    def waveform(self, series: str, at_ns: int) -> KeptWaveform | None:
        """Return the newest waveform of a series (path) that is not later than `at_ns`; call it in a thread."""

    def catalogue(self) -> Sequence[Series]:
        """Return every known series, by path."""

    def latest(self) -> Sequence[LatestValue]:
        """Return the newest value of every series that has one."""

    def hops(self) -> Sequence[Hop]:
        """Return the data path, from edges to store, in order."""

    def pipeline(self) -> Pipeline:
        """Return the state of delivery."""

    def changes(self) -> AsyncIterator[Sequence[LatestValue]]:
        """Yield the series whose latest value changed since the last yield, at most ten times a second.

        A slow consumer gets fewer, larger steps, never a growing queue.
        """
