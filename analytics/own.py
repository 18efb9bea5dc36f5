"""What analytics says of itself, as metrics of the device ANALYTICS. Pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from analytics.config import TrainingSettings
from analytics.cycle import Knowledge, PlantResult
from analytics.drift import Drift
from analytics.inputs import Past
from analytics.publish import OWN_DEVICE
from analytics.registry import Version
from analytics.results import REPEAT_S, Reported
from edge_agent.sparkplug.encoder import Declaration
from edge_agent.sparkplug.metric import DataType, Property
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.properties import DESCRIPTION, REPORT, SOURCE, UNIT
from edge_agent.sparkplug.quality import Quality

_MOST_DRIFTED = 10
_UNKNOWN = Reported(None, Quality.BAD)


@dataclass(slots=True)
class Standing:
    """What is known of analytics itself, as it is published.

    Attributes:
        state, reason: of the plant as a whole.
        past: data to learn from.
        version: model in use.
        drift: since it was trained; None while unknown.
        cpu_s: of the last cycle.
        training: what the training does, in words; empty where nothing is to be said.
    """

    state: Knowledge = Knowledge.UNKNOWN
    reason: str = "starting"
    past: Past | None = None
    version: Version | None = None
    drift: Drift | None = None
    cpu_s: float = 0.0
    training: str = ""


@dataclass(frozen=True, slots=True)
class _About:
    standing: Standing
    result: PlantResult
    training: TrainingSettings


@dataclass(frozen=True, slots=True)
class _Own:
    """One metric: as births declare it, and how it is read."""

    name: str
    datatype: DataType
    description: str
    read: Callable[[_About], Reported]
    unit: str = ""


def _number(value: float | None) -> Reported:
    return _UNKNOWN if value is None else Reported(value)


def _of_version(read: Callable[[Version], Reported]) -> Callable[[_About], Reported]:
    return lambda about: _UNKNOWN if about.standing.version is None else read(about.standing.version)


def _trained(version: Version) -> Reported:
    made = datetime.fromtimestamp(version.created_ns / 1e9, UTC)
    return Reported(made.strftime("%Y-%m-%dT%H:%M:%SZ"))


_OWN: tuple[_Own, ...] = (
    _Own("state", DataType.STRING, "learning, ok or unknown", lambda about: Reported(about.standing.state.value)),
    _Own("reason", DataType.STRING, "Why nothing, or not everything, is known",
         lambda about: Reported(about.standing.reason)),
    _Own("known_days", DataType.DOUBLE, "Days of stored data to learn from",
         lambda about: _number(None if about.standing.past is None else round(about.standing.past.days, 2)), "d"),
    _Own("wanted_days", DataType.DOUBLE, "Days of data that it learns from at most",
         lambda about: Reported(about.training.history_days), "d"),
    _Own("model_version", DataType.INT32, "Number of the model in use",
         _of_version(lambda version: Reported(version.number))),
    _Own("model_trained", DataType.STRING, "When that was trained, UTC", _of_version(_trained)),
    _Own("model_days", DataType.DOUBLE, "Days of data that it learnt from",
         _of_version(lambda version: Reported(round((version.data_end_ns - version.data_start_ns) / 86_400e9, 2))),
         "d"),
    _Own("model_alarmed_share", DataType.DOUBLE, "Share of a healthy held-back window in which it alarmed",
         _of_version(lambda version: _number(version.scores.get("alarmed")))),
    _Own("training", DataType.STRING, "What is to be said of the last training; empty = it went well",
         lambda about: Reported(about.standing.training)),
    _Own("drift_share", DataType.DOUBLE, "Share of signals that left what the model learnt from",
         lambda about: _number(None if about.standing.drift is None else round(about.standing.drift.share, 3))),
    _Own("drifted", DataType.STRING, "Those signals, JSON list, the furthest first",
         lambda about: Reported(_list(list(about.standing.drift.changed) if about.standing.drift else []))),
    _Own("units_unknown", DataType.INT32, "Work units of which nothing is known now",
         lambda about: Reported(sum(unit.state is not Knowledge.OK for unit in about.result.units))),
    _Own("alarm_flood", DataType.STRING, "Alarms that were summarised instead of announced; empty = none",
         lambda about: Reported(about.result.flood)),
    _Own("cycle_cpu_s", DataType.DOUBLE, "CPU time of the last cycle",
         lambda about: Reported(round(about.standing.cpu_s, 2)), "s"),
)  # fmt: skip


def own_metrics(
    standing: Standing, result: PlantResult, training: TrainingSettings, origin: Origin
) -> list[tuple[Declaration, Reported]]:
    """Return every metric of the device ANALYTICS with its value now."""
    about = _About(standing, result, training)
    return [(_declaration(one, origin), one.read(about)) for one in _OWN]


def _declaration(one: _Own, origin: Origin) -> Declaration:
    properties: dict[str, Property] = {
        SOURCE: f"analytics#{one.name}",
        REPORT: json.dumps({"max_interval_s": REPEAT_S}, separators=(",", ":")),
        DESCRIPTION: one.description,
    }
    if one.unit:
        properties[UNIT] = one.unit
    return Declaration(OWN_DEVICE, one.name, one.datatype, origin, properties)


def _list(names: list[str]) -> str:
    return json.dumps(names[:_MOST_DRIFTED], ensure_ascii=False, separators=(",", ":"))
