"""Throughput of the gateway: bytes of messages in, decoded, checked and stored samples out (docs/performance.md)."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sparkplug.delivery import BD_SEQ, EPOCH, FIRST_LSN, LSN
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import Payload, encode
from edge_agent.sparkplug.schema import PayloadMessage
from edge_agent.sparkplug.topic import MessageType, Topic
from gateway.config import GatewaySettings
from gateway.pipeline import DataPath
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import Waveforms
from gateway.store.base import Store
from gateway.store.config import DuckDbConfig, InfluxConfig
from gateway.store.influx import InfluxClient
from gateway.store.open import open_store
from tests import servers
from tests.benchmarks.figures import Figure, median_of
from tests.benchmarks.processes import CpuMeter

GROUP, NODE, DEVICE = "bench", "edge", "unit"
LSN_ALIAS = 1
BEGIN_MS = 1_790_000_000_000
RUNS = 3


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered: messages of `metrics` doubles each, every value with a time of its own."""

    messages: int
    metrics: int
    sub_ms: bool = False
    """Whether every value carries the nanosecond property, as values of a real OPC UA server do."""


def births(series: int) -> list[tuple[str, bytes]]:
    """Return NBIRTH and DBIRTH of one device with so many signals."""
    node = [
        Metric(BD_SEQ, DataType.INT64, 0, BEGIN_MS),
        Metric(EPOCH, DataType.UINT64, 7, BEGIN_MS),
        Metric(FIRST_LSN, DataType.UINT64, 1, BEGIN_MS),
    ]
    device = [Metric(LSN, DataType.UINT64, None, BEGIN_MS, alias=LSN_ALIAS)]
    device += [
        Metric(f"signal_{number}", DataType.DOUBLE, 0.0, BEGIN_MS, alias=LSN_ALIAS + 1 + number)
        for number in range(series)
    ]
    return [
        (str(Topic(GROUP, MessageType.NBIRTH, NODE)), encode(Payload(BEGIN_MS, node, seq=0))),
        (str(Topic(GROUP, MessageType.DBIRTH, NODE, DEVICE)), encode(Payload(BEGIN_MS, device, seq=1))),
    ]


def data_messages(load: Load) -> Iterator[bytes]:
    """Yield the DDATA payloads, sequence numbers following the births."""
    for number in range(load.messages):
        message = PayloadMessage()
        message.timestamp = BEGIN_MS + number
        message.seq = (number + 2) % 256
        metric = message.metrics.add()
        metric.alias, metric.timestamp, metric.datatype = LSN_ALIAS, BEGIN_MS + number, DataType.UINT64
        metric.long_value = number + 1
        for signal in range(load.metrics):
            metric = message.metrics.add()
            metric.alias = LSN_ALIAS + 1 + signal
            metric.timestamp = BEGIN_MS + number
            metric.datatype = DataType.DOUBLE
            metric.double_value = number * 0.25 + signal
            if load.sub_ms:
                metric.properties.keys.append("ns")
                entry = metric.properties.values.add()
                entry.type, entry.int_value = DataType.UINT32, 1 + (number + signal) % 999_999
        yield message.SerializeToString()


@contextmanager
def _data_path(store: Store, folder: Path) -> Iterator[DataPath]:
    settings = GatewaySettings(state=folder / "gateway.db", quarantine=folder / "quarantine.db")
    quarantine = Quarantine.open(settings.quarantine, max_bytes=settings.quarantine_max_bytes)
    losses = OpenLosses(settings.state)
    waveforms = Waveforms(folder / "waveforms.db", max_bytes=settings.waveforms_max_bytes)
    path = DataPath(settings, store, store.load(), quarantine, losses, waveforms, lambda _topic, _payload: True)
    path.start()
    try:
        yield path
    finally:
        path.stop()
        store.close()
        quarantine.close()
        losses.close()
        waveforms.close()


def _rate(store: Store, folder: Path, load: Load, payloads: Sequence[bytes]) -> float:
    """Feed all messages as fast as they are taken; return samples/s until the last one is stored."""
    topic = str(Topic(GROUP, MessageType.DDATA, NODE, DEVICE))
    offered = load.messages * load.metrics
    with _data_path(store, folder) as path:
        for birth_topic, payload in births(load.metrics):
            path.receive(birth_topic, payload)
        begin = time.perf_counter()
        for payload in payloads:
            while path.inbox.fill() > 0.5:
                time.sleep(0.001)  # the network thread would be slowed by TCP just so
            path.receive(topic, payload)
        while path.writer.health.samples < offered:
            time.sleep(0.001)
            if time.perf_counter() - begin > 300:
                raise TimeoutError(f"{path.writer.health.samples} of {offered} samples stored: {path.writer.health}")
        elapsed = time.perf_counter() - begin
        assert path.writer.quarantined == 0, "the load was refused"
    return offered / elapsed


def _duckdb_rate(load: Load, payloads: Sequence[bytes]) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return _rate(
            open_store(DuckDbConfig(path=folder / "bench.duckdb", retention_days=None)), folder, load, payloads
        )


@dataclass(frozen=True, slots=True)
class InfluxRun:
    """One run into InfluxDB.

    Attributes:
        rate: samples/s.
        gateway_us, server_us: CPU time a sample.
        cpu: who had the cores, in words.
    """

    rate: float
    gateway_us: float
    server_us: float
    cpu: str


def _influx_run(load: Load, payloads: Sequence[bytes]) -> InfluxRun:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "influx").mkdir()
        server = servers.influxdb(
            folder / "influx", servers.find_free_port(), servers.find_free_port(), authentication=False
        )
        server.start()
        try:
            config = InfluxConfig(
                type="influx",
                retention_days=None,
                url=server.url,
                api="v1",
                bucket="bench",
                ledger=folder / "ledger.db",
            )
            with closing(InfluxClient(config)) as influx:
                influx.initialise()
            assert server.process is not None
            meter = CpuMeter([os.getpid(), server.process.pid])
            rate = _rate(open_store(config), folder, load, payloads)
            account = meter.account()
            gateway_us, server_us = (1e6 * used_s / (load.messages * load.metrics) for used_s in account.used_s)
            return InfluxRun(rate, gateway_us, server_us, account.in_words())
        finally:
            server.stop()


def _influx_figures(load: Load, payloads: Sequence[bytes], conditions: str) -> Sequence[Figure]:
    """The rate, and the CPU time that explains it: server and gateway share the cores of this machine."""
    runs = sorted((_influx_run(load, payloads) for _ in range(RUNS)), key=lambda run: run.rate)
    middle = runs[len(runs) // 2]
    spread = f"median of {RUNS}, {runs[0].rate:,.4g} to {runs[-1].rate:,.4g}; in the median run {middle.cpu}"
    same = "of the run with the median rate, user and system time"
    return [
        Figure("ingest into InfluxDB 1.6.7", middle.rate, "samples/s", 150_000, conditions=f"{conditions}; {spread}"),
        Figure("CPU of the gateway for one sample into InfluxDB", middle.gateway_us, "us", conditions=same),
        Figure("CPU of InfluxDB 1.6.7 for one sample", middle.server_us, "us", conditions=same),
    ]


def measure() -> Sequence[Figure]:
    """Return the figures of both stores."""
    wide, single, precise = Load(20_000, 100), Load(100_000, 1), Load(10_000, 100, sub_ms=True)
    where = "in one process, fed from memory by the receiving thread; generator idle while it measures"
    figures = []
    payloads = list(data_messages(wide))
    value, spread = median_of(RUNS, lambda: _duckdb_rate(wide, payloads))
    figures.append(
        Figure(
            "ingest into DuckDB", value, "samples/s", 250_000, conditions=f"100 metrics a message, {where}; {spread}"
        )
    )
    figures += _influx_figures(wide, payloads, f"100 metrics a message, server on the same machine, {where}")
    payloads = list(data_messages(precise))
    value, spread = median_of(RUNS, lambda: _duckdb_rate(precise, payloads))
    figures.append(
        Figure(
            "ingest into DuckDB, times finer than 1 ms",
            value,
            "samples/s",
            conditions=f"100 metrics a message, each with its nanoseconds, {where}; {spread}",
        )
    )
    payloads = list(data_messages(single))
    value, spread = median_of(RUNS, lambda: _duckdb_rate(single, payloads))
    figures.append(
        Figure("messages into DuckDB", value, "messages/s", 20_000, conditions=f"1 metric a message, {where}; {spread}")
    )
    return figures
