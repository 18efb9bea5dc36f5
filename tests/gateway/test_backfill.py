"""Import of a history: into the series that live data fill, once, behind live data, rollups included."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.backfill import FORMAT, Backfill, BackfillState
from gateway.catalogue import Catalogue
from gateway.config import GatewaySettings
from gateway.pipeline import DataPath
from gateway.receipts import Receipts
from gateway.state.open_losses import OpenLosses
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import Waveforms
from gateway.status import history_hops
from gateway.store.base import Samples, SeriesKey, Store, StoreUnavailableError
from gateway.store.config import DuckDbConfig
from gateway.store.open import open_store
from gateway.store.rollup import HOUR_NS
from gateway.view import HopState
from tests.gateway.wire import T0_MS, WireEdge
from tests.servers import eventually

UNTIL_NS = T0_MS * 1_000_000 // HOUR_NS * HOUR_NS
HOURS = 3
START_NS = UNTIL_NS - HOURS * HOUR_NS
FAR_NS = 2**62
SIGNALS = {"flow": DataType.DOUBLE, "count": DataType.INT64, "on": DataType.BOOLEAN, "word": DataType.STRING}


class Importing:
    """A running data path over an embedded store that imports from a folder."""

    def __init__(self, folder: Path) -> None:
        self.store: Store = open_store(DuckDbConfig(path=folder / "samples.duckdb"))
        self.files = (
            Quarantine.open(folder / "quarantine.db"),
            OpenLosses(folder / "gateway.db"),
            Waveforms(folder / "waveforms.db", max_bytes=1_000_000),
        )
        known = self.store.load()
        self.path = DataPath(
            *(GatewaySettings(), self.store, known, *self.files, lambda _topic, _payload: True),
            history=folder / "history",
        )
        assert self.path.backfill is not None
        self.backfill: Backfill = self.path.backfill
        self.path.start()

    def wait(self, state: BackfillState) -> None:
        eventually(lambda: self.backfill.status.state is state, timeout_s=30)

    def rows(self, metric: str) -> Samples:
        (number,) = (series.number for series in self.store.series() if series.key.metric == metric)
        return self.store.raw(number, 0, FAR_NS, 1_000_000)

    def close(self) -> None:
        self.path.stop()
        self.store.close()
        for file in self.files:
            file.close()


@contextmanager
def running(folder: Path, edge: WireEdge | None = None, signals: Sequence[str] = tuple(SIGNALS)) -> Iterator[Importing]:
    """A data path whose edge has declared the signals."""
    path = Importing(folder)
    try:
        if edge is not None:
            path.path.receive(*edge.node_birth())
            for name in signals:
                birth = edge.device_birth(f"MIX-{name}", {name: (SIGNALS[name], None)}, source=f"s=MIX-10.{name}")
                path.path.receive(*birth)
        yield path
    finally:
        path.close()


def chunk(folder: Path, number: int, *, width: int = 600, columns: Sequence[str] = ()) -> None:
    """Write a chunk of 20 minutes: every signal every two seconds."""
    times = [START_NS + (number - 1) * width * 2_000_000_000 + i * 2_000_000_000 for i in range(width)]
    rows: list[tuple[str, int, int, float | None, str | None]] = []
    for i, time_ns in enumerate(times):
        rows += [
            ("s=MIX-10.flow", time_ns, 1, 1000.5 + i, None),
            ("s=MIX-10.count", time_ns, 2, float(i), None),
            ("s=MIX-10.on", time_ns, 3, float(i % 2), None),
            ("s=MIX-10.word", time_ns, 4, None, f"word {i % 3}"),
        ]
    source, time, kind, value, text = zip(*rows, strict=True)
    table = pa.table(
        {
            "source": pa.array(source).dictionary_encode(),
            "time_ns": pa.array(time, pa.int64()),
            "kind": pa.array(kind, pa.uint8()),
            "number": pa.array(value, pa.float64()),
            "text": pa.array(text, pa.string()).dictionary_encode(),
        }
    )
    path = folder / f"chunk-{number:05}.parquet"
    pq.write_table(table.select(columns) if columns else table, path, write_page_checksum=True)


def history(folder: Path, chunks: int, *, complete: bool = True) -> Path:
    """Write a history of so many chunks."""
    folder = folder / "history"
    folder.mkdir(exist_ok=True)
    plan = {"format": FORMAT, "line": "x", "seed": 1, "until_ns": UNTIL_NS, "days": HOURS / 24.0, "fine_hours": 1.0}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    for number in range(1, chunks + 1):
        chunk(folder, number)
    if complete:
        (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "chunks": chunks}), encoding="utf-8")
    return folder


def test_values_come_into_the_series_of_the_live_data(tmp_path: Path) -> None:
    """Every kind of value, simulated and good, under the path that the edge declared; the files are gone then."""
    folder = history(tmp_path, 3)
    with running(tmp_path, WireEdge()) as path:
        path.wait(BackfillState.DONE)
        flow, count, on, word = (path.rows(name) for name in SIGNALS)
        status = path.backfill.status
        hops = history_hops(status)
    assert (status.chunks, status.of, status.samples, status.unknown) == (3, 3, 7200, 0)
    assert (status.start_ns, status.end_ns) == (START_NS, UNTIL_NS)
    assert flow.time_ns.tolist() == [START_NS + i * 2_000_000_000 for i in range(1800)]
    assert flow.number.tolist() == [1000.5 + i % 600 for i in range(1800)]
    assert count.integer.tolist() == [i % 600 for i in range(1800)]
    assert [on.value(row) for row in range(4)] == [False, True, False, True]
    assert [word.value(row) for row in range(4)] == ["word 0", "word 1", "word 2", "word 0"]
    assert set(flow.quality) == {Quality.GOOD}
    assert set(flow.origin) == {Origin.SIMULATED}
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "plan.json"]
    assert hops == []


def test_nothing_is_stored_twice(tmp_path: Path) -> None:
    """After a restart, and after the line has made its chunks again, every value is there once."""
    folder = history(tmp_path, 2, complete=False)
    edge = WireEdge()
    with running(tmp_path, edge) as path:
        eventually(lambda: path.backfill.status.chunks == 2, timeout_s=30)
    for number in (1, 2, 3):
        chunk(folder, number)
    (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "chunks": 3}), encoding="utf-8")
    with running(tmp_path, edge) as path:
        path.wait(BackfillState.DONE)
        assert path.backfill.status.samples == 2400
        assert path.rows("flow").time_ns.tolist() == [START_NS + i * 2_000_000_000 for i in range(1800)]
    assert not list(folder.glob("chunk-*"))
    with running(tmp_path, edge) as path:
        path.wait(BackfillState.DONE)
        assert path.backfill.status.samples == 0


def test_a_batch_whose_writing_failed_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is away for a moment gets the same batch again."""
    history(tmp_path, 1)
    with running(tmp_path) as path:
        write, refusals = path.store.write, iter([True, True])

        def refuse_at_first(*arguments: object) -> None:
            if next(refusals, False):
                raise StoreUnavailableError("away", remedy="wait")
            write(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(path.store, "write", refuse_at_first)
        edge = WireEdge()
        path.path.receive(*edge.node_birth())
        for name, datatype in SIGNALS.items():
            path.path.receive(*edge.device_birth(f"MIX-{name}", {name: (datatype, None)}, source=f"s=MIX-10.{name}"))
        path.wait(BackfillState.DONE)
        assert len(path.rows("flow")) == 600


def test_rollups_are_computed_within_seconds(tmp_path: Path) -> None:
    """Hours of a history do not wait for the maintenance that comes every ten seconds."""
    history(tmp_path, 9)
    with running(tmp_path, WireEdge()) as path:
        path.wait(BackfillState.DONE)
        eventually(lambda: path.backfill.hours_left == 0, timeout_s=30)
        (number,) = (series.number for series in path.store.series() if series.key.metric == "flow")
        hours = path.store.buckets(number, START_NS, UNTIL_NS, HOURS)
    assert (hours.tier, hours.count.tolist()) == ("1h", [1800] * HOURS)


def test_it_waits_for_the_edges(tmp_path: Path) -> None:
    """Without the births of the series nothing can be stored, and nothing is lost."""
    folder = history(tmp_path, 1)
    with running(tmp_path) as path:
        eventually(lambda: path.backfill.status.end_ns == UNTIL_NS)
        assert path.backfill.status.state is BackfillState.WAITING
        assert list(folder.glob("chunk-*"))
        assert history_hops(path.backfill.status) == []


def test_signals_that_no_edge_reads_are_counted_and_left_out(tmp_path: Path) -> None:
    """After half a minute the others are imported; until then it waits for the missing ones."""
    history(tmp_path, 1)
    store = open_store(DuckDbConfig(path=tmp_path / "samples.duckdb"))
    store.load()
    catalogue = Catalogue()
    key = SeriesKey("showroom", "line-edge", "MIX-10", "flow")
    catalogue.learn(key, DataType.DOUBLE, {"source": "s=MIX-10.flow", "origin": "simulated"})
    backfill = Backfill(tmp_path / "history", catalogue, Receipts({}), store)
    assert backfill.next(100.0) is None
    assert backfill.next(129.0) is None
    batch = backfill.next(130.5)
    assert batch is not None
    assert set(batch.samples.series) == {1}
    assert len(batch.samples) == 600
    assert backfill.status.unknown == 3
    store.close()


def test_a_store_with_values_of_that_time_is_left_alone(tmp_path: Path) -> None:
    """An installation that has lived through that time keeps what it measured; the state says so."""
    edge = WireEdge()
    with running(tmp_path, edge, ["flow"]) as path:
        at_ms = START_NS // 1_000_000 + 5_000
        path.path.receive(*edge.data("MIX-flow", [edge.number("MIX-flow", "flow", 7.0, at_ms)]))
        eventually(lambda: path.path.writer.health.samples == 1)
        history(tmp_path, 1)
        for name in ("count", "on", "word"):
            birth = edge.device_birth(f"MIX-{name}", {name: (SIGNALS[name], None)}, source=f"s=MIX-10.{name}")
            path.path.receive(*birth)
        path.wait(BackfillState.DECLINED)
        (hop,) = history_hops(path.backfill.status)
        assert (hop.state, hop.error) == (HopState.DEGRADED, "the store holds values of that time already")
        assert path.rows("flow").number.tolist() == [7.0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plan.json", b"\xff", r"plan\.json is not JSON"),
        ("plan.json", b"{", r"plan\.json is not JSON"),
        ("plan.json", b'{"format": "showroom-history/9"}', r"plan\.json is not of the format showroom-history/1"),
        ("plan.json", json.dumps({"format": FORMAT}).encode(), r"plan\.json: KeyError\('days'\) is missing"),
        ("manifest.json", json.dumps({"format": FORMAT, "chunks": "x"}).encode(), r"chunks = 'x' is no number"),
        ("chunk-00001.parquet", b"PAR1", r"chunk-00001\.parquet is no chunk of a history"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """What cannot be read ends the import with the file and the reason; live data go on."""
    folder = history(tmp_path, 1)
    (folder / name).write_bytes(content)
    edge = WireEdge()
    with running(tmp_path, edge) as path:
        path.wait(BackfillState.DECLINED)
        path.path.receive(*edge.data("MIX-flow", [edge.number("MIX-flow", "flow", 7.0, T0_MS)]))
        eventually(lambda: path.path.writer.health.samples == 1)
        (hop,) = history_hops(path.backfill.status)
    kept = "the folder; " if name == "plan.json" else f"{folder / 'manifest.json'} if it is there; "
    assert hop.remedy.startswith(f"delete {kept}")
    assert re.search(message, hop.error), hop.error


@pytest.mark.parametrize("spoil", ["delete", "flip"])
def test_a_spoilt_chunk_is_made_again(tmp_path: Path, spoil: str) -> None:
    """A chunk that is missing or has changed ends the import; as the remedy says, it then goes on to the end."""
    folder = history(tmp_path, 3)
    path_of = folder / "chunk-00002.parquet"
    if spoil == "delete":
        path_of.unlink()
    else:
        content = bytearray(path_of.read_bytes())
        content[1000] ^= 1
        path_of.write_bytes(content)
    edge = WireEdge()
    with running(tmp_path, edge) as path:
        path.wait(BackfillState.DECLINED)
        (hop,) = history_hops(path.backfill.status)
        assert str(path_of) in hop.error
        assert path.backfill.status.chunks == 1
    (folder / "manifest.json").unlink()
    history(tmp_path, 3)
    with running(tmp_path, edge) as path:
        path.wait(BackfillState.DONE)
        assert path.rows("flow").time_ns.tolist() == [START_NS + i * 2_000_000_000 for i in range(1800)]


def test_what_is_made_again_late_is_deleted(tmp_path: Path) -> None:
    """Chunks that are stored and that the line makes again behind the import leave no file."""
    folder = history(tmp_path, 2, complete=False)
    with running(tmp_path, WireEdge()) as path:
        eventually(lambda: path.backfill.status.chunks == 2, timeout_s=30)
        chunk(folder, 1)
        chunk(folder, 2)
        (folder / "manifest.json").write_text(json.dumps({"format": FORMAT, "chunks": 2}), encoding="utf-8")
        path.wait(BackfillState.DONE)
        assert path.backfill.status.samples == 4800
    assert not list(folder.glob("chunk-*"))


def test_a_chunk_without_a_column_is_refused(tmp_path: Path) -> None:
    """A Parquet file of another form is no chunk."""
    folder = history(tmp_path, 0, complete=False)
    chunk(folder, 1, columns=["source", "time_ns"])
    with running(tmp_path, WireEdge()) as path:
        path.wait(BackfillState.DECLINED)
        assert "chunk-00001.parquet is no chunk of a history" in path.backfill.status.error
