"""A store whose process is killed at any moment: what was reported as stored is stored, and nothing twice."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.store.base import Samples, Store
from gateway.store.config import DuckDbConfig, InfluxConfig
from gateway.store.downsample import aggregate
from gateway.store.open import open_store
from gateway.store.rollup import HOUR_NS, plan_buckets
from tests.contract.conftest import influx_config
from tests.contract.crash_writer import ROWS, rows_of_lsn
from tests.contract.rows import EDGE, EPOCH, T0_NS

REPOSITORY = Path(__file__).parents[2]
KILLS = 4


def duckdb_config(request: pytest.FixtureRequest, tmp_path: Path) -> DuckDbConfig:
    return DuckDbConfig(path=tmp_path / "store.duckdb", retention_days=None)


@pytest.mark.parametrize("configure", [duckdb_config, pytest.param(influx_config, marks=pytest.mark.servers)])
def test_rows_and_receipts_agree_after_kill(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    configure: Callable[[pytest.FixtureRequest, Path], DuckDbConfig | InfluxConfig],
) -> None:
    """After kill -9 at random moments the receipts hold every reported LSN, and resending the rest doubles nothing."""
    config = configure(request, tmp_path)
    chance = random.Random(20)
    stored = IntervalSet()
    for _ in range(KILLS):
        reported = write_until_killed(config, first_free(stored), chance)
        store = open_store(config)
        known = store.load()
        stored = known.receipts.get((EDGE, EPOCH), IntervalSet())
        assert not stored.missing(1, reported)
        assert_rows(store, stored, exactly=isinstance(config, DuckDbConfig))
        store.close()


def write_until_killed(config: DuckDbConfig | InfluxConfig, first_lsn: int, chance: random.Random) -> int:
    """Run the writer, kill it after some batches and a random delay; return the last LSN it reported."""
    command = [sys.executable, "-m", "tests.contract.crash_writer", config.model_dump_json(), str(first_lsn)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(chance.randint(1, 12)):
            assert writer.stdout.readline()
        try:
            writer.wait(chance.random() * 0.03)
        except subprocess.TimeoutExpired:
            writer.kill()
        return max([first_lsn, *(int(line) for line in writer.stdout.read().split())])


def first_free(stored: IntervalSet) -> int:
    return max((last for _, last in stored), default=0) + 1


def assert_rows(store: Store, stored: IntervalSet, *, exactly: bool) -> None:
    """Compare raw rows and buckets with what the receipts promise."""
    last_lsn = first_free(stored) - 1
    expected = Samples.concatenate([rows_of_lsn(lsn) for lsn in range(1, last_lsn + 1)])
    start_ns, end_ns = T0_NS + ROWS * 20_000_000_000, T0_NS + (last_lsn + 1) * ROWS * 20_000_000_000
    for series in (1, 2):
        rows = store.raw(series, start_ns, end_ns, 10**7)
        mine = expected.take(expected.series == series)
        np.testing.assert_array_equal(rows.time_ns, mine.time_ns)
        np.testing.assert_array_equal(rows.number, mine.number)
        if exactly:  # a store without transactions may hold rows beyond its receipts; they come again
            assert store.count(series, 0, 2**62) == len(mine)
        plan = plan_buckets(start_ns, start_ns + last_lsn * HOUR_NS, 30)
        inside = (mine.time_ns >= plan.start_ns) & (mine.time_ns < min(plan.end_ns, end_ns))
        if plan.end_ns <= end_ns:
            buckets = store.buckets(series, start_ns, start_ns + last_lsn * HOUR_NS, 30)
            reference = aggregate(mine.take(inside), plan)
            np.testing.assert_array_equal(buckets.count, reference.count)
            np.testing.assert_array_equal(buckets.maximum, reference.maximum)
