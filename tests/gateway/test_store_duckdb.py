"""The embedded store beyond the contract: its file, full disks, retention, size cap."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.store import duckdb_upkeep
from gateway.store.base import Buckets, RejectedSamples, Samples, StoreUnavailableError, WriteBatch
from gateway.store.config import DuckDbConfig
from gateway.store.downsample import aggregate
from gateway.store.duckdb import Connection
from gateway.store.duckdb_schema import write_meta
from gateway.store.duckdb_store import DuckDbStore
from gateway.store.rollup import HOUR_NS, MINUTE_NS, floor_to, plan_buckets
from tests.contract.rows import EDGE, EPOCH, T0_NS, batch_of, floats, series_numbered

REPOSITORY = Path(__file__).parents[2]
DAY_NS = 24 * HOUR_NS


def refuse(rejected: RejectedSamples) -> None:
    raise AssertionError(rejected.reason)


def loaded(path: Path, **settings: object) -> DuckDbStore:
    store = DuckDbStore(DuckDbConfig.model_validate({"path": path, "retention_days": None, **settings}))
    store.load()
    return store


def sawtooth(start_ns: int, end_ns: int, step_ns: int = 10_000_000_000, series: int = 1) -> Samples:
    times = list(range(start_ns, end_ns, step_ns))
    return floats(series, times, [k % 17 + 0.5 for k in range(len(times))])


def upkeep(store: DuckDbStore, now_ns: int, steps: int = 300) -> None:
    for step in range(steps):
        store.maintain(now_ns + step * 60_000_000_000)


def test_second_process_is_told_what_to_do(tmp_path: Path) -> None:
    """A file that another process has open is refused with a remedy, and opens when that process is gone."""
    path = tmp_path / "store.duckdb"
    program = (
        "import sys; from pathlib import Path; from gateway.store.config import DuckDbConfig; "
        "from gateway.store.open import open_store; store = open_store(DuckDbConfig(path=Path(sys.argv[1]))); "
        "store.load(); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StoreUnavailableError) as caught:
            loaded(path)
        assert "another process" in caught.value.remedy
        assert str(path) in str(caught.value)
        other.communicate("")
    loaded(path).close()


def test_file_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A file with an unknown format version is left alone, with the remedy."""
    store = loaded(tmp_path / "store.duckdb")
    with store._database.transaction() as connection:
        write_meta(connection, "format_version", 99)
    store.close()
    with pytest.raises(StoreUnavailableError, match="version 99") as caught:
        loaded(tmp_path / "store.duckdb")
    assert caught.value.permanent
    assert "path" in caught.value.remedy


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A file of another kind is left alone, with the remedy."""
    path = tmp_path / "store.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailableError) as caught:
        loaded(path)
    assert "move the file away" in caught.value.remedy
    assert path.read_bytes() == b"not a database" * 1000


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("limit_bytes", [300_000, 34_000_000])
def test_full_disk_loses_and_doubles_nothing(tmp_path: Path, limit_bytes: int) -> None:
    """When writes fail the store says so, keeps answering, and goes on by itself when there is space again.

    The small limit breaks a commit, the large one the checkpoint within a commit.
    """
    command = [sys.executable, "-m", "tests.gateway.disk_full", str(tmp_path / "store.duckdb"), str(limit_bytes)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert "refused and resumed" in done.stdout


def test_commit_in_doubt_is_not_written_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch whose commit reached the disk but reported an error is recognised when it is written again."""
    store = loaded(tmp_path / "store.duckdb")
    transaction = store._database.transaction

    @contextmanager
    def failing() -> Iterator[Connection]:
        with transaction() as connection:
            yield connection
        raise StoreUnavailableError("reported after the fact", remedy="")

    batch = batch_of(floats(1, [T0_NS, T0_NS + 1], [1, 2]), 1, 2, [series_numbered(1)])
    with monkeypatch.context() as patch:
        patch.setattr(store._database, "transaction", failing)
        with pytest.raises(StoreUnavailableError):
            store.write(batch, refuse)
    store.write(batch, refuse)
    assert store.count(1, 0, 2**62) == 2
    store.close()


def same(actual: Buckets, expected: Buckets) -> None:
    for name in ("start_ns", "minimum", "maximum", "count", "bad"):
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name), err_msg=name)
    np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12)


def test_retention_keeps_rollups_and_folds_late_rows(tmp_path: Path) -> None:
    """Raw rows leave after the retention, their buckets stay exact, and rows that come later still count in them."""
    store = loaded(tmp_path / "store.duckdb", retention_days=1)
    start_ns = floor_to(T0_NS, HOUR_NS)
    end_ns = start_ns + 3 * DAY_NS
    samples = sawtooth(start_ns, end_ns)
    store.write(batch_of(samples, 1, series=[series_numbered(1)]), refuse)
    upkeep(store, end_ns + 2 * HOUR_NS)
    assert store.count(1, start_ns, end_ns - DAY_NS - HOUR_NS) == 0
    assert store.count(1, end_ns - DAY_NS, end_ns) == DAY_NS // 10_000_000_000
    window = (start_ns + 5 * HOUR_NS, start_ns + 7 * HOUR_NS)
    plan = plan_buckets(*window, 10)
    inside = samples.take((samples.time_ns >= window[0]) & (samples.time_ns < window[1]))
    same(store.buckets(1, *window, 10), aggregate(inside, plan))
    assert store.buckets(1, window[0], window[0] + 10 * MINUTE_NS, 1000).tier == "1min"  # finer rows are gone
    late = floats(1, [window[0] + 1, window[0] + MINUTE_NS + 1], [99.0, -99.0])
    store.write(batch_of(late, 2), refuse)
    everything = Samples.concatenate([inside, late])
    same(store.buckets(1, *window, 10), aggregate(everything, plan))
    upkeep(store, end_ns + 3 * HOUR_NS, steps=10)
    same(store.buckets(1, *window, 10), aggregate(everything, plan))
    assert store.count(1, *window) == 0
    hours = store.buckets(1, start_ns, end_ns, 10)
    assert int(hours.count.sum()) == len(samples) + 2
    store.close()
    again = loaded(tmp_path / "store.duckdb", retention_days=1)
    same(again.buckets(1, *window, 10), aggregate(everything, plan))
    again.close()


def test_a_clock_that_runs_ahead_deletes_nothing(tmp_path: Path) -> None:
    """Retention goes by the newest source time where the gateway's clock is ahead of it."""
    store = loaded(tmp_path / "store.duckdb", retention_days=1)
    store.write(batch_of(sawtooth(T0_NS, T0_NS + 20 * HOUR_NS), 1, series=[series_numbered(1)]), refuse)
    upkeep(store, T0_NS + 3650 * DAY_NS)
    assert store.count(1, 0, 2**62) == 20 * 360
    store.close()


def test_size_cap_drops_oldest_raw_rows_and_keeps_rollups(tmp_path: Path) -> None:
    """Above its cap the store deletes the oldest hours of raw rows until the blocks in use fit; rollups stay."""
    store = loaded(tmp_path / "store.duckdb", size_cap_bytes=10_000_000)
    start_ns = floor_to(T0_NS, HOUR_NS)
    random = np.random.default_rng(5)
    rows = 2_000_000
    span_ns = 20 * HOUR_NS
    times = start_ns + np.arange(rows, dtype=np.int64) * (span_ns // rows)
    samples = floats(1, [0], [0.0]).take(np.zeros(rows, np.intp))
    samples.time_ns[:] = times
    samples.number[:] = random.normal(size=rows)
    store.write(batch_of(samples, 1, series=[series_numbered(1)]), refuse)
    store._database.checkpoint()
    assert store._database.used_bytes() > 16_000_000
    upkeep(store, start_ns + span_ns + 2 * HOUR_NS)
    assert store._database.used_bytes() <= 10_000_000
    kept = store.count(1, 0, 2**62)
    assert rows // 4 < kept < 3 * rows // 4
    assert store.raw(1, 0, 2**62, 1).time_ns[0] >= start_ns + span_ns // 4  # the oldest went first
    assert int(store.buckets(1, start_ns, start_ns + span_ns, 20).count.sum()) == rows
    store.close()


def test_rollups_are_made_in_small_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour with more rows than one step may read is rolled up in several, exact in between."""
    monkeypatch.setattr(duckdb_upkeep, "ROWS_PER_STEP", 400)
    store = loaded(tmp_path / "store.duckdb")
    start_ns = floor_to(T0_NS, HOUR_NS)
    parts = [sawtooth(start_ns, start_ns + HOUR_NS, series=number) for number in (1, 2, 3)]
    names = [series_numbered(number) for number in (1, 2, 3)]
    store.write(batch_of(Samples.concatenate(parts), 1, series=names), refuse)
    sizes = []
    for step in range(5):  # in the first the hour is not quiet yet
        sizes.append(len(store._dirty))
        for number in (1, 2, 3):
            reference = aggregate(parts[number - 1], plan_buckets(start_ns, start_ns + HOUR_NS, 30))
            same(store.buckets(number, start_ns, start_ns + HOUR_NS, 30), reference)
        store.maintain(start_ns + 3 * HOUR_NS + step * 60_000_000_000)
    assert sizes == [3, 3, 2, 1, 0]
    store.close()


def test_receipts_are_merged_on_disk(tmp_path: Path) -> None:
    """Intervals that came in many pieces become few rows, and nothing of them is lost."""
    store = loaded(tmp_path / "store.duckdb")
    pieces = IntervalSet((2 * number, 2 * number) for number in range(1, duckdb_upkeep.RECEIPT_ROWS + 2))
    store.write(WriteBatch(receipts={(EDGE, EPOCH): pieces}), refuse)
    store.write(WriteBatch(receipts={(EDGE, EPOCH): IntervalSet([(1, 2 * duckdb_upkeep.RECEIPT_ROWS + 2)])}), refuse)
    store.maintain(T0_NS)
    with store._database.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM receipts").fetchone() == (1,)
    assert dict(store.load().receipts) == {(EDGE, EPOCH): IntervalSet([(1, 2 * duckdb_upkeep.RECEIPT_ROWS + 2)])}
    store.close()


def test_readers_in_other_threads_see_whole_batches(tmp_path: Path) -> None:
    """While one thread writes, reading threads see each batch whole or not at all."""
    store = loaded(tmp_path / "store.duckdb")
    store.write(WriteBatch(series=[series_numbered(1)]), refuse)
    torn: list[int] = []
    finished = Event()

    def read() -> None:
        while not finished.is_set():
            rows = store.count(1, 0, 2**62)
            if rows % 100:
                torn.append(rows)

    threads = [Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for lsn in range(1, 40):
        store.write(batch_of(floats(1, range(T0_NS + lsn * 100, T0_NS + lsn * 100 + 100), range(100)), lsn), refuse)
    finished.set()
    for thread in threads:
        thread.join()
    assert torn == []
    assert store.count(1, 0, 2**62) == 3900
    store.close()
