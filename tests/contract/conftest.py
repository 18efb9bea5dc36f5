"""Every store behind one way to open it, so that each test of the contract runs over all of them."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from gateway.store.base import RejectedSamples, Store
from gateway.store.config import DuckDbConfig, InfluxConfig
from gateway.store.influx import InfluxClient
from gateway.store.open import open_store
from tests import servers
from tests.contract.remote import GatewayServer, RemoteBackedStore

Opener = Callable[[], Store]
_numbers = count(1)


class OpenedStores:
    """Opens one store again and again on the same stored state, and closes what a test leaves open."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._open: Store | None = None
        self.rejected: list[RejectedSamples] = []

    def open(self) -> Store:
        """Open the store, closing it first where it is open."""
        self.close()
        self._open = self._opener()
        return self._open

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open.close()
            self._open = None


@pytest.fixture(scope="session")
def shared_influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """One InfluxDB 1.6 for all tests of the contract; each test has databases of its own."""
    server = servers.influxdb(
        tmp_path_factory.mktemp("influx"), servers.find_free_port(), servers.find_free_port(), authentication=False
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_gateway() -> Iterator[GatewayServer]:
    """One HTTP API for all tests of the contract."""
    gateway = GatewayServer()
    gateway.start()
    yield gateway
    gateway.stop()


def duckdb_opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Return what opens a DuckDB file."""
    config = DuckDbConfig(path=tmp_path / "store.duckdb", retention_days=None)
    return lambda: open_store(config)


def influx_config(request: pytest.FixtureRequest, tmp_path: Path) -> InfluxConfig:
    """Create databases in the shared InfluxDB and return what opens them."""
    url = request.getfixturevalue("shared_influxd").url
    ledger = tmp_path / "influx.db"
    config = InfluxConfig(
        type="influx", url=url, api="v1", bucket=f"db{next(_numbers)}", ledger=ledger, retention_days=None
    )
    client = InfluxClient(config)
    client.initialise()
    client.close()
    return config


def influx_opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Return what opens databases of their own in the shared InfluxDB."""
    config = influx_config(request, tmp_path)
    return lambda: open_store(config)


def remote_opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Return what opens a DuckDB file that is read over HTTP."""
    gateway = request.getfixturevalue("shared_gateway")
    return lambda: RemoteBackedStore(tmp_path / "store.duckdb", gateway)


OPENERS = {"duckdb": duckdb_opener, "influx": influx_opener, "remote": remote_opener}


@pytest.fixture(params=["duckdb", pytest.param("influx", marks=pytest.mark.servers), "remote"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStores]:
    """Each store in turn, empty."""
    opened = OpenedStores(OPENERS[request.param](request, tmp_path))
    yield opened
    opened.close()
