"""The production store beyond the contract: refusals, outages, credentials, retention, the v2 write path."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import RejectedSamples, Samples, StoreUnavailableError
from gateway.store.config import InfluxConfig
from gateway.store.downsample import aggregate
from gateway.store.influx import InfluxClient
from gateway.store.influx_store import InfluxStore
from gateway.store.rollup import HOUR_NS, floor_to, plan_buckets
from tests.conftest import Influx
from tests.contract.rows import EDGE, EPOCH, T0_NS, batch_of, floats, samples_of, series_numbered
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers

FOREVER = (0, 2**62)
TOO_LONG = series_numbered(2, metric="x" * 66_000)  # InfluxDB takes names of 64 kB


def configured(url: str, tmp_path: Path, **settings: object) -> InfluxConfig:
    given = {"type": "influx", "url": url, "api": "v1", "ledger": tmp_path / "influx.db", "retention_days": None}
    return InfluxConfig.model_validate({**given, **settings})


def initialise(config: InfluxConfig) -> None:
    client = InfluxClient(config)
    client.initialise()
    client.close()


@contextmanager
def opened(config: InfluxConfig) -> Iterator[InfluxStore]:
    store = InfluxStore(config)
    try:
        yield store
    finally:
        store.close()


def ramp(count: int) -> Samples:
    return floats(1, range(T0_NS, T0_NS + count), range(count))


def test_one_bad_point_costs_one_point(influxd: Influx, tmp_path: Path) -> None:
    """Of 5,000 points with one that the server refuses, 4,999 are stored and one is handed to quarantine."""
    config = configured(influxd.url, tmp_path)
    initialise(config)
    samples = ramp(5000)
    samples.series[1234] = 2
    rejected: list[RejectedSamples] = []
    with opened(config) as store:
        store.load()
        store.write(batch_of(samples, 1, series=[series_numbered(1), TOO_LONG]), rejected.append)
        assert [part.samples.number.tolist() for part in rejected] == [[1234.0]]
        assert "key length" in rejected[0].reason
        assert store.count(1, *FOREVER) == 4999
        assert dict(store.load().receipts) == {(EDGE, EPOCH): IntervalSet([(1, 1)])}


def test_points_beyond_retention_are_refused_whole(influxd: Influx, tmp_path: Path) -> None:
    """Points older than the retention all go to quarantine, and the batch is settled."""
    config = configured(influxd.url, tmp_path, retention_days=1)
    initialise(config)
    old = floats(1, range(10**18, 10**18 + 3000), range(3000))
    rejected: list[RejectedSamples] = []
    with opened(config) as store:
        store.load()
        store.write(batch_of(old, 1, series=[series_numbered(1)]), rejected.append)
        assert sum(len(part.samples) for part in rejected) == 3000
        assert "retention" in rejected[0].reason
        assert store.count(1, *FOREVER) == 0


def test_refused_rows_reach_quarantine_before_the_receipt(influxd: Influx, tmp_path: Path) -> None:
    """Where quarantine fails, the batch stays unacknowledged."""
    config = configured(influxd.url, tmp_path)
    initialise(config)
    samples = ramp(3)
    samples.series[1] = 2

    def full(rejected: RejectedSamples) -> None:
        raise OSError("quarantine is full")

    with opened(config) as store:
        store.load()
        with pytest.raises(OSError, match="quarantine is full"):
            store.write(batch_of(samples, 1, series=[series_numbered(1), TOO_LONG]), full)
        assert dict(store.load().receipts) == {}


def test_outage_and_recovery(influxd: Influx, tmp_path: Path) -> None:
    """While the server is down a batch is refused as temporary; the same batch is stored when it is back."""
    config = configured(influxd.url, tmp_path)
    initialise(config)
    batch = batch_of(ramp(10), 1, series=[series_numbered(1)])
    with opened(config) as store:
        store.load()
        influxd.server.kill()
        with pytest.raises(StoreUnavailableError) as caught:
            store.write(batch, refuse)
        assert not caught.value.permanent
        assert influxd.url in str(caught.value)
        with pytest.raises(StoreUnavailableError):
            store.count(1, *FOREVER)
        influxd.server.start()
        store.write(batch, refuse)
        assert store.count(1, *FOREVER) == 10


def test_frozen_server_is_noticed(influxd: Influx, tmp_path: Path) -> None:
    """A server that accepts connections and never answers is unavailable after the time-out."""
    config = configured(influxd.url, tmp_path, timeout_s=0.5)
    initialise(config)
    batch = batch_of(ramp(10), 1, series=[series_numbered(1)])
    with opened(config) as store:
        store.load()
        influxd.server.freeze()
        try:
            with pytest.raises(StoreUnavailableError) as caught:
                store.write(batch, refuse)
        finally:
            influxd.server.thaw()
        assert not caught.value.permanent
        eventually(lambda: written(store, batch))
        assert store.count(1, *FOREVER) == 10


def written(store: InfluxStore, batch: object) -> bool:
    try:
        store.write(batch, refuse)  # type: ignore[arg-type]
    except StoreUnavailableError:
        return False
    return True


def test_missing_database_is_permanent(influxd: Influx, tmp_path: Path) -> None:
    """Without its database nothing is written, and the remedy names the command that makes it."""
    config = configured(influxd.url, tmp_path)
    batch = batch_of(ramp(10), 1, series=[series_numbered(1)])
    with opened(config) as store:
        with pytest.raises(StoreUnavailableError) as caught:
            store.write(batch, refuse)
        assert caught.value.permanent
        assert "showroom influx init" in caught.value.remedy
        initialise(config)
        store.write(batch, refuse)
        assert store.count(1, *FOREVER) == 10


def test_wrong_password_is_permanent_and_never_shown(influxd_auth: Influx, tmp_path: Path) -> None:
    """A refused credential stops writing until it is changed; the secret appears in no message."""
    secret = tmp_path / "password"
    secret.write_text("wrong-secret\n", encoding="utf-8")
    secret.chmod(0o600)
    config = configured(influxd_auth.url, tmp_path, username=influxd_auth.username, password_file=secret)
    batch = batch_of(ramp(10), 1, series=[series_numbered(1)])
    with opened(config) as store:
        with pytest.raises(StoreUnavailableError) as caught:
            store.write(batch, refuse)
        assert caught.value.permanent
        assert "401" in str(caught.value)
        assert "wrong-secret" not in str(caught.value) + caught.value.remedy
        secret.write_text(influxd_auth.password + "\n", encoding="utf-8")
        initialise(config)
    with opened(config) as store:
        store.write(batch, refuse)
        assert store.count(1, *FOREVER) == 10


class Throttle(ThreadingHTTPServer):
    """A proxy before InfluxDB that answers the next writes itself, as an overloaded server or a rate limiter does."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.answers: list[tuple[int, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), ThrottledRequest)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class ThrottledRequest(BaseHTTPRequestHandler):
    server: Throttle

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.answers and self.path.startswith("/write"):
            status, headers = self.server.answers.pop(0)
            answer = b'{"error":"slow down"}'
        else:
            request = urllib.request.Request(self.server.target + self.path, body)
            if "Content-Type" in self.headers:
                request.add_header("Content-Type", self.headers["Content-Type"])
            with urllib.request.urlopen(request, timeout=10) as response:
                status, headers, answer = response.status, {}, response.read()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (503, {"Retry-After": "2"}, 2.0),
        (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        (429, {"Retry-After": "soon"}, None),
        (500, {}, None),
    ],
)
def test_overload_is_temporary_and_says_when_to_come_back(
    influxd: Influx, tmp_path: Path, status: int, headers: dict[str, str], expected: float | None
) -> None:
    """429 and 5xx are temporary and carry Retry-After; the same batch is stored afterwards."""
    throttle = Throttle(influxd.url)
    thread = threading.Thread(target=throttle.serve_forever)
    thread.start()
    try:
        config = configured(throttle.url, tmp_path)
        initialise(config)
        throttle.answers = [(status, headers)]
        batch = batch_of(ramp(10), 1, series=[series_numbered(1)])
        with opened(config) as store:
            store.load()
            with pytest.raises(StoreUnavailableError) as caught:
                store.write(batch, refuse)
            assert caught.value.retry_after_s == expected
            assert not caught.value.permanent
            store.write(batch, refuse)
            assert store.count(1, *FOREVER) == 10
    finally:
        throttle.shutdown()
        thread.join()
        throttle.server_close()


def test_initialise_sets_retention_and_may_be_repeated(influxd: Influx, tmp_path: Path) -> None:
    """The samples expire after the configured days, the rollups never; a second call changes what differs."""
    for days, duration in ((30, "720h0m0s"), (None, "0s"), (1, "24h0m0s")):
        config = configured(influxd.url, tmp_path, retention_days=days)
        initialise(config)
        client = InfluxClient(config)
        found = [
            client.query([f'SHOW RETENTION POLICIES ON "{bucket}"'], "")[0][0].column("duration")
            for bucket in ("showroom", "showroom_rollup")
        ]
        client.close()
        assert found == [[duration], ["0s"]]


def test_sums_of_large_integers_are_exact(influxd: Influx, tmp_path: Path) -> None:
    """Buckets of integers whose sum exceeds 64 bits equal the reference, from raw rows and from rollups."""
    config = configured(influxd.url, tmp_path)
    initialise(config)
    start_ns = floor_to(T0_NS, HOUR_NS)
    samples = samples_of([(1, start_ns + k * 10**9, 2**62 + k, Quality.GOOD, Origin.REAL) for k in range(600)])
    with opened(config) as store:
        store.load()
        store.write(batch_of(samples, 1, series=[series_numbered(1, DataType.INT64)]), refuse)
        for _ in range(2):
            for span_ns, points in ((600 * 10**9, 100), (HOUR_NS, 30)):
                expected = aggregate(samples, plan_buckets(start_ns, start_ns + span_ns, points))
                actual = store.buckets(1, start_ns, start_ns + span_ns, points)
                np.testing.assert_array_equal(actual.maximum, expected.maximum)
                np.testing.assert_allclose(actual.mean, expected.mean, rtol=1e-12)
            for step in range(3):
                store.maintain(start_ns + 3 * HOUR_NS + step * 10**10)
        assert len(store._dirty) == 0


def test_numbers_reach_a_server_of_the_v2_api(victoria_metrics: Server, tmp_path: Path) -> None:
    """Writes of the v2 API are accepted by a real server, numbers, times and tags unchanged."""
    config = configured(victoria_metrics.url, tmp_path, api="v2", org="plant")
    samples = floats(1, [T0_NS // 10**6 * 10**6 + k * 10**9 for k in range(100)], [k / 8 for k in range(100)])
    with opened(config) as store:
        store.write(batch_of(samples, 1, series=[series_numbered(1)]), refuse)
    found: dict[str, list[object]] = {}
    eventually(lambda: bool(found) or found.update(exported(victoria_metrics.url)))
    assert found["labels"] == ["line-edge", "simulated", "signal_1", "showroom", "MIX-10"]
    assert found["values"] == samples.number.tolist()
    assert found["timestamps"] == (samples.time_ns // 10**6).tolist()


def exported(url: str) -> dict[str, list[object]]:
    urllib.request.urlopen(f"{url}/internal/force_flush", timeout=10).close()
    with urllib.request.urlopen(f"{url}/api/v1/export?match={{__name__='signal_f'}}", timeout=10) as answer:
        lines = answer.read().splitlines()
    if not lines:
        return {}
    series = json.loads(lines[0])
    labels = [series["metric"][name] for name in ("edge", "origin", "signal", "site", "work_unit")]
    return {"labels": labels, "values": series["values"], "timestamps": series["timestamps"]}


def test_v2_outage_is_temporary(tmp_path: Path, free_port: int) -> None:
    """A server of the v2 API that is not there is unavailable, not an error of the library."""
    config = configured(f"http://127.0.0.1:{free_port}", tmp_path, api="v2", org="plant")
    with opened(config) as store, pytest.raises(StoreUnavailableError) as caught:
        store.write(batch_of(ramp(3), 1, series=[series_numbered(1)]), refuse)
    assert not caught.value.permanent


def refuse(rejected: RejectedSamples) -> None:
    raise AssertionError(rejected.reason)
