"""Every store behind one way to open it, so that each test of the contract runs over all of them."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from gateway.store.base import RejectedSamples, Store
from gateway.store.config import DuckDbConfig, InfluxConfig, open_store
from gateway.store.influx import InfluxClient
from tests import servers

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


@pytest.fixture(params=["duckdb", pytest.param("influx", marks=pytest.mark.servers)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStores]:
    """Each store in turn, empty."""
    config: DuckDbConfig | InfluxConfig = DuckDbConfig(path=tmp_path / "store.duckdb", retention_days=None)
    if request.param == "influx":
        url = request.getfixturevalue("shared_influxd").url
        bucket = f"db{next(_numbers)}"
        config = InfluxConfig(
            type="influx", url=url, api="v1", bucket=bucket, ledger=tmp_path / "influx.db", retention_days=None
        )
        client = InfluxClient(config)
        client.initialise()
        client.close()
    opened = OpenedStores(lambda: open_store(config))
    yield opened
    opened.close()
