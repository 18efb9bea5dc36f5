"""The gateway as a process and a durable edge node, behind real brokers."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.log import LogConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.node import EdgeNode
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.publisher import NodeIdentity
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import DeclaredGap
from gateway.store.config import DuckDbConfig
from gateway.store.open import open_store
from tests.gateway.gateway_process import GatewayProcess
from tests.servers import Server, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
FLOW = Declaration("MIX-10", "flow", DataType.DOUBLE, Origin.SIMULATED)


class Line:
    """An edge node with one signal; `values` are those handed over, by source time."""

    def __init__(self, port: int, log: Path) -> None:
        self.values: dict[int, float] = {}
        self._newest_ns = 0
        self._flushed_ns = 0
        self.node = EdgeNode(
            NodeIdentity("showroom", "line-edge", "showroom-gateway"),
            BrokerConfig(port=port, reconnect_max_s=0.5),
            LogConfig(path=log, resend_after_s=0.5),
            longest_delay_ns={"line": 1_000_000_000},
            on_failure=pytest.fail,
        )
        self.node.start()
        (self._number,) = self.node.declare("line", [FLOW])

    def produce(self, count: int) -> None:
        """Hand over so many values, ten a flush."""
        for _ in range(count // 10):
            batch: list[ReportedValue] = []
            for _ in range(10):
                self._newest_ns = max(time.time_ns() // 1_000 * 1_000, self._newest_ns + 1_000)  # OPC UA has 100 ns
                self.values[self._newest_ns] = float(len(self.values)) + 0.25
                batch.append((self._number, self._newest_ns, self.values[self._newest_ns], Quality.GOOD))
            self._flushed_ns = time.time_ns()
            self.node.flush(self._flushed_ns, [("line", batch)])
            time.sleep(0.005)  # the pace of a source

    def is_empty(self) -> bool:
        """Whether everything that was handed over is logged, acknowledged and deleted."""
        return self.node.logged_until_ns >= self._flushed_ns and self.node.backlog == 0


@pytest.fixture
def gateway(broker: Server, tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path, broker.port)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()


def stored(gateway: GatewayProcess) -> tuple[list[tuple[int, float]], list[DeclaredGap]]:
    store = open_store(DuckDbConfig(path=gateway.folder / "samples.duckdb"))
    try:
        store.load()
        (number,) = (series.number for series in store.series() if series.key.metric == "flow")
        samples = store.raw(number, 0, 2**62, 1_000_000)
        rows = zip(samples.time_ns.tolist(), samples.number.tolist(), samples.quality.tolist(), strict=True)
        return [(at_ns, value) for at_ns, value, quality in rows if quality == Quality.GOOD], list(store.gaps(0, 2**62))
    finally:
        store.close()


def test_every_value_arrives_once_over_kills_of_gateway_and_broker(
    broker: Server, gateway: GatewayProcess, tmp_path: Path
) -> None:
    """Whatever is killed meanwhile, each value handed to the edge node is stored once, at its time, and no gap."""
    line = Line(broker.port, tmp_path / "edge.log.db")
    try:
        line.produce(500)
        gateway.kill()
        line.produce(500)
        gateway.start()
        line.produce(500)
        broker.kill()
        line.produce(500)
        broker.start()
        eventually(lambda: gateway.hop("broker") == "ok", timeout_s=60)
        line.produce(500)
        gateway.kill()
        gateway.start()
        line.produce(500)
        eventually(line.is_empty, timeout_s=60)
    finally:
        line.node.stop()
    gateway.stop()
    rows, gaps = stored(gateway)
    assert rows == sorted(line.values.items())
    assert gaps == []


def test_a_log_that_was_deleted_is_one_declared_gap(broker: Server, gateway: GatewayProcess, tmp_path: Path) -> None:
    """An edge that comes back with a new log leaves one gap, which holds none of the stored values."""
    line = Line(broker.port, tmp_path / "edge.log.db")
    line.produce(100)
    eventually(line.is_empty, timeout_s=60)
    line.node.stop()
    for file in tmp_path.glob("edge.log.db*"):
        file.unlink()
    renewed = Line(broker.port, tmp_path / "edge.log.db")
    renewed.produce(100)
    eventually(renewed.is_empty, timeout_s=60)
    renewed.produce(10)  # live ones: the loss is decided when everything that came before them is stored
    eventually(renewed.is_empty, timeout_s=60)
    renewed.node.stop()
    gateway.stop()
    rows, gaps = stored(gateway)
    assert rows == sorted({**line.values, **renewed.values}.items())
    (gap,) = [declared.gap for declared in gaps if declared.gap.cause == "epoch_changed"]
    assert (gap.from_ns, gap.to_ns) == (max(line.values), min(renewed.values))


@pytest.mark.parametrize(("offline", "meanwhile"), [(False, 300), (True, 30)])
def test_an_older_copy_of_a_log_loses_and_doubles_nothing(
    broker: Server, gateway: GatewayProcess, tmp_path: Path, offline: bool, meanwhile: int
) -> None:
    """A log put back from a backup gives its numbers again: what it logs under them is stored all the same, once."""
    first = Line(broker.port, tmp_path / "edge.log.db")
    first.produce(100)
    eventually(first.is_empty, timeout_s=60)
    first.node.stop()
    copies = {file: file.read_bytes() for file in tmp_path.glob("edge.log.db*")}
    second = Line(broker.port, tmp_path / "edge.log.db")
    second.produce(meanwhile)
    eventually(second.is_empty, timeout_s=60)
    second.node.stop()
    for file in tmp_path.glob("edge.log.db*"):
        file.unlink()
    for file, content in copies.items():
        file.write_bytes(content)
    if offline:
        gateway.kill()
    third = Line(broker.port, tmp_path / "edge.log.db")
    third.produce(200)
    if offline:
        gateway.start()
    third.produce(100)
    eventually(third.is_empty, timeout_s=60)
    third.produce(10)
    eventually(third.is_empty, timeout_s=60)
    third.node.stop()
    gateway.stop()
    rows, gaps = stored(gateway)
    assert rows == sorted({**first.values, **second.values, **third.values}.items())
    lost = [declared.gap for declared in gaps if declared.gap.cause == "log_lost"]
    assert [(gap.from_ns, gap.to_ns) for gap in lost] == [(max(second.values), min(third.values))]
    assert {declared.gap.cause for declared in gaps} == {"log_lost", "edge_down"}
