"""Results as metrics: what each is called, means and holds, and how it changes into samples. Pure.

A unit's results stand under its own name, below the edge node of analytics, so that they are stored, shown and exported
like every other sample. What is unknown is null with quality BAD; what is known in part is UNCERTAIN; what has never
had a value (a remaining life while nothing grows) is declared and not sent.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.advisory import SCHEMA
from analytics.alarms import Alarm, AlarmState
from analytics.assessment import Assessment
from analytics.cycle import Knowledge, UnitResult
from edge_agent.sparkplug.encoder import Declaration
from edge_agent.sparkplug.metric import DataType, Property, Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.properties import DESCRIPTION, HIGH, LOW, REPORT, SOURCE, UNIT
from edge_agent.sparkplug.quality import Quality

EVIDENCE_SCHEMA = "showroom-evidence/1"
ALARMS_SCHEMA = "showroom-alarms/1"
REPEAT_S = 60.0
"""A result that does not change is given again after this time."""
_MOST_DIAGNOSES = 3
_STATE_ORDER = (
    AlarmState.UNACKNOWLEDGED,
    AlarmState.RETURNED_TO_NORMAL,
    AlarmState.ACKNOWLEDGED,
    AlarmState.SHELVED,
    AlarmState.SUPPRESSED,
    AlarmState.NORMAL,
)


@dataclass(frozen=True, slots=True)
class Reported:
    """A value and how much it is to be believed; None as a whole: there is nothing to send."""

    value: Value
    quality: Quality = Quality.GOOD


UNKNOWN = Reported(None, Quality.BAD)


@dataclass(frozen=True, slots=True)
class Result:
    """One metric of a unit.

    Attributes:
        name: of the metric.
        datatype, unit, low, high, description: as births declare it.
        read: its value now; None where there is none and never was.
    """

    name: str
    datatype: DataType
    description: str
    read: Callable[[UnitResult, int], Reported | None]
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def declaration(self, unit_id: str, origin: Origin) -> Declaration:
        """Return the metric as it is declared."""
        properties: dict[str, Property] = {
            SOURCE: f"analytics#{unit_id}.{self.name}",
            REPORT: json.dumps({"max_interval_s": REPEAT_S}, separators=(",", ":")),
            DESCRIPTION: self.description,
        }
        optional = ((UNIT, self.unit), (LOW, self.low), (HIGH, self.high))
        properties |= {key: value for key, value in optional if value not in ("", None)}
        return Declaration(unit_id, self.name, self.datatype, origin, properties)


def _health(result: UnitResult, _: int) -> Reported:
    found = result.assessment
    if found is None or found.health_index is None:
        return UNKNOWN
    return Reported(round(found.health_index, 3), Quality.UNCERTAIN if found.reason else Quality.GOOD)


def _anomaly(result: UnitResult, _: int) -> Reported:
    found = result.assessment
    if found is None or found.anomaly_score is None:
        return UNKNOWN
    return Reported(round(found.anomaly_score, 2), Quality.UNCERTAIN if found.reason else Quality.GOOD)


def _diagnosis(result: UnitResult, _: int) -> Reported:
    found = result.assessment
    if found is None or (found.health_index is None and not found.diagnoses):
        return UNKNOWN
    return Reported(found.diagnoses[0].mechanism if found.diagnoses else "none")


def _probability(result: UnitResult, _: int) -> Reported | None:
    found = result.assessment
    return Reported(round(found.diagnoses[0].probability, 2)) if found is not None and found.diagnoses else None


def _life(quantile: str) -> Callable[[UnitResult, int], Reported | None]:
    def read(result: UnitResult, _: int) -> Reported | None:
        found = result.assessment
        if found is None or found.remaining_life is None:
            return None
        hours = float(getattr(found.remaining_life, quantile))
        return Reported(float(f"{hours:.3g}")) if math.isfinite(hours) else None

    return read


def _evidence(result: UnitResult, _: int) -> Reported:
    return UNKNOWN if result.assessment is None else Reported(evidence_json(result.assessment))


def _advisory(result: UnitResult, _: int) -> Reported:
    if result.order is not None:
        return Reported(result.order.to_json())
    return Reported("") if result.state is Knowledge.OK else UNKNOWN


def _alarm(result: UnitResult, now_ns: int) -> Reported:
    states = {alarm.state(now_ns) for alarm in result.alarms.values()}
    return Reported(next((state.value for state in _STATE_ORDER if state in states), AlarmState.NORMAL.value))


RESULTS: tuple[Result, ...] = (
    Result("state", DataType.STRING, "What analytics knows of this unit: learning, ok or unknown",
           lambda result, _: Reported(result.state.value)),
    Result("reason", DataType.STRING, "Why something is unknown", lambda result, _: Reported(result.reason)),
    Result("health_index", DataType.DOUBLE, "1 = as learnt, 0 = functional failure (ISO 13374)", _health,
           low=0.0, high=1.0),
    Result("anomaly_score", DataType.DOUBLE, "Distance from normal; 1 = alarm limit", _anomaly),
    Result("diagnosis", DataType.STRING, "Likeliest mechanism; none = nothing abnormal, unknown = nothing known fits",
           _diagnosis),
    Result("diagnosis_probability", DataType.DOUBLE, "Probability of that mechanism", _probability,
           low=0.0, high=1.0),
    Result("remaining_useful_life_h", DataType.DOUBLE, "Hours to functional failure at today's duty, median",
           _life("median_h"), unit="h"),
    Result("remaining_useful_life_low_h", DataType.DOUBLE, "The same, 5 % quantile", _life("low_h"), unit="h"),
    Result("remaining_useful_life_high_h", DataType.DOUBLE, "The same, 95 % quantile", _life("high_h"), unit="h"),
    Result("evidence", DataType.STRING, f"What it rests on: JSON, schema {EVIDENCE_SCHEMA}", _evidence),
    Result("advisory", DataType.STRING, f"Work-order proposal, empty = none: JSON, schema {SCHEMA}", _advisory),
    Result("alarm", DataType.STRING, "State of the unit's most urgent alarm (ISA-18.2)", _alarm),
    Result("alarms", DataType.STRING, f"Every alarm of the unit: JSON, schema {ALARMS_SCHEMA}",
           lambda result, now_ns: Reported(alarms_json(result.alarms, now_ns))),
)  # fmt: skip


def zone_result(name: str) -> Result:
    """Return the metric of one zone, which exists as soon as it was judged."""

    def read(result: UnitResult, _: int) -> Reported:
        zones = dict(result.assessment.zones) if result.assessment is not None else {}
        return Reported(zones[name].value) if name in zones else UNKNOWN

    return Result(f"zone_{name}", DataType.STRING, "Zone A as new, B, C, D dangerous (as ISO 20816-1, 6.3)", read)


def results_of(result: UnitResult) -> list[Result]:
    """Return every metric that a unit has now."""
    zones = [] if result.assessment is None else [zone_result(name) for name, _ in result.assessment.zones]
    return [*RESULTS, *zones]


def evidence_json(assessment: Assessment) -> str:
    """Return contributions, diagnoses, zones and suspected sensors as JSON; numbers have four digits."""
    content = {
        "schema": EVIDENCE_SCHEMA,
        "contributions": [
            {"name": one.name, "share": _short(one.share), "value": _short(one.value), "expected": _short(one.expected)}
            for one in assessment.contributions
        ],
        "diagnoses": [
            {
                "mechanism": one.mechanism,
                "part": one.part,
                "probability": _short(one.probability),
                "next_check": one.next_check,
                "evidence": [
                    {"text": fact.text, "supports": fact.supports, "weight": _short(fact.weight)}
                    for fact in one.evidence
                ],
            }
            for one in assessment.diagnoses[:_MOST_DIAGNOSES]
        ],
        "zones": {name: zone.value for name, zone in assessment.zones},
        "sensors": [{"signal": one.signal, "kind": one.kind, "text": one.text} for one in assessment.sensors],
    }
    return _json(content)


def alarms_json(alarms: Mapping[str, Alarm], now_ns: int) -> str:
    """Return those alarms that are not normal as JSON, by quantity."""
    shown = [
        {"quantity": name, "state": state.value, "raised_ns": alarm.raised_ns}
        for name, alarm in sorted(alarms.items())
        if (state := alarm.state(now_ns)) is not AlarmState.NORMAL
    ]
    return _json({"schema": ALARMS_SCHEMA, "alarms": shown})


def origin_of(origins: Sequence[Origin]) -> Origin:
    """Return the origin of a result: never more real than any of its inputs."""
    for origin in (Origin.SIMULATED, Origin.REPLAYED):
        if origin in origins:
            return origin
    return Origin.REAL


def _short(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
