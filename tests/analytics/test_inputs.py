"""What analytics reads: the window that rolls on is the one that a new start would read, and gaps are empty in it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from analytics.errors import NotEnoughDataError
from analytics.inputs import PlantInputs
from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from gateway.store.base import (
    DeclaredGap,
    EdgeKey,
    RejectedSamples,
    Samples,
    Series,
    SeriesKey,
    StoreUnavailableError,
    WriteBatch,
)
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from tests.analytics.pump import MINUTE_NS, T0_NS, course, pump
from tests.contract.rows import floats

S_NS = 1_000_000_000
NAMES = ["state_current", "shaft_speed_rpm", "envelope_acceleration_g", "power_w"]
EDGE = EdgeKey("showroom", "line-edge")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDbStore]:
    """A store that knows the signals of the pump, of a stranger's site too."""
    opened = DuckDbStore(DuckDbConfig(path=tmp_path / "samples.duckdb", retention_days=None))
    opened.load()
    series = [
        Series(number, SeriesKey(*EDGE, "MIX-10", name), DataType.DOUBLE, origin=Origin.SIMULATED)
        for number, name in enumerate(NAMES, start=1)
    ]
    series.append(Series(9, SeriesKey("elsewhere", "edge", "MIX-10", "power_w"), DataType.DOUBLE))
    opened.write(WriteBatch(series=series), refuse)
    yield opened
    opened.close()


def refuse(rejected: RejectedSamples) -> None:
    """Nothing is."""
    raise AssertionError(rejected.reason)


def answers(request: httpx.Request) -> httpx.Response:
    """A gateway that imports no history."""
    if request.url.path == "/api/v1/pipeline":
        return httpx.Response(200, json={"history": None})
    return httpx.Response(404)


def inputs(store: DuckDbStore, tmp_path: Path, rows: int = 120) -> PlantInputs:
    client = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answers))
    return PlantInputs(store, client, pump(tmp_path), "showroom", rows)


def write(store: DuckDbStore, first: int, last: int) -> None:
    """Readings of minutes [first, last), one every twenty seconds."""
    window = course(last)
    parts = []
    for number, name in enumerate(NAMES, start=1):
        values = np.repeat(window.number(f"MIX-10.{name}")[first:], 3)
        times = T0_NS + first * MINUTE_NS + np.arange(len(values)) * 20 * S_NS
        parts.append(floats(number, times.tolist(), values.tolist()))
    store.write(WriteBatch(samples=Samples.concatenate(parts)), refuse)


def test_rolling_on_equals_a_new_start(store: DuckDbStore, tmp_path: Path) -> None:
    """Read minute by minute or all at once, every row but the running minute is the same."""
    write(store, 0, 60)
    rolling = inputs(store, tmp_path)
    rolling.window(T0_NS + 60 * MINUTE_NS)
    for minute in range(60, 100, 4):
        write(store, minute, minute + 4)
        rolling.window(T0_NS + (minute + 4) * MINUTE_NS + 5 * S_NS)
    now_ns = T0_NS + 100 * MINUTE_NS + 5 * S_NS
    seen, fresh = rolling.window(now_ns), inputs(store, tmp_path).window(now_ns)
    assert seen.time_ns[-1] == fresh.time_ns[-1]
    for name in fresh.numbers:
        left, right = seen.number(name)[-100:], fresh.number(name)[-100:]
        np.testing.assert_allclose(left, right, equal_nan=True)
    assert np.isfinite(fresh.number("MIX-10.power_w")[-100:]).all()
    assert rolling.origins() == {"MIX-10": [Origin.SIMULATED] * 3}


def test_a_declared_gap_is_empty(store: DuckDbStore, tmp_path: Path) -> None:
    """Rows that nobody could read hold no value, although readings before and after them are there."""
    write(store, 0, 60)
    gap = Gap("MIX-10", None, T0_NS + 20 * MINUTE_NS, T0_NS + 30 * MINUTE_NS - 1, None, "source_down")
    store.write(WriteBatch(gaps=[DeclaredGap(EDGE, 1, gap, T0_NS)]), refuse)
    window = inputs(store, tmp_path, 60).window(T0_NS + 60 * MINUTE_NS + 30 * S_NS)
    power = window.number("MIX-10.power_w")
    begins = (window.time_ns - T0_NS) // MINUTE_NS - 1
    inside = (begins >= 20) & (begins < 30)
    assert inside.sum() == 10
    assert np.isnan(power[inside]).all()
    assert np.isfinite(power[~inside & (begins < 60)]).all()


def test_days_known_are_counted_and_no_signal_is_said(store: DuckDbStore, tmp_path: Path) -> None:
    """Stored days count once, up to those wanted; a plant without signals is an error that names the remedy."""
    write(store, 0, 720)
    known = inputs(store, tmp_path).past(T0_NS + 720 * MINUTE_NS, 2.0)
    assert known.days == pytest.approx(0.5, abs=0.05)
    client = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answers))
    empty = PlantInputs(store, client, pump(tmp_path), "nobody", 60)
    assert empty.past(T0_NS, 2.0).days == 0
    with pytest.raises(NotEnoughDataError, match="start the edge agents"):
        empty.window(T0_NS)


def test_a_gateway_that_fails_is_said(store: DuckDbStore, tmp_path: Path) -> None:
    """An error of the API, and none to be reached, are the store's error with a remedy."""
    for answer in (lambda _: httpx.Response(500), _unreachable):
        client = httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer))
        with pytest.raises(StoreUnavailableError, match="gateway"):
            PlantInputs(store, client, pump(tmp_path), "showroom", 60).past(T0_NS, 1.0)


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)
