"""The gateway without its web face: starts and stops the data path and shows its state (`gateway.view.View`)."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import time_ns

from gateway.catalogue import Site
from gateway.config import GatewayConfig
from gateway.pipeline import DataPath, Uplink
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import KeptWaveform, WaveformEntry, Waveforms
from gateway.status import broker_hop, edge_hops, edge_status, file_hops, history_hops, ingest_hop, store_hop
from gateway.store.base import SampleReader, Series, Store, StoreUnavailableError
from gateway.store.open import open_store
from gateway.traffic import EdgeTraffic
from gateway.view import Hop, HopState, LatestValue, Pipeline

log = logging.getLogger(__name__)

STREAM_INTERVAL_S = 0.1
LOAD_RETRY_S = 5.0


class Gateway:
    """One gateway. Building it opens nothing; `start` and `stop` frame its life; implements `View`.

    Until the store has answered once, the gateway does not announce itself to the edges: without the received LSNs and
    the numbers of the series nothing could be stored. Edges keep their data meanwhile.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._store: Store = open_store(config.store)
        self._uplink = Uplink(config.broker, config.gateway.host_id)
        self._path: DataPath | None = None
        self._quarantine: Quarantine | None = None
        self._open_losses: OpenLosses | None = None
        self._waveforms: Waveforms | None = None
        self._load_error: StoreUnavailableError | None = None
        self._stopping = Event()
        self._loader: Thread | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Open the files, load what the store knows, connect. Returns at once where the store is away.

        Raises DatabaseFormatError or sqlite3.OperationalError where a file of the gateway cannot be used.
        """
        settings = self._config.gateway
        self._quarantine = Quarantine.open(settings.quarantine, max_bytes=settings.quarantine_max_bytes)
        self._open_losses = OpenLosses(settings.state)
        self._waveforms = Waveforms(settings.waveforms, max_bytes=settings.waveforms_max_bytes)
        files = self._quarantine, self._open_losses, self._waveforms
        if not self._load(*files):
            self._loader = Thread(target=self._load_later, args=files, name="gateway-load", daemon=True)
            self._loader.start()

    def stop(self) -> None:
        """Disconnect, store and acknowledge what waits, close the files."""
        self._stopping.set()
        if self._loader is not None:
            self._loader.join()
        if self._path is not None:
            self._path.stop()
            self._uplink.stop()
        self._store.close()
        for file in (self._quarantine, self._open_losses, self._waveforms):
            if file is not None:
                file.close()

    def _load(self, quarantine: Quarantine, losses: OpenLosses, waveforms: Waveforms) -> bool:
        try:
            known = self._store.load()
        except StoreUnavailableError as error:
            if self._load_error is None:
                log.warning("store: not there (%s); edges keep their data; %s", error, error.remedy)
            self._load_error = error
            return False
        backfill = self._config.backfill
        path = DataPath(
            *(self._config.gateway, self._store, known, quarantine, losses, waveforms, self._uplink.publish),
            history=None if backfill is None else backfill.folder,
        )
        path.start()
        self._uplink.start(path)
        self._path, self._load_error = path, None
        return True

    def _load_later(self, quarantine: Quarantine, losses: OpenLosses, waveforms: Waveforms) -> None:
        while not self._stopping.wait(LOAD_RETRY_S):
            if self._load(quarantine, losses, waveforms):
                log.info("store: is there")
                return

    @property
    def reader(self) -> SampleReader:
        """Stored samples; its methods block, so call them in a thread."""
        return self._store

    def waveforms(self, series: str, start_ns: int, end_ns: int, limit: int) -> Sequence[WaveformEntry]:
        """Return the stored waveforms of a series in [start_ns, end_ns), newest first; it blocks."""
        return () if self._waveforms is None else self._waveforms.list(series, start_ns, end_ns, limit)

    def waveform(self, series: str, at_ns: int) -> KeptWaveform | None:
        """Return the newest waveform of a series that is not later than `at_ns`; it blocks."""
        return None if self._waveforms is None else self._waveforms.get(series, at_ns)

    def catalogue(self) -> Sequence[Series]:
        """Return every known series, by path."""
        return self._path.catalogue.all() if self._path is not None else ()

    def tree(self) -> Sequence[Site]:
        """Return the known series as site -> edge agent -> work unit -> signals."""
        return self._path.catalogue.tree() if self._path is not None else ()

    def latest(self) -> Sequence[LatestValue]:
        """Return the newest value of every series that has one."""
        return self._path.latest.snapshot() if self._path is not None else ()

    async def changes(self) -> AsyncIterator[Sequence[LatestValue]]:
        """Yield the series whose latest value changed since the last yield, at most ten times a second.

        The consumer holds a version number and nothing else, so a slow one gets larger steps, never a growing queue.
        """
        version = self._path.latest.since(0)[0] if self._path is not None else 0
        while True:
            await asyncio.sleep(STREAM_INTERVAL_S)
            if self._path is None:
                continue
            version, changed = self._path.latest.since(version)
            if changed:
                yield changed

    def hops(self) -> Sequence[Hop]:
        """Return the data path, from edges to store, in order."""
        path, broker = self._path, self._config.broker
        if path is None:
            error = self._load_error
            state = HopState.FAILED if error is not None else HopState.WAITING
            return [Hop("store", state, error=str(error or ""), remedy=error.remedy if error is not None else "")]
        now_ns = time_ns()
        hops: list[Hop] = []
        for edge, node in sorted(path.session.nodes.copy().items(), key=lambda item: str(item[0])):
            hops.extend(edge_hops(node, path.receiver.traffic.get(edge) or EdgeTraffic(), now_ns))
        connected = self._uplink.client.connected
        hops.append(
            broker_hop(
                f"{broker.host}:{broker.port}",
                connected=connected,
                error=self._uplink.client.last_error,
                expiring=broker.expiring(datetime.now(UTC)),
            )
        )
        holding = path.acknowledgements.hold
        hops.append(ingest_hop(path.inbox.depth(), path.inbox.fill(), holding=holding))
        hops.append(store_hop(path.writer.health, now_ns))
        hops.extend(file_hops(path.writer.health))
        if path.backfill is not None:
            hops.extend(history_hops(path.backfill.status))
        return hops

    def pipeline(self) -> Pipeline:
        """Return the state of delivery."""
        path, store = self._path, self._config.store.type
        if path is None:
            return Pipeline([], 0, 0, 0, hold=True, store=store)
        edges = []
        for edge, node in sorted(path.session.nodes.copy().items(), key=lambda item: str(item[0])):
            stored = path.receipts.stored((edge, node.epoch or 0))
            edges.append(edge_status(node, path.receiver.traffic.get(edge) or EdgeTraffic(), stored))
        health = path.writer.health
        return Pipeline(
            edges,
            path.writer.quarantined,
            health.samples,
            health.batches,
            path.acknowledgements.hold,
            store,
            None if path.backfill is None else path.backfill.status,
        )
