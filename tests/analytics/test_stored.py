"""Windows from a store and from a run's folder: carried forward where values are reported by exception, else empty."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.errors import NotEnoughDataError
from analytics.recorded import read_run
from analytics.stored import MINUTE_NS, read_store, series_by_signal
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import WriteBatch
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from tests.contract.rows import Row, samples_of, series_numbered

T0_NS = 1_780_000_020_000_000_000 // MINUTE_NS * MINUTE_NS


def _row(series: int, minute: float, value: float | None) -> Row:
    quality = Quality.BAD if value is None else Quality.GOOD
    return (series, T0_NS + round(minute * MINUTE_NS), value, quality, Origin.SIMULATED)


def test_a_store_gives_means_of_minutes_and_carries_forward(tmp_path: Path) -> None:
    """A minute with readings shows their mean, one without the last value, one after a bad mark nothing."""
    store = DuckDbStore(DuckDbConfig(path=tmp_path / "store.duckdb", retention_days=None))
    try:
        store.load()
        rows = [_row(1, 0.2, 1.0), _row(1, 0.6, 3.0), _row(1, 3.5, 5.0), _row(2, 1.5, 7.0), _row(2, 3.5, None)]
        series = (series_numbered(1, metric="flow"), series_numbered(2, metric="level"))
        store.write(
            WriteBatch(series=series, unnumbered=samples_of(rows)), lambda rejected: pytest.fail(rejected.reason)
        )
        window = read_store(store, series_by_signal(store.series()), T0_NS, T0_NS + 6 * MINUTE_NS)
    finally:
        store.close()
    nan = np.nan
    np.testing.assert_array_equal(window.number("MIX-10.flow"), [2.0, 2.0, 2.0, 5.0, 5.0, 5.0])
    np.testing.assert_array_equal(window.number("MIX-10.level"), [nan, 7.0, 7.0, nan, nan, nan])
    assert window.bad["MIX-10.level"].tolist() == [False, False, False, True, True, True]
    assert window.time_ns[0] == T0_NS + MINUTE_NS
    assert window.units() == ["MIX-10"]


def test_a_span_without_rows_is_refused(tmp_path: Path) -> None:
    """Less than two rows is too little, and is said."""
    store = DuckDbStore(DuckDbConfig(path=tmp_path / "store.duckdb", retention_days=None))
    try:
        store.load()
        with pytest.raises(NotEnoughDataError, match="longer span"):
            read_store(store, {}, T0_NS, T0_NS + MINUTE_NS)
    finally:
        store.close()


def test_a_run_keeps_holes_and_bad_marks(tmp_path: Path) -> None:
    """A hole is NaN, a name under `bad` marks its signal in that row alone."""
    table = pa.table(
        {
            "time": pa.array([60_000, 120_000, 180_000], pa.timestamp("ms", "UTC")),
            "P-1.flow": pa.array([1.0, None, 3.0]),
            "P-1.on": pa.array([True, False, True]),
            "bad": pa.array([[], ["P-1.flow"], []], pa.list_(pa.string())),
        }
    )
    pq.write_table(table, tmp_path / "signals.parquet")
    window = read_run(tmp_path)
    np.testing.assert_array_equal(window.number("P-1.flow"), [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(window.number("P-1.on"), [1.0, 0.0, 1.0])
    assert window.bad["P-1.flow"].tolist() == [False, True, False]
    assert window.step_s == 60.0
    pq.write_table(table.slice(0, 1), tmp_path / "signals.parquet")
    with pytest.raises(NotEnoughDataError, match="1 rows"):
        read_run(tmp_path)
