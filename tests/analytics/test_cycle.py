"""One judgement of a plant and what is published of it: evidence and orders where something is wrong, never a guess."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from analytics.alarms import AlarmState
from analytics.assessment import Assessment, RemainingLife, Zone
from analytics.assessor import Assessor
from analytics.config import AlarmSettings, AnalyticsConfig
from analytics.cycle import Cycle, Knowledge, PlantResult, UnitResult
from analytics.maintenance import load_maintenance
from analytics.publish import Reports
from analytics.results import RESULTS, evidence_json, origin_of
from analytics.window import Window
from edge_agent.sparkplug.encoder import Declaration
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from tests.analytics.pump import T0_NS, course, pump

S_NS = 1_000_000_000
LIMITS = {
    name: AlarmSettings(limit=limit, on_delay_s=20, off_delay_s=60).rule
    for name, limit in (("anomaly", 1.0), ("health", 0.5), ("remaining_life", -24.0), ("sensor", 1.0))
}


class Declared:
    """Numbers metrics as an edge node does."""

    def __init__(self) -> None:
        self.metrics: list[Declaration] = []

    def __call__(self, metrics: Sequence[Declaration]) -> list[int]:
        begin = len(self.metrics)
        self.metrics.extend(metrics)
        return list(range(begin, begin + len(metrics)))


def cycle() -> Cycle:
    return Cycle(LIMITS, load_maintenance())


def run(worn: Window, tmp_path: Path, steps: int = 4) -> tuple[PlantResult, int]:
    """Learn two healthy days, then judge a window several times, ten seconds apart."""
    assessor, judged = Assessor(pump(tmp_path)).fit(course(2_880)), cycle()
    now_ns = int(worn.time_ns[-1])
    for step in range(steps):
        result = judged.run(assessor, worn, now_ns + step * 10 * S_NS)
    return result, now_ns + (steps - 1) * 10 * S_NS


def test_a_healthy_plant_is_ok_and_nothing_is_proposed(tmp_path: Path) -> None:
    """Fresh healthy days are judged as learnt: no alarm, no order, no diagnosis."""
    result, now_ns = run(course(1_440, seed=7), tmp_path)
    (unit,) = result.units
    assert unit.state is Knowledge.OK
    assert unit.assessment is not None
    assert unit.assessment.health_index == pytest.approx(1.0, abs=0.05)
    assert unit.order is None
    assert {alarm.state(now_ns) for alarm in unit.alarms.values()} == {AlarmState.NORMAL}


def test_a_worn_bearing_is_an_alarm_with_an_order(tmp_path: Path) -> None:
    """A bearing that gets worse raises the alarm after its delay; the order names part, stop, evidence and check."""
    worn = course(2_880, seed=7, wear_from=1_800)
    early, _ = run(worn, tmp_path, steps=1)
    assert early.announced == []
    result, now_ns = run(worn, tmp_path)
    (unit,) = result.units
    assert unit.assessment is not None
    assert unit.assessment.anomaly_score is not None
    assert unit.assessment.anomaly_score > 1
    assert unit.alarms["anomaly"].state(now_ns) is AlarmState.UNACKNOWLEDGED
    assert unit.order is not None
    assert unit.order.unit_id == "MIX-10"
    assert unit.order.evidence or unit.order.mechanism == "unknown"
    assert unit.order.next_check


def test_a_unit_whose_signals_are_gone_is_unknown(tmp_path: Path) -> None:
    """Once none of its signals has a value at the end of the window, no average of before is shown as knowledge."""
    gone = course(1_440)
    for column in gone.numbers.values():
        column[-5:] = np.nan
    (unit,) = run(gone, tmp_path)[0].units
    assert (unit.state, unit.order) == (Knowledge.UNKNOWN, None)
    assert "no values since 20" in unit.reason


def test_what_is_unknown_is_null_and_what_never_was_is_not_sent() -> None:
    """Learning and unknown units publish null health of quality BAD with a reason, and no remaining life at all."""
    declared = Declared()
    reports = Reports(declared)
    for state in (Knowledge.LEARNING, Knowledge.UNKNOWN):
        values = reports.values([UnitResult("MIX-10", state, "why")], {"MIX-10": Origin.SIMULATED}, 100 * S_NS)
        sent = {declared.metrics[number].metric: (value, quality) for number, _, value, quality in values}
        assert sent["state"] == (state.value, Quality.GOOD)
    assert {metric.metric for metric in declared.metrics} == {result.name for result in RESULTS}
    assert {metric.origin for metric in declared.metrics} == {Origin.SIMULATED}
    first = Reports(Declared()).values([UnitResult("MIX-10", Knowledge.UNKNOWN, "why")], {}, 0)
    names = [RESULTS[number].name for number, *_ in first]
    sent = {name: (value, quality) for name, (_, _, value, quality) in zip(names, first, strict=True)}
    assert sent["health_index"] == sent["anomaly_score"] == (None, Quality.BAD)
    assert sent["reason"] == ("why", Quality.GOOD)
    assert "remaining_useful_life_h" not in sent


def test_results_are_sent_when_they_change_and_once_a_minute() -> None:
    """An equal result is silent for a minute; a life that ends is taken back as null."""
    reports = Reports(Declared())
    life = Assessment("MIX-10", 0, 0.7, 2.0, zones=(("envelope", Zone.C),), remaining_life=RemainingLife(5, 9.87, 20))
    over = Assessment("MIX-10", 0, 0.7, 2.0, zones=(("envelope", Zone.C),))

    def send(assessment: Assessment, at_s: int) -> list[tuple[object, Quality]]:
        result = UnitResult("MIX-10", Knowledge.OK, "", assessment)
        return [(value, quality) for _, _, value, quality in reports.values([result], {}, at_s * S_NS)]

    first = send(life, 0)
    assert ("C", Quality.GOOD) in first
    assert (9.87, Quality.GOOD) in first
    assert send(life, 10) == []
    assert len(send(life, 60)) == len(first)
    assert send(over, 70) == [(None, Quality.BAD)] * 3


def test_partial_knowledge_is_uncertain() -> None:
    """A health index whose reason says that an indicator is unknown has quality UNCERTAIN."""
    partly = UnitResult("A", Knowledge.OK, "x", Assessment("A", 0, 0.9, 0.2, reason="power: signal is not there"))
    read = {result.name: result.read(partly, 0) for result in RESULTS}
    assert read["health_index"] is not None
    assert read["health_index"].quality is Quality.UNCERTAIN


def test_evidence_is_json_whatever_the_numbers() -> None:
    """Infinite and missing numbers become null: the text is valid JSON that names its schema."""
    result = Assessment("A", 0, 0.5, float("inf"))
    assert json.loads(evidence_json(result))["schema"] == "showroom-evidence/1"


def test_a_result_is_never_more_real_than_its_inputs() -> None:
    """One simulated input makes the result simulated, then one replayed; only real inputs give a real one."""
    assert origin_of([Origin.REAL, Origin.SIMULATED, Origin.REPLAYED]) is Origin.SIMULATED
    assert origin_of([Origin.REAL, Origin.REPLAYED]) is Origin.REPLAYED
    assert origin_of([Origin.REAL]) is Origin.REAL


def test_many_alarms_at_once_are_summarised() -> None:
    """Twenty units that turn abnormal together announce ten, and say that there are more."""
    judged = cycle()
    sick = [Assessment(f"CNV-{number}", 0, 0.9, 3.0) for number in range(20)]
    for step in range(4):
        result = judged.follow(sick, T0_NS + step * 10 * S_NS)
        if result.announced:
            break
    assert len(result.announced) == 10
    assert "10 further alarms" in result.flood


def test_alarm_limits_of_unknown_quantities_are_refused() -> None:
    """A misspelt quantity under [alarms] is named, with those that there are."""
    with pytest.raises(ValueError, match=r"anomoly.*anomaly, health"):
        AnalyticsConfig.model_validate(
            {
                "analytics": {"group_id": "g", "primary_host_id": "h"},
                "log": {"path": "log.db"},
                "alarms": {"anomoly": {"limit": 1}},
            }
        )
