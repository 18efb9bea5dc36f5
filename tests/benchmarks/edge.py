"""Cost and latency of the edge agent: a real OPC UA server, a real broker, the gateway's data path, DuckDB."""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from demo_line.config import APPLICATION_URI
from demo_line.servers.pki import own_certificate as of_server
from edge_agent.sources.opcua.pki import own_certificate as of_client
from edge_agent.sparkplug.client import BrokerConfig
from gateway.config import GatewaySettings
from gateway.pipeline import DataPath, Uplink
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import Waveforms
from gateway.store.base import Reject, WriteBatch
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from tests import servers
from tests.benchmarks.figures import Figure, percentile
from tests.benchmarks.processes import cpu_seconds, pss_bytes
from tests.benchmarks.timed_log import Note
from tests.faults.child import Child

HOST, SITE, EDGE = "bench-gateway", "bench", "bench-edge"
NODES = 1_000
SETTLE_S, MEASURE_S = 5.0, 12.0
RATES = (10_000, 15_000, 20_000)
_NOTES = "log-notes.json"

_EDGE = """
[edge]
group_id = "{site}"
edge_node_id = "{edge}"
primary_host_id = "{host}"
[broker]
port = {broker}
[log]
path = "edge.log.db"
[[sources]]
name = "load"
type = "opcua"
origin = "simulated"
url = "opc.tcp://127.0.0.1:{opcua}/load"
{security}
trigger = "status_value_timestamp"
[[sources.browse]]
root = "nsu=urn:smart-factory-showroom:load;s=Load"
"""
_SECURED = """security = {{ policy = "basic256sha256", mode = "sign_and_encrypt", pki_dir = "{pki}" }}"""
_LOAD = """
[opcua]
security = ["basic256sha256"]
anonymous = true
pki_dir = "pki-load"
"""


class TimedStore(DuckDbStore):
    """The embedded store; notes how old each row is when its commit returns."""

    def __init__(self, config: DuckDbConfig) -> None:
        super().__init__(config)
        self.ages_s: list[float] = []
        self.rows = 0

    def write(self, batch: WriteBatch, reject: Reject) -> None:
        """Store the batch, then look at the clock."""
        super().write(batch, reject)
        now_ns = time.time_ns()
        self.rows += len(batch.samples)
        self.ages_s.extend(((now_ns - batch.samples.time_ns) / 1e9).tolist())


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: rates in values/s, CPU as shares of one core, ages in seconds; `log` only where it was asked for."""

    began_s: float
    elapsed_s: float
    rate: float
    edge_cpu: float
    load_cpu: float
    edge_pss: int
    ages_s: Sequence[float]
    gaps: int
    log: Sequence[Note] = ()

    @property
    def load(self) -> str:
        """What offering the values cost, in words: it shares the machine."""
        return f"load generator {self.load_cpu:.0%} of a core"


@contextmanager
def _gateway(folder: Path, broker: int) -> Iterator[TimedStore]:
    settings = GatewaySettings(host_id=HOST, state=folder / "gateway.db", quarantine=folder / "quarantine.db")
    store = TimedStore(DuckDbConfig(path=folder / "store.duckdb"))
    quarantine = Quarantine.open(settings.quarantine, max_bytes=settings.quarantine_max_bytes)
    losses = OpenLosses(settings.state)
    waveforms = Waveforms(folder / "waveforms.db", max_bytes=settings.waveforms_max_bytes)
    uplink = Uplink(BrokerConfig(port=broker), HOST)
    path = DataPath(settings, store, store.load(), quarantine, losses, waveforms, uplink.publish)
    path.start()
    uplink.start(path)
    try:
        yield store
    finally:
        path.stop()
        uplink.stop()
        store.close()
        quarantine.close()
        losses.close()
        waveforms.close()


def _children(folder: Path, broker: int, rate: int, *, secured: bool, timed: bool) -> tuple[Child, Child]:
    opcua = servers.find_free_port()
    url = f"opc.tcp://127.0.0.1:{opcua}/load"
    words = ["demo_line", "load", "--url", url, "--nodes", str(NODES), "--rate", str(rate), "--wait-subscribers"]
    security = ""
    if secured:
        (folder / "load.toml").write_text(_LOAD, encoding="utf-8")
        words += ["--config", "load.toml"]
        security = _SECURED.format(pki="pki-edge")
        _trust_each_other(folder)
    config = _EDGE.format(site=SITE, edge=EDGE, host=HOST, broker=broker, opcua=opcua, security=security)
    (folder / "edge.toml").write_text(config, encoding="utf-8")
    load = Child.python("load", words, folder, lambda: servers.accepts(opcua))
    program = ["tests.benchmarks.timed_log", _NOTES] if timed else ["edge_agent"]
    edge = Child.python("edge", [*program, "--config", "edge.toml"], folder, lambda: True)
    return load, edge


def _trust_each_other(folder: Path) -> None:
    client = of_client(folder / "pki-edge", "urn:smart-factory-showroom:edge-agent", datetime.now(UTC))
    server = of_server(folder / "pki-load", APPLICATION_URI, "127.0.0.1", datetime.now(UTC))
    (folder / "pki-load" / "trusted").mkdir(parents=True, exist_ok=True)
    (folder / "pki-load" / "trusted" / "edge.der").write_bytes(client.certificate.read_bytes())
    (folder / "pki-edge" / "trusted" / "load.der").write_bytes(server.certificate.read_bytes())


def run(rate: int, *, secured: bool = False, timed: bool = False) -> Measured:
    """Offer `rate` values/s of 1,000 nodes to the whole path and measure it when it has settled.

    `timed` says that the edge notes what each transaction of its log costs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nats").mkdir()
        broker = servers.nats(folder / "nats", servers.find_free_port())
        broker.start()
        load, edge = _children(folder, broker.port, rate, secured=secured, timed=timed)
        try:
            with _gateway(folder, broker.port) as store:
                load.start()
                edge.start(wait=False)
                servers.eventually(lambda: store.rows > rate, 60)
                time.sleep(SETTLE_S)
                measured = _measure(store, edge, load)
                if timed:
                    edge.stop()
                    return replace(measured, log=_notes(folder, measured))
                return measured
        finally:
            edge.stop()
            load.stop()
            broker.stop()


def _measure(store: TimedStore, edge: Child, load: Child) -> Measured:
    processes = psutil.Process(edge.pid), psutil.Process(load.pid)
    store.ages_s.clear()
    rows, began = store.rows, time.monotonic()
    before = [cpu_seconds(process) for process in processes]
    time.sleep(MEASURE_S)
    after = [cpu_seconds(process) for process in processes]
    elapsed = time.monotonic() - began
    stored = store.rows - rows
    return Measured(
        rate=stored / elapsed,
        elapsed_s=elapsed,
        edge_cpu=(after[0] - before[0]) / elapsed,
        load_cpu=(after[1] - before[1]) / elapsed,
        edge_pss=pss_bytes(edge.pid),
        ages_s=list(store.ages_s),
        gaps=len(store.gaps(0, 2**62)),
        began_s=began,
    )


def _notes(folder: Path, measured: Measured) -> Sequence[Note]:
    """Return what the edge noted while it was measured."""
    notes = json.loads((folder / _NOTES).read_text(encoding="utf-8"))
    return [note for note in notes if measured.began_s <= note[1] < measured.began_s + measured.elapsed_s]


def _cost(rate: int, *, secured: bool, at_most: float | None) -> Figure:
    measured = run(rate, secured=secured)
    return Figure(
        f"edge CPU a value at {rate:,}/s, {'SignAndEncrypt' if secured else 'SecurityPolicy None'}",
        measured.edge_cpu / measured.rate * 1e6,
        "us",
        at_most=at_most,
        conditions=(
            f"{NODES} nodes, 100 ms publishing, from network to log commit and publish; {measured.rate:,.0f} values/s "
            f"stored, {measured.gaps} gaps; {measured.load}, edge {measured.edge_cpu:.1%} and "
            f"{measured.edge_pss / 1e6:.0f} MB PSS"
        ),
    )


def _latencies(rate: int) -> list[Figure]:
    measured = run(rate)
    where = (
        f"{rate:,} values/s, source timestamp to returned commit, {len(measured.ages_s):,} values, publishing and "
        f"edge interval 100 ms each; {measured.load}"
    )
    return [
        Figure(f"latency p50 at {rate:,}/s", percentile(measured.ages_s, 0.5) * 1e3, "ms", conditions=where),
        Figure(
            f"latency p99 at {rate:,}/s", percentile(measured.ages_s, 0.99) * 1e3, "ms", at_most=300, conditions=where
        ),
    ]


def _log_overhead(rate: int) -> list[Figure]:
    """Measure what durability costs: transactions of the log, each on disk before its messages are published."""
    measured = run(rate, timed=True)
    cpu_s = sum(note[3] for note in measured.log)
    commits_s = [note[2] for note in measured.log if note[0] == "append"]
    where = f"{rate:,} values/s, SQLite in WAL mode with synchronous FULL, {len(commits_s)} commits; {measured.load}"
    share = cpu_s / measured.elapsed_s / measured.edge_cpu
    return [
        Figure("durable log, share of the edge's CPU", share * 100, "%", conditions=where),
        Figure("durable log, CPU a value", cpu_s / measured.elapsed_s / measured.rate * 1e6, "us", conditions=where),
        Figure("durable log, a commit p50", percentile(commits_s, 0.5) * 1e3, "ms", conditions=where),
        Figure("durable log, a commit p99", percentile(commits_s, 0.99) * 1e3, "ms", conditions=where),
    ]


def _sustained() -> Figure:
    """Raise the rate until less than 98 % of it is stored, or values are lost or kept back."""
    best, seen = 0.0, []
    for rate in RATES:
        measured = run(rate)
        seen.append(
            f"{rate:,}: {measured.rate:,.0f}/s, {measured.gaps} gaps, generator {measured.load_cpu:.0%} of a core"
        )
        if measured.rate < 0.98 * rate or measured.gaps:
            break
        best = float(rate)
    return Figure(
        "values sustained from one server", best, "values/s", conditions="offered: stored; " + "; ".join(seen)
    )


def measure() -> Sequence[Figure]:
    """Return cost, latency and the sustained rate."""
    return [
        _cost(5_000, secured=False, at_most=20),
        _cost(5_000, secured=True, at_most=None),
        _cost(120, secured=False, at_most=None),
        *_latencies(1_000),
        *_log_overhead(5_000),
        _sustained(),
    ]


def main() -> None:
    """Print one run as JSON, for profiling."""
    print(json.dumps({"edge_us": (measured := run(5_000)).edge_cpu / measured.rate * 1e6, "rate": measured.rate}))


if __name__ == "__main__":
    main()
