"""Fixtures of the gateway: a data path, and its API over a plant whose state the test sets, behind a real server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from gateway.api.application import create_api
from tests.gateway.bench import Bench, running
from tests.gateway.plant import Plant, bottling_series


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve an app on a port of the loopback; gives its address."""
    config = uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="server under test", daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start within 20 s"
        time.sleep(0.01)
    number = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{number}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A data path that is fed by hand."""
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """A bottling line with ten minutes of history, one sample a second."""
    now_ns = time.time_ns()
    plant = Plant(tmp_path / "plant.duckdb", bottling_series(), now_ns)
    plant.write_history(now_ns, 600, 1.0)
    yield plant
    plant.store.close()


@pytest.fixture
def address(plant: Plant) -> Iterator[str]:
    """Address of the API over the plant."""
    with serving(create_api(plant)) as url:
        yield url


@pytest.fixture
def api(address: str) -> Iterator[httpx.Client]:
    """Client of the API over the plant."""
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client
