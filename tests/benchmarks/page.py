"""Rates of a whole gateway process behind a real broker, with and without a page open."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread

import httpx
import psutil
from websockets.sync.client import connect

from tests import servers
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import cpu_seconds
from tests.faults.api import GatewayApi
from tests.faults.child import Child

METRICS = 100
SETTLE_S, MEASURE_S = 4.0, 10.0

_GATEWAY = """
[gateway]
host_id = "bench-gateway"
http_port = {http}
[broker]
port = {broker}
[store]
type = "duckdb"
path = "bench.duckdb"
"""


class _Page:
    """What a browser does that has the page open: loads it once, then listens to the live stream."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._closing = Event()
        self._thread = Thread(target=self._listen, daemon=True)
        self.frames = 0
        self.longest_s = 0.0

    def open(self) -> None:
        """Load the page and begin to listen."""
        httpx.get(f"http://127.0.0.1:{self._port}/", trust_env=False, timeout=30).raise_for_status()
        self._thread.start()

    def close(self) -> None:
        """Leave."""
        self._closing.set()
        self._thread.join(10)

    def _listen(self) -> None:
        with connect(f"ws://127.0.0.1:{self._port}/api/v1/stream", max_size=None) as stream:
            last_s = time.monotonic()
            while not self._closing.is_set():
                stream.recv(timeout=30)
                self.frames += 1
                now_s = time.monotonic()
                self.longest_s, last_s = max(self.longest_s, now_s - last_s), now_s


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[tuple[int, Child, Child]]:
    """A broker, a gateway and a publisher; yields the port of the gateway, and both processes."""
    (folder / "nats").mkdir()
    broker = servers.nats(folder / "nats", servers.find_free_port())
    broker.start()
    http = servers.find_free_port()
    (folder / "gateway.toml").write_text(_GATEWAY.format(http=http, broker=broker.port), encoding="utf-8")
    api = GatewayApi(http)
    gateway = Child.python("gateway", ["gateway", "--config", "gateway.toml"], folder, api.answers)
    words = ["tests.benchmarks.publisher", "--port", str(broker.port), "--metrics", str(METRICS)]
    publisher = Child.python("publisher", words, folder, lambda: True)
    try:
        gateway.start()
        servers.eventually(lambda: api.hop("broker").get("state") == "ok", 30)
        publisher.start()
        yield http, gateway, publisher
    finally:
        publisher.stop()
        gateway.stop()
        api.close()
        broker.stop()


def _rate(*, page_open: bool) -> tuple[float, str]:
    """Return samples stored a second, and in words what else happened."""
    with tempfile.TemporaryDirectory() as name, _running(Path(name)) as (port, gateway, publisher):
        api, page = GatewayApi(port), _Page(port)
        servers.eventually(lambda: api.pipeline().get("stored_samples", 0) > 0, 30)
        if page_open:
            page.open()
        time.sleep(SETTLE_S)
        processes = [psutil.Process(child.pid) for child in (gateway, publisher)]
        frames, page.longest_s = page.frames, 0.0
        before, rows, began_s = (
            [cpu_seconds(one) for one in processes],
            api.pipeline()["stored_samples"],
            time.monotonic(),
        )
        time.sleep(MEASURE_S)
        stored, elapsed_s = api.pipeline()["stored_samples"] - rows, time.monotonic() - began_s
        used = [(cpu_seconds(one) - cpu) / elapsed_s for one, cpu in zip(processes, before, strict=True)]
        words = f"gateway {used[0]:.0%} of a core, load generator {used[1]:.0%}"
        if page_open:
            words += f"; {(page.frames - frames) / elapsed_s:.1f} live frames/s, longest wait {page.longest_s:.1f} s"
            page.close()
        api.close()
        return stored / elapsed_s, words


def measure() -> Sequence[Figure]:
    """Return the rates without and with a page."""
    where = f"{METRICS} metrics a message, gateway process behind NATS, one machine"
    figures = []
    for page_open, name in ((False, "no page open"), (True, "a page open")):
        rate, words = _rate(page_open=page_open)
        figures.append(Figure(f"ingest over a broker, {name}", rate, "samples/s", conditions=f"{where}; {words}"))
    return figures
