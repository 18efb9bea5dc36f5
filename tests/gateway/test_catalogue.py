"""Catalogue learnt from births."""

import pytest

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from gateway.catalogue import Catalogue, CatalogueFullError
from gateway.store.base import SeriesKey


def key(metric: str, device: str = "MIX-10", edge: str = "line-edge", site: str = "showroom") -> SeriesKey:
    return SeriesKey(site, edge, device, metric)


def test_a_birth_teaches_number_and_meaning() -> None:
    """Unit, range, description, origin, address and report rule come from the properties of the birth."""
    series = Catalogue().learn(
        key("flow"),
        DataType.DOUBLE,
        {
            "engUnit": "l/h",
            "engLow": 0,
            "engHigh": 900.0,
            "documentation": "Product flow",
            "origin": "simulated",
            "source": "nsu=urn:x;s=flow",
            "report": "{}",
        },
    )
    assert (series.number, series.unit, series.low, series.high) == (1, "l/h", 0.0, 900.0)
    assert (series.description, series.origin) == ("Product flow", Origin.SIMULATED)
    assert (series.address, series.report) == ("nsu=urn:x;s=flow", "{}")


def test_numbers_go_on_after_those_of_the_store_and_stay() -> None:
    """A known key keeps its number over restarts and changes; a new one gets a number nobody had."""
    before = Catalogue()
    flow, speed = (before.learn(key(name), DataType.DOUBLE, {}) for name in ("flow", "speed"))
    catalogue = Catalogue([speed])
    assert catalogue.learn(key("speed"), DataType.INT32, {"engUnit": "rpm"}).number == speed.number
    assert catalogue.learn(key("flow"), DataType.DOUBLE, {}).number == 3 != flow.number


def test_only_news_are_handed_to_the_store_once() -> None:
    """What the store has already is not written again; what changed is."""
    catalogue = Catalogue()
    catalogue.learn(key("flow"), DataType.DOUBLE, {})
    assert [series.key.metric for series in catalogue.drain()] == ["flow"]
    catalogue.learn(key("flow"), DataType.DOUBLE, {})
    assert catalogue.drain() == ()
    catalogue.learn(key("flow"), DataType.DOUBLE, {"engUnit": "l/h"})
    assert [series.unit for series in catalogue.drain()] == ["l/h"]


def test_tree_shows_site_edge_and_work_unit() -> None:
    """The tree has one node a site, edge agent and work unit, in order."""
    catalogue = Catalogue()
    for name in (key("b"), key("a"), key("a", device="CA-90"), key("a", edge="meter-edge"), key("a", site="annex")):
        catalogue.learn(name, DataType.DOUBLE, {})
    annex, showroom = catalogue.tree()
    assert (annex.group_id, showroom.group_id) == ("annex", "showroom")
    line, meter = showroom.edges
    assert (line.edge_node_id, meter.edge_node_id) == ("line-edge", "meter-edge")
    assert [unit.device_id for unit in line.work_units] == ["CA-90", "MIX-10"]
    assert [series.key.metric for series in line.work_units[1].signals] == ["a", "b"]


def test_a_stranger_cannot_fill_the_memory() -> None:
    """Beyond the limit new names are refused, with the remedy; known ones still work."""
    catalogue = Catalogue(limit=1)
    catalogue.learn(key("flow"), DataType.DOUBLE, {})
    with pytest.raises(CatalogueFullError, match="max_series"):
        catalogue.learn(key("speed"), DataType.DOUBLE, {})
    assert catalogue.learn(key("flow"), DataType.DOUBLE, {"engUnit": "l/h"}).number == 1


def test_an_unknown_origin_is_refused() -> None:
    """A value of unknown origin is never taken for a real one."""
    with pytest.raises(ValueError, match="real, simulated, replayed"):
        Catalogue().learn(key("flow"), DataType.DOUBLE, {"origin": "guessed"})
