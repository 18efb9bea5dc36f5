"""Equipment, series and latest values over HTTP."""

import time
from dataclasses import replace

import httpx
import pytest

from edge_agent.sparkplug.quality import Quality
from tests.gateway.plant import Plant


def test_equipment_is_a_tree_of_everything_that_announced_itself(api: httpx.Client, plant: Plant) -> None:
    """Site, edge agent, work unit and signal nest as the keys of the series say, and none is left out."""
    sites = api.get("/api/v1/equipment").json()["sites"]
    paths = [
        "/".join((site["group_id"], edge["edge_node_id"], unit["device_id"], signal["metric"]))
        for site in sites
        for edge in site["edges"]
        for unit in edge["work_units"]
        for signal in unit["signals"]
    ]
    assert sorted(paths) == sorted(str(series.key) for series in plant.known)
    assert [unit["device_id"] for unit in sites[0]["edges"][0]["work_units"]] == ["CA-90", "MIX-10", "MONO-30"]


def test_a_dead_edge_agent_stays_in_the_tree_as_offline(api: httpx.Client, plant: Plant) -> None:
    """A work unit is online only between its birth and its death."""
    plant.edges[0] = replace(plant.edges[0], online=False, devices=dict.fromkeys(plant.edges[0].devices, False))
    edges = api.get("/api/v1/equipment").json()["sites"][0]["edges"]
    assert [edge["online"] for edge in edges] == [False, True]
    assert not any(unit["online"] for unit in edges[0]["work_units"])


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("showroom/line-edge/MIX-10", {"MIX-10"}),
        ("showroom/line-edge/MIX-10/", {"MIX-10"}),
        ("showroom/line-edge/MIX-1", set()),
        ("showroom/meter-edge", {"EL-92"}),
        ("", {"MIX-10", "MONO-30", "CA-90", "EL-92"}),
    ],
)
def test_series_are_filtered_by_whole_parts_of_the_path(api: httpx.Client, path: str, units: set[str]) -> None:
    """MIX-1 does not select MIX-10."""
    found = api.get("/api/v1/series", params={"path": path}).json()
    assert {series["device_id"] for series in found} == units


def test_latest_values_carry_quality_origin_and_age(api: httpx.Client, plant: Plant) -> None:
    """A bad value is null, a stale one is the last known, and both say so."""
    plant.step(time.time_ns() - 3_000_000_000)
    plant.mark("MIX-10", Quality.BAD)
    plant.mark("EL-92", Quality.STALE)
    found = {item["path"]: item for item in api.get("/api/v1/latest").json()}
    flow = found["showroom/line-edge/MIX-10/product_flow_l_h"]
    power = found["showroom/meter-edge/EL-92/total_act_power_w"]
    assert (flow["quality"], flow["value"], flow["origin"]) == ("bad", None, "simulated")
    assert power["quality"] == "stale"
    assert isinstance(power["value"], float)
    assert 2.9 < power["age_s"] < 10


def test_a_number_that_json_cannot_carry_is_null(api: httpx.Client, plant: Plant) -> None:
    """Infinity as a newest value neither breaks the answer nor becomes a number."""
    first = plant.values[1]
    plant.set(replace(first, value=float("inf")))
    item = api.get("/api/v1/latest", params={"path": str(first.series.key)}).json()
    assert [value["value"] for value in item] == [None]


@pytest.mark.parametrize(
    ("question", "known"),
    [
        ("/api/v1/series?unit=MIX-10", "path"),
        ("/api/v1/samples?series=1&max_point=5", "max_points"),
        ("/api/v1/health?a=1", "no parameters"),
    ],
)
def test_a_parameter_that_does_not_exist_is_refused(api: httpx.Client, question: str, known: str) -> None:
    """A typo in a parameter is answered with those that exist, not with an answer to another question."""
    answer = api.get(question)
    assert answer.status_code == 422
    assert "there is no query parameter" in answer.json()["detail"]
    assert known in answer.json()["remedy"]
