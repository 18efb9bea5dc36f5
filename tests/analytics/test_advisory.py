"""Work-order proposals: a stop whose risk is accepted, honest costs of waiting, and no claim without a known life."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.advisory import SCHEMA, WorkOrder, chance_of_failure, propose
from analytics.assessment import Assessment, Diagnosis, Evidence, RemainingLife, SensorFinding
from analytics.maintenance import load_maintenance
from edge_agent.sparkplug.settings import ConfigError

NOW_NS = 1_795_428_000_000_000_000  # Monday 2026-11-23 10:00 UTC
H_NS = 3_600_000_000_000
PLANT = load_maintenance()
hours = st.floats(0.01, 50_000)


def assessed(life: RemainingLife | None = None, mechanism: str = "bearing_outer_race") -> Assessment:
    facts = (
        Evidence("envelope 0.9 g since 12 h", supports=True, weight=3),
        Evidence("mm/s as ever", supports=False, weight=0.5),
    )
    diagnosis = Diagnosis(mechanism, "drive-end bearing 6205", 0.8, facts)
    return Assessment("MIX-10", NOW_NS, 0.6, 2.0, diagnoses=(diagnosis,), remaining_life=life)


def proposed(life: RemainingLife | None = None, mechanism: str = "bearing_outer_race") -> WorkOrder:
    order = propose(assessed(life, mechanism), PLANT, NOW_NS)
    assert order is not None
    return order


def test_work_waits_for_the_last_stop_whose_risk_is_accepted() -> None:
    """A bearing with four weeks left is changed in a later stop than one with two days, and one with hours: now."""
    late, early = proposed(RemainingLife(400, 700, 1000)), proposed(RemainingLife(40, 60, 80))
    now = proposed(RemainingLife(0.5, 1, 2))
    assert late.begin_ns > early.begin_ns > NOW_NS
    assert (now.stop, now.begin_ns) == ("", 0)
    assert "now" in now.title
    for order in (late, early):
        done_h = (order.begin_ns - NOW_NS) / H_NS + order.hours
        life = RemainingLife(400, 700, 1000) if order is late else RemainingLife(40, 60, 80)
        assert chance_of_failure(life, done_h) <= PLANT.acceptable_risk


def test_costs_of_waiting_grow_and_say_what_they_rest_on() -> None:
    """Later stops cost more, running to failure the whole surprise; assumptions and currency stand beside."""
    order = proposed(RemainingLife(20, 60, 80))
    costs = [one.cost for one in order.waiting]
    assert costs == sorted(costs)
    assert order.waiting[-1].until == "failure"
    assert order.waiting[-1].cost == pytest.approx(3 * 3 * 900 + 3 * 2 * 45)
    assert any("900 EUR" in text for text in order.assumptions)


def test_without_a_remaining_life_no_cost_is_claimed() -> None:
    """A cause without a trend gets the first stop that fits and no figure."""
    order = proposed(None)
    assert not order.waiting
    assert order.stop == "cleaning stop"


def test_nothing_wrong_means_no_proposal_and_a_sensor_comes_first() -> None:
    """A healthy unit gets none; a sensor that is not to be believed is checked before anything is repaired."""
    assert propose(Assessment("MIX-10", NOW_NS, 1.0, 0.1), PLANT, NOW_NS) is None
    doubtful = Assessment(
        "PAS-20", NOW_NS, None, None, sensors=(SensorFinding("PAS-20.holding_a_degc", "drift", "1.5 K over its twin"),)
    )
    order = propose(doubtful, PLANT, NOW_NS)
    assert order is not None
    assert (order.mechanism, order.part) == ("sensor", "sensor holding_a_degc")
    assert "1.5 K" in order.next_check


def test_the_proposal_is_published_as_json_that_names_its_form() -> None:
    """The text parses, names its schema and holds the evidence, the weightiest first, with what speaks against."""
    fields = json.loads(proposed(RemainingLife(40, 60, math.inf)).to_json())
    assert fields["schema"] == SCHEMA
    assert fields["evidence"] == ["envelope 0.9 g since 12 h", "against: mm/s as ever"]


@given(st.tuples(hours, hours, hours), hours, hours)
def test_chances_are_chances(quantiles: tuple[float, float, float], one: float, other: float) -> None:
    """Between 0 and 0.95, growing with time, and 5, 50 and 95 % at the quantiles where these differ."""
    low, median, high = sorted(quantiles)
    life = RemainingLife(low, median, high)
    soon, late = sorted((one, other))
    assert 0 <= chance_of_failure(life, soon) <= chance_of_failure(life, late) <= 0.95
    if low < 0.9 * median < 0.8 * high:
        assert chance_of_failure(life, low) == pytest.approx(0.05)
        assert chance_of_failure(life, median) == pytest.approx(0.5)
    assert chance_of_failure(RemainingLife(math.inf, math.inf, math.inf), late) == 0
    assert chance_of_failure(RemainingLife(0.0, 0.0, 0.0), late) == pytest.approx(0.95)


@given(st.integers(0, 4 * 10**18))
def test_stops_lie_ahead_in_order(now_ns: int) -> None:
    """Every stop that is offered ends after now, and they come by begin."""
    stops = PLANT.next_stops(now_ns)
    assert stops
    assert all(stop.end_ns > now_ns and stop.end_ns > stop.begin_ns for stop in stops)
    assert [stop.begin_ns for stop in stops] == sorted(stop.begin_ns for stop in stops)


def test_a_file_without_a_default_is_refused(tmp_path: Path) -> None:
    """Assumptions without [work.default] are an error that says what it is for."""
    path = tmp_path / "maintenance.toml"
    path.write_text(
        'currency="EUR"\nline_hour=1\ncrew_hour=1\nacceptable_risk=0.05\nsurprise_factor=2\n'
        '[[stops]]\nname="x"\nweekdays=["monday"]\nbegin="22:00"\nlength_h=1\n[work.x]\n'
    )
    with pytest.raises(ConfigError, match=r"work\.default"):
        load_maintenance(path)
