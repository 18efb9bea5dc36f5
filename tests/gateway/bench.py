"""A data path from bytes to an embedded store, for tests of the gateway, without a broker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.sparkplug.delivery import ACK, Acknowledgement
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.payload import decode
from gateway.config import GatewaySettings
from gateway.pipeline import DataPath
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine, QuarantineEntry
from gateway.state.waveforms import Waveforms
from gateway.store.base import EdgeKey, Reject, Samples, Store, StoreUnavailableError, WriteBatch
from gateway.store.config import DuckDbConfig
from gateway.store.open import open_store
from tests.gateway.wire import T0_MS, Wire, WireEdge

EDGE = EdgeKey("showroom", "line-edge")
FAR_NS = 2**62
FLOW = {"flow": (DataType.DOUBLE, 1.0)}


class Bench:
    """A data path over an embedded store, what it sent to the edges, and what was stored when it did."""

    def __init__(self, folder: Path, settings: GatewaySettings | None = None) -> None:
        self.store: Store = open_store(DuckDbConfig(path=folder / "samples.duckdb"))
        self.failing: StoreUnavailableError | None = None
        self.defect: Callable[[WriteBatch], None] | None = None
        """Called before each write; what it raises stands for a way to fail that no store names."""
        self.quarantine = Quarantine.open(folder / "quarantine.db")
        self.open_losses = OpenLosses(folder / "gateway.db")
        self.waveforms = Waveforms(folder / "waveforms.db", max_bytes=1_000_000)
        self.acknowledged: list[tuple[Acknowledgement, int]] = []
        self.rebirths = 0
        known = self.store.load()
        self._write = self.store.write
        self.store.write = self._write_unless_failing  # type: ignore[method-assign]
        self.path = DataPath(
            settings or GatewaySettings(),
            self.store,
            known,
            self.quarantine,
            self.open_losses,
            self.waveforms,
            self._publish,
        )

    def _write_unless_failing(self, batch: WriteBatch, reject: Reject) -> None:
        if self.failing is not None:
            raise self.failing
        if self.defect is not None:
            self.defect(batch)
        self._write(batch, reject)

    def _publish(self, topic: str, payload: bytes) -> bool:
        (metric,) = decode(payload).metrics
        if metric.name == ACK:
            rows = sum(self.store.count(series.number, 0, FAR_NS) for series in self.store.series())
            self.acknowledged.append((Acknowledgement.from_json(str(metric.value)), rows))
        else:
            self.rebirths += 1
        return True

    def take(self, *messages: Wire) -> None:
        for topic, payload in messages:
            self.path.receive(topic, payload)

    def lsns(self) -> IntervalSet:
        known = IntervalSet()
        for said, _ in self.acknowledged:
            known.update(said.stored)
        return known

    def rows(self, metric: str = "flow") -> Samples:
        (number,) = (series.number for series in self.store.series() if series.key.metric == metric)
        return self.store.raw(number, 0, FAR_NS, 1_000_000)

    def entries(self) -> list[QuarantineEntry]:
        return list(self.quarantine.list())

    def close(self) -> None:
        self.path.stop()
        self.store.close()
        self.quarantine.close()
        self.open_losses.close()
        self.waveforms.close()


@contextmanager
def running(folder: Path, settings: GatewaySettings | None = None) -> Iterator[Bench]:
    bench = Bench(folder, settings)
    bench.path.start()
    try:
        yield bench
    finally:
        bench.close()


def begin(bench: Bench, edge: WireEdge) -> None:
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", FLOW))


def flow(edge: WireEdge, number: int, *, lsn: int | None = None, historical: bool = False) -> Wire:
    metric = edge.number("MIX-10", "flow", float(number), T0_MS + number)
    return edge.data("MIX-10", [metric], lsn=lsn, historical=historical)


def flows(edge: WireEdge, lsn: int, *, historical: bool = False) -> Wire:
    """A message of 200 values."""
    numbers = range(200 * lsn, 200 * (lsn + 1))
    metrics = [edge.number("MIX-10", "flow", float(number), T0_MS + number) for number in numbers]
    return edge.data("MIX-10", metrics, lsn=lsn, historical=historical)
