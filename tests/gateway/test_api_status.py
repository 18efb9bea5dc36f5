"""Health, delivery and figures over HTTP."""

from dataclasses import replace

import httpx
from prometheus_client.parser import text_string_to_metric_families

from gateway.view import Hop, HopState
from tests.gateway.plant import Plant


def test_health_names_the_worst_state_and_every_hop_with_its_remedy(api: httpx.Client, plant: Plant) -> None:
    """The order of the path is kept and the error of a hop travels with what to do about it."""
    plant.hop_list = [
        Hop("edge line-edge", HopState.OK, 3, 100, 0.25),
        Hop("store", HopState.DEGRADED, error="disk full", remedy="free space"),
        Hop("ingest", HopState.WAITING),
    ]
    health = api.get("/api/v1/health").json()
    assert health["overall"] == "degraded"
    assert [hop["name"] for hop in health["hops"]] == ["edge line-edge", "store", "ingest"]
    assert (health["hops"][0]["queue_depth"], health["hops"][0]["lag_s"]) == (3, 0.25)
    assert (health["hops"][1]["error"], health["hops"][1]["remedy"]) == ("disk full", "free space")


def test_delivery_shows_backlog_intervals_and_losses(api: httpx.Client, plant: Plant) -> None:
    """A 64-bit epoch is text, so that no reader of JSON rounds it."""
    plant.edges[0] = replace(plant.edges[0], acknowledged=[(1, 10), (12, 20)], backlog=7, dropped=2)
    edge = api.get("/api/v1/pipeline").json()["edges"][0]
    assert edge["edge"] == "showroom/line-edge"
    assert edge["acknowledged"] == [[1, 10], [12, 20]]
    assert (edge["backlog"], edge["dropped"], edge["epoch"]) == (7, 2, "13292716291834528423")


def test_figures_are_readable_by_prometheus(api: httpx.Client, plant: Plant) -> None:
    """State, queues, lags and counters appear under one name each, labelled by hop or edge."""
    plant.hop_list = [Hop("broker", HopState.FAILED, 5, 10, 1.5)]
    text = api.get("/metrics").text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["showroom_hop_state", "broker", "failed"] == 1
    assert samples["showroom_hop_state", "broker", "ok"] == 0
    assert samples["showroom_hop_queue_depth", "broker"] == 5
    assert samples["showroom_hop_lag_seconds", "broker"] == 1.5
    assert samples["showroom_edge_online", "showroom/meter-edge"] == 1
    assert samples["showroom_stored_samples_total",] == 1_804_220
    assert samples["showroom_series",] == len(plant.known)
