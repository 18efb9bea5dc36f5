"""Fixtures for all tests: real servers on free ports, ended with the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tests import servers
from tests.servers import Server

settings.register_profile("unhurried", deadline=None)  # a loaded machine is no failure
settings.load_profile("unhurried")


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    return servers.find_free_port()


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _folder(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


@pytest.fixture
def nats_broker(tmp_path: Path) -> Iterator[Server]:
    """The embedded broker, anonymous."""
    with _running(servers.nats(_folder(tmp_path, "nats"), servers.find_free_port())) as server:
        yield server


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[Server]:
    """Mosquitto, anonymous."""
    with _running(servers.mosquitto(_folder(tmp_path, "mosquitto"), servers.find_free_port())) as server:
        yield server


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Server:
    """Each broker in turn, anonymous; it may be killed, frozen and started again."""
    server: Server = request.getfixturevalue(f"{request.param}_broker")
    return server


@dataclass(frozen=True)
class Influx:
    """A running InfluxDB 1.6 and its administrator; both texts are empty where it asks for none."""

    server: Server
    username: str = ""
    password: str = ""

    @property
    def url(self) -> str:
        """Base address."""
        return self.server.url


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influx]:
    """InfluxDB 1.6 without authentication."""
    ports = servers.find_free_port(), servers.find_free_port()
    with _running(servers.influxdb(_folder(tmp_path, "influx"), *ports, authentication=False)) as server:
        yield Influx(server)


@pytest.fixture
def influxd_auth(tmp_path: Path) -> Iterator[Influx]:
    """InfluxDB 1.6 that asks for a user; the administrator exists."""
    ports = servers.find_free_port(), servers.find_free_port()
    with _running(servers.influxdb(_folder(tmp_path, "influx-auth"), *ports, authentication=True)) as server:
        influx = Influx(server, "admin", "only-in-this-test")
        servers.query_influx(
            influx.url, f"CREATE USER {influx.username} WITH PASSWORD '{influx.password}' WITH ALL PRIVILEGES"
        )
        yield influx


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[Server]:
    """VictoriaMetrics, which accepts writes of the InfluxDB v2 API."""
    with _running(servers.victoria(_folder(tmp_path, "victoria"), servers.find_free_port())) as server:
        yield server
