"""A store that writes to DuckDB and reads back through a gateway's HTTP API, for the reading part of the contract."""

import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import uvicorn

from gateway.api.application import create_api
from gateway.state.waveforms import KeptWaveform, WaveformEntry
from gateway.store.base import SampleReader, Series
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from gateway.store.remote import RemoteStore
from gateway.view import Hop, LatestValue, Pipeline
from tests import servers


class RemoteBackedStore:
    """Writes to a DuckDB file; every reading method goes over HTTP."""

    def __init__(self, path: Path, gateway: "GatewayServer") -> None:
        store = DuckDbStore(DuckDbConfig(path=path, retention_days=None))
        self._store, self._remote = store, RemoteStore(gateway.url)
        self.load, self.write, self.maintain = store.load, store.write, store.maintain
        remote = self._remote
        self.series, self.raw, self.several, self.count = remote.series, remote.raw, remote.several, remote.count
        self.buckets, self.gaps = remote.buckets, remote.gaps
        gateway.view.store = store

    def close(self) -> None:
        """Close both sides."""
        self._remote.close()
        self._store.close()


class StoreView:
    """The least a view needs for the routes over stored samples."""

    store: SampleReader

    @property
    def reader(self) -> SampleReader:
        """The store of the test that runs."""
        return self.store

    def waveforms(self, series: str, start_ns: int, end_ns: int, limit: int) -> Sequence[WaveformEntry]:
        """Nothing."""
        return ()

    def waveform(self, series: str, at_ns: int) -> KeptWaveform | None:
        """Nothing."""
        return None

    def catalogue(self) -> Sequence[Series]:
        """Series of the store."""
        return self.store.series()

    def latest(self) -> Sequence[LatestValue]:
        """Nothing."""
        return ()

    def hops(self) -> Sequence[Hop]:
        """Nothing."""
        return ()

    def pipeline(self) -> Pipeline:
        """Nothing."""
        return Pipeline((), 0, 0, 0, hold=False, store="duckdb")

    async def changes(self) -> AsyncIterator[Sequence[LatestValue]]:
        """Nothing, ever."""
        nothing: Sequence[Sequence[LatestValue]] = ()
        for change in nothing:
            yield change


class GatewayServer:
    """The API on a port of its own, served by uvicorn in a thread."""

    def __init__(self) -> None:
        self.view = StoreView()
        self.port = servers.find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(create_api(self.view), host="127.0.0.1", port=self.port, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._thread.start()
        servers.eventually(lambda: self._server.started)

    def stop(self) -> None:
        """End serving."""
        self._server.should_exit = True
        self._thread.join(10)
