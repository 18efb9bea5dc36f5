"""The file of waveforms, and the routes that read it."""

import sqlite3
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.waveform import Waveform, decode, encode
from gateway.api.application import create_api
from gateway.api.models import WaveformAnswer, WaveformList
from gateway.state.waveforms import KeptWaveform, Waveforms
from gateway.store.base import Series, SeriesKey
from tests.gateway.conftest import serving
from tests.gateway.plant import Plant, bottling_series

PATH = "showroom/meter-edge/MIX-10/waveform_radial"
T0_NS = 1_795_000_000_000_000_000


def kept(number: int, count: int = 1000, series: str = PATH) -> KeptWaveform:
    samples = [number + i * 0.25 for i in range(count)]
    return KeptWaveform(series, T0_NS + number, Quality.GOOD, Origin.SIMULATED, decode(encode(12_800.0, samples)))


@pytest.fixture
def waveforms(tmp_path: Path) -> Iterator[Waveforms]:
    opened = Waveforms(tmp_path / "waveforms.db", max_bytes=100_000)
    yield opened
    opened.close()


def test_what_was_kept_is_read_exactly(waveforms: Waveforms) -> None:
    """The newest one up to a time is found, per series, with rate and every sample."""
    waveforms.add([kept(1), kept(5), kept(3, series="other")])
    assert waveforms.get(PATH, T0_NS + 4) == kept(1)
    assert waveforms.get(PATH, T0_NS + 5) == kept(5)
    assert waveforms.get(PATH, T0_NS) is None
    assert [entry.time_ns - T0_NS for entry in waveforms.list(PATH, T0_NS, T0_NS + 6, 10)] == [5, 1]
    assert [entry.time_ns - T0_NS for entry in waveforms.list(PATH, T0_NS, T0_NS + 5, 10)] == [1]
    assert [entry.count for entry in waveforms.list(PATH, 0, 2**62, 1)] == [1000]


def test_the_same_waveform_is_kept_once(waveforms: Waveforms) -> None:
    """A waveform that is sent again changes nothing, also over a restart of the gateway."""
    waveforms.add([kept(1), kept(1)])
    size = waveforms.size_bytes
    waveforms.add([kept(1)])
    assert waveforms.size_bytes == size
    assert len(waveforms.list(PATH, 0, 2**62, 10)) == 1


def test_the_oldest_give_way(tmp_path: Path) -> None:
    """The file stays within its limit for ever, and the newest waveforms are those that are left."""
    file = Waveforms(tmp_path / "w.db", max_bytes=100_000)
    for number in range(200):
        file.add([kept(number)])
        assert file.size_bytes <= 100_000
    left = [entry.time_ns - T0_NS for entry in file.list(PATH, 0, 2**62, 1000)]
    assert left == list(range(199, 199 - len(left), -1))
    assert len(left) >= 20
    file.close()
    assert (tmp_path / "w.db").stat().st_size < 300_000
    again = Waveforms(tmp_path / "w.db", max_bytes=100_000)
    assert [entry.time_ns - T0_NS for entry in again.list(PATH, 0, 2**62, 1000)] == left
    again.close()


def test_a_batch_is_kept_whole_or_not_at_all(waveforms: Waveforms) -> None:
    """Where the disk is full nothing of the batch is there, and the next one may succeed."""
    waveforms._connection.execute("PRAGMA max_page_count = 8")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        waveforms.add([kept(1, 100), kept(2, 20_000)])
    assert waveforms.list(PATH, 0, 2**62, 10) == []
    waveforms._connection.execute("PRAGMA max_page_count = 1000000")
    waveforms.add([kept(1, 100)])
    assert len(waveforms.list(PATH, 0, 2**62, 10)) == 1


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A plant with three waveforms of one sensor."""
    now_ns = time.time_ns()
    key = SeriesKey("showroom", "meter-edge", "MIX-10", "waveform_radial")
    series = [*bottling_series(), Series(99, key, DataType.BYTES, unit="g", origin=Origin.SIMULATED)]
    plant = Plant(tmp_path_factory.mktemp("plant") / "plant.duckdb", series, now_ns)
    for age_s in (7200, 60, 30):
        waveform = decode(encode(12_800.0, [0.1, -0.25, float(age_s)]))
        plant.kept_waveforms.add([KeptWaveform(PATH, now_ns - age_s * 10**9, Quality.GOOD, Origin.SIMULATED, waveform)])
    with serving(create_api(plant)) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client
    plant.store.close()
    plant.kept_waveforms.close()


def test_waveforms_are_listed_newest_first(api: httpx.Client) -> None:
    """Without a window the last day; a window and a limit hold."""
    found = WaveformList.model_validate_json(api.get("/api/v1/waveforms", params={"series": PATH}).content)
    assert [item.count for item in found.waveforms] == [3, 3, 3]
    times = [item.time_ns for item in found.waveforms]
    assert times == sorted(times, reverse=True)
    query: dict[str, str | int] = {"series": "99", "start": times[1], "end": times[0]}
    assert [item["time_ns"] for item in api.get("/api/v1/waveforms", params=query).json()["waveforms"]] == [times[1]]
    newest = api.get("/api/v1/waveforms", params={"series": PATH, "limit": 1}).json()["waveforms"]
    assert [item["time_ns"] for item in newest] == times[:1]
    assert found.series.unit == "g"


def test_a_waveform_comes_as_json_and_as_numbers(api: httpx.Client) -> None:
    """The newest one, or the newest before a time, with equal samples in both forms."""
    answer = WaveformAnswer.model_validate_json(api.get("/api/v1/waveform", params={"series": PATH}).content)
    assert answer.samples == [0.1, -0.25, 30.0]
    assert answer.rate_hz == 12_800.0
    before: dict[str, str | int] = {"series": PATH, "at": answer.time_ns - 1}
    assert api.get("/api/v1/waveform", params=before).json()["samples"][2] == 60.0
    plain = api.get("/api/v1/waveform", params={"series": PATH, "format": "float32"})
    assert plain.headers["content-type"] == "application/octet-stream"
    assert (float(plain.headers["x-rate-hz"]), int(plain.headers["x-time-ns"])) == (12_800.0, answer.time_ns)
    assert Waveform(12_800.0, plain.content).count == 3
    assert array("f", plain.content).tolist() == pytest.approx(answer.samples)


def test_a_series_without_waveforms_is_said(api: httpx.Client) -> None:
    """A signal of another type, or a time before the first waveform, is a 404 with a remedy."""
    for query in ({"series": "1"}, {"series": PATH, "at": "2020-01-01T00:00:00Z"}):
        response = api.get("/api/v1/waveform", params=query)
        assert response.status_code == 404
        assert "/api/v1/waveforms" in response.json()["remedy"]
