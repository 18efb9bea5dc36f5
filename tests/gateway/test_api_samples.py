"""Stored samples over HTTP: raw, buckets, exact export, Arrow."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.api.application import create_api
from gateway.api.models import SamplesAnswer
from gateway.api.settings import MAX_SERIES, WebSettings
from gateway.store.base import (
    Kind,
    Samples,
    StoreUnavailableError,
    WriteBatch,
)
from gateway.store.remote import RemoteStore
from tests.gateway.conftest import serving
from tests.gateway.plant import LINE, SECOND_NS, Plant, SilentReader
from tests.servers import eventually

FLOW = "showroom/line-edge/MIX-10/product_flow_l_h"
STATE = "showroom/line-edge/MIX-10/state_current_text"


def get(api: httpx.Client, **query: Any) -> dict[str, Any]:
    """Ask for samples; the answer must be of the documented shape."""
    response = api.get("/api/v1/samples", params=query)
    assert response.status_code == 200, response.text
    SamplesAnswer.model_validate_json(response.content)
    answer: dict[str, Any] = response.json()
    return answer


def test_a_window_with_few_samples_comes_raw(api: httpx.Client) -> None:
    """Every stored sample of the window is there, ascending, with quality and origin."""
    answer = get(api, series=FLOW, max_points=1000)
    raw = answer["raw"]
    assert (answer["form"], answer["next"]) == ("raw", None)
    assert 400 <= len(raw["time_ns"]) <= 600  # the plant ends when it was made, the window now
    assert raw["time_ns"] == sorted(raw["time_ns"])
    assert set(raw["quality"]) == {192}
    assert set(raw["origin"]) == {Origin.SIMULATED}


def test_a_window_with_many_samples_comes_as_buckets(api: httpx.Client, plant: Plant) -> None:
    """At most max_points buckets count every sample once and hold its minimum, maximum and mean."""
    number = next(series.number for series in plant.known if str(series.key) == FLOW)
    rows = get(api, series=number, max_points=1000)
    window = {"start": rows["start_ns"], "end": rows["end_ns"]}
    answer = get(api, series=number, max_points=50, **window)
    buckets, values = answer["buckets"], rows["raw"]["value"]
    assert answer["form"] == "buckets"
    assert len(buckets["start_ns"]) <= 50
    assert sum(buckets["count"]) == len(values)
    assert min(buckets["minimum"]) == pytest.approx(min(values))
    assert max(buckets["maximum"]) == pytest.approx(max(values))
    mean = np.average(buckets["mean"], weights=buckets["count"])
    assert mean == pytest.approx(np.mean(values))


def test_an_exact_export_page_by_page_gives_every_sample_once(api: httpx.Client) -> None:
    """Following `next` to its end gives the same rows as one large page."""
    whole = get(api, series=FLOW, raw="true", limit=100_000)
    url = f"/api/v1/samples?series={FLOW}&raw=true&limit=77&start={whole['start_ns']}&end={whole['end_ns']}"
    times: list[int] = []
    values: list[float] = []
    while url:
        page = api.get(url).json()
        assert len(page["raw"]["time_ns"]) <= 77
        times += page["raw"]["time_ns"]
        values += page["raw"]["value"]
        url = page["next"]
    assert times == whole["raw"]["time_ns"]
    assert values == whole["raw"]["value"]


def test_values_keep_their_type(api: httpx.Client, plant: Plant) -> None:
    """Text, a 64-bit integer beyond double precision and a bad sample leave the API as they were stored."""
    counter = next(series for series in plant.known if series.key.metric == "prod_processed_count")
    text = next(series for series in plant.known if str(series.key) == STATE)
    now_ns = time.time_ns()
    big = 2**53 + 1
    samples = Samples(
        np.array([counter.number, text.number, counter.number], np.int32),
        np.array([now_ns - 3, now_ns - 2, now_ns - 1], np.int64),
        np.array([Kind.INTEGER, Kind.TEXT, Kind.NULL], np.uint8),
        np.array([float(big), np.nan, np.nan]),
        np.array([big, 0, 0], np.int64),
        [None, "HELD", None],
        np.array([Quality.GOOD, Quality.GOOD, Quality.BAD], np.int16),
        np.ones(3, np.uint8),
    )
    plant.write(WriteBatch(samples=samples))
    end = now_ns + SECOND_NS
    assert get(api, series=STATE, end=end, max_points=1)["raw"]["value"] == ["HELD"]
    numbers = get(api, series=counter.number, end=end)["raw"]
    assert numbers["value"] == [big, None]
    assert numbers["quality"] == [192, 0]


@pytest.mark.parametrize("points", [1000, 50])
def test_arrow_holds_the_same_columns_as_json(api: httpx.Client, points: int) -> None:
    """Raw and buckets alike, asked for by parameter or by the Accept header."""
    json_answer = get(api, series=FLOW, max_points=points)
    query = {"series": FLOW, "start": json_answer["start_ns"], "end": json_answer["end_ns"], "max_points": points}
    by_parameter = api.get("/api/v1/samples", params={**query, "format": "arrow"})
    by_header = api.get("/api/v1/samples", params=query, headers={"Accept": "application/vnd.apache.arrow.stream"})
    assert by_parameter.content == by_header.content
    assert by_parameter.headers["content-type"] == "application/vnd.apache.arrow.stream"
    table = pa.ipc.open_stream(io.BytesIO(by_parameter.content)).read_all()
    if points == 1000:
        assert table["number"].to_pylist() == json_answer["raw"]["value"]
        assert table["time"].cast(pa.int64()).to_pylist() == json_answer["raw"]["time_ns"]
    else:
        assert table["maximum"].to_pylist() == json_answer["buckets"]["maximum"]
        assert table.schema.metadata[b"tier"].decode() == json_answer["buckets"]["tier"]


def test_a_window_in_words_is_the_window_in_nanoseconds(api: httpx.Client) -> None:
    """ISO 8601 with an offset and nanoseconds since 1970 name the same time."""
    answer = get(api, series=FLOW, start="2026-11-22T09:00:00+01:00", end="2026-11-22T08:30:00.5Z")
    assert answer["start_ns"] == 1_795_334_400_000_000_000
    assert answer["end_ns"] == answer["start_ns"] + 1_800_500_000_000
    assert get(api, series=FLOW, start=answer["start_ns"], end=answer["end_ns"])["raw"] == answer["raw"]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"series": "showroom/line-edge/MIX-10/nothing"}, 404, "showroom/line-edge/MIX-10/nothing"),
        ({"series": "999"}, 404, "999"),
        ({}, 422, "series"),
        ({"series": FLOW, "max_points": 10_001}, 422, "10000"),
        ({"series": FLOW, "max_points": 0}, 422, "max_points"),
        ({"series": FLOW, "limit": 100_001}, 422, "limit"),
        ({"series": FLOW, "start": "yesterday"}, 422, "2026-11-22T08:00:00Z"),
        ({"series": FLOW, "start": "2026-11-22T08:00:00"}, 422, "zone"),
        ({"series": FLOW, "start": "2026-11-22T08:00:00Z", "end": "2026-11-22T07:00:00Z"}, 422, "before"),
        ({"series": FLOW, "start": 0}, 422, "days"),
        ({"series": FLOW, "format": "xml"}, 422, "xml"),
    ],
)
def test_a_wrong_question_is_answered_with_place_value_and_remedy(
    api: httpx.Client, query: dict[str, Any], status: int, said: str
) -> None:
    """Nothing is guessed: the problem names what was wrong."""
    response = api.get("/api/v1/samples", params=query)
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert said in json.dumps(problem)
    assert problem["remedy"]


def test_a_store_that_is_away_is_a_503_with_its_remedy(api: httpx.Client, plant: Plant) -> None:
    """The reader's own words reach the caller, with the time to wait."""
    error = StoreUnavailableError("no space left on /data", remedy="free space on the disk", retry_after_s=7)
    plant.failing_reader = SilentReader(error)
    for path in (f"/api/v1/samples?series={FLOW}", "/api/v1/gaps"):
        response = api.get(path)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "7"
        assert response.json()["detail"] == "no space left on /data"
        assert response.json()["remedy"] == "free space on the disk"


def test_a_store_that_hangs_neither_blocks_the_gateway_nor_piles_up_requests(plant: Plant) -> None:
    """With every reader busy further questions are refused at once, and what needs no store is answered."""
    reader = SilentReader()
    plant.failing_reader = reader
    app = create_api(plant, WebSettings(reader_threads=2, reader_queue=1))
    with serving(app) as url, httpx.Client(base_url=url, timeout=20) as api, ThreadPoolExecutor(4) as callers:
        asked = [callers.submit(httpx.get, f"{url}/api/v1/gaps", timeout=20) for _ in range(4)]
        eventually(lambda: any(answer.done() for answer in asked))
        assert [answer.result().status_code for answer in asked if answer.done()] == [503]
        assert api.get("/api/v1/health").status_code == 200
        reader.release.set()
        assert sorted(answer.result().status_code for answer in asked) == [200, 200, 200, 503]
        assert api.get("/api/v1/gaps").status_code == 200


def test_gaps_are_found_by_time_and_path(api: httpx.Client, plant: Plant) -> None:
    """A gap of a whole work unit concerns each of its signals and no other work unit."""
    now_ns = time.time_ns()
    plant.declare_gap("MIX-10", now_ns - 20 * SECOND_NS, now_ns - 10 * SECOND_NS, "source_down")
    window = {"start": now_ns - 15 * SECOND_NS, "end": now_ns}
    found = api.get("/api/v1/gaps", params={**window, "path": FLOW}).json()
    assert [(gap["edge"], gap["device_id"], gap["cause"], gap["count"]) for gap in found] == [
        (str(LINE), "MIX-10", "source_down", None)
    ]
    assert api.get("/api/v1/gaps", params={**window, "path": "showroom/line-edge/CA-90"}).json() == []
    assert api.get("/api/v1/gaps", params={"start": now_ns - 5 * SECOND_NS, "end": now_ns}).json() == []


def test_many_series_come_with_one_request(
    api: httpx.Client, address: str, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of several series are those of each alone, also where a page ends in the middle of one."""
    numbers = [series.number for series in plant.known][:5]
    now_ns = time.time_ns()
    window = (now_ns - 600 * SECOND_NS, now_ns)
    monkeypatch.setattr("gateway.store.remote.PAGE_ROWS", 700)
    store = RemoteStore(address)
    each = [store.raw(number, *window, 10_000) for number in sorted(numbers)]
    together = store.several(numbers, *window, 10_000)
    store.close()
    assert len(together) > 1_400
    assert np.array_equal(together.series, np.concatenate([rows.series for rows in each]))
    assert np.array_equal(together.time_ns, np.concatenate([rows.time_ns for rows in each]))
    named = ",".join(["1"] * (MAX_SERIES + 1))
    refused = api.get("/api/v1/samples/several", params={"series": named})
    assert (refused.status_code, refused.json()["remedy"]) == (422, "name at most 500 in one request")
