"""One judgement of the whole plant: window in, results out. Pure: no I/O, time is an argument."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import numpy as np

from analytics.advisory import WorkOrder, propose
from analytics.alarms import Alarm, AlarmLimit, AlarmState, FloodGate, acknowledge, observe, shelve
from analytics.assessment import Assessment
from analytics.maintenance import Maintenance
from analytics.window import Window


class Assesses(Protocol):
    """What judges a plant: analytics.assessor.Assessor, or a model of your own."""

    def assess(self, window: Window) -> Sequence[Assessment]:
        """Judge every unit at the end of a window; what is unknown says why."""


class Knowledge(StrEnum):
    """Whether anything can be said of a unit."""

    LEARNING = "learning"
    OK = "ok"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What is published of one work unit.

    Attributes:
        state, reason: what is known of it; the reason where anything is unknown.
        assessment: None while learning.
        order: proposal while an alarm is raised.
        alarms: by quantity.
    """

    unit_id: str
    state: Knowledge
    reason: str
    assessment: Assessment | None = None
    order: WorkOrder | None = None
    alarms: Mapping[str, Alarm] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlantResult:
    """Results of one cycle.

    Attributes:
        units: by work unit, in the order of the plant.
        announced: alarms that were raised just now, `MIX-10 anomaly`.
        flood: what is said of alarms that were held back; empty where there are none.
    """

    units: Sequence[UnitResult]
    announced: Sequence[str] = ()
    flood: str = ""


class Cycle:
    """Judges, follows the alarms and proposes work.

    Args:
        limits: of each alarmed quantity: `anomaly`, `health`, `remaining_life`, `sensor`.
        maintenance: assumptions of work orders.
        alarms: as they were, by unit and quantity.
    """

    def __init__(
        self,
        limits: Mapping[str, AlarmLimit],
        maintenance: Maintenance,
        alarms: Mapping[tuple[str, str], Alarm] | None = None,
    ) -> None:
        self.alarms = dict(alarms or {})
        self._limits = limits
        self._maintenance = maintenance
        self._gate = FloodGate()

    def acknowledge(self, unit_id: str, quantity: str) -> bool:
        """Note that an operator knows of an alarm; returns whether there is such an alarm."""
        return self._change(unit_id, quantity, acknowledge)

    def shelve(self, unit_id: str, quantity: str, until_ns: int) -> bool:
        """Silence an alarm until a time; returns whether there is such an alarm."""
        return self._change(unit_id, quantity, lambda alarm: shelve(alarm, until_ns))

    def run(self, assesses: Assesses, window: Window, now_ns: int) -> PlantResult:
        """Judge a window. Whatever `assess` raises is passed on."""
        assessments = assesses.assess(window)
        return self.follow([withheld(assessment, window) for assessment in assessments], now_ns)

    def follow(self, assessments: Sequence[Assessment], now_ns: int) -> PlantResult:
        """Follow the alarms of what was judged, and propose work where one is raised."""
        raised: list[tuple[int, str]] = []
        units: list[UnitResult] = []
        for assessment in assessments:
            alarms = self._observe(assessment, now_ns, raised)
            known = assessment.health_index is not None
            abnormal = any(alarms[name].raised for name in ("anomaly", "health", "sensor"))
            units.append(
                UnitResult(
                    assessment.unit_id,
                    Knowledge.OK if known else Knowledge.UNKNOWN,
                    assessment.reason,
                    assessment,
                    propose(assessment, self._maintenance, now_ns) if abnormal else None,
                    alarms,
                )
            )
        announced = self._gate.announce(raised, now_ns)
        return PlantResult(units, announced, self._gate.summary())

    def silent(self, unit_ids: Sequence[str], state: Knowledge, reason: str) -> PlantResult:
        """Say of every unit that nothing is known; its alarms stay as they are."""
        return PlantResult(
            [UnitResult(unit, state, reason, alarms=self._of(unit)) for unit in unit_ids], (), self._gate.summary()
        )

    def _observe(self, assessment: Assessment, now_ns: int, raised: list[tuple[int, str]]) -> dict[str, Alarm]:
        values = alarmed_values(assessment)
        for name, limit in self._limits.items():
            key = (assessment.unit_id, name)
            before = self.alarms.get(key, Alarm())
            after = observe(before, limit, values[name], now_ns)
            if after.raised and not before.raised and after.state(now_ns) is AlarmState.UNACKNOWLEDGED:
                raised.append((limit.priority, f"{assessment.unit_id} {name}"))
            self.alarms[key] = after
        return self._of(assessment.unit_id)

    def _change(self, unit_id: str, quantity: str, change: Callable[[Alarm], Alarm]) -> bool:
        alarm = self.alarms.get((unit_id, quantity))
        if alarm is None:
            return False
        self.alarms[unit_id, quantity] = change(alarm)
        return True

    def _of(self, unit_id: str) -> dict[str, Alarm]:
        return {name: self.alarms.get((unit_id, name), Alarm()) for name in self._limits}


def withheld(assessment: Assessment, window: Window) -> Assessment:
    """Return the assessment, or `unknown` where none of the unit's own signals has a value at the window's end.

    A judgement may rest on averages of hours; it must not outlive its sensors.
    """
    own = [column for name, column in window.numbers.items() if name.partition(".")[0] == assessment.unit_id]
    if assessment.health_index is None or not own or any(math.isfinite(column[-1]) for column in own):
        return assessment
    newest = max((int(np.flatnonzero(seen)[-1]) for column in own if (seen := np.isfinite(column)).any()), default=-1)
    since = "in this window"
    if newest >= 0:
        since = f"since {datetime.fromtimestamp(int(window.time_ns[newest]) / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
    return Assessment(assessment.unit_id, assessment.time_ns, None, None, reason=f"no values {since}")


def alarmed_values(assessment: Assessment) -> dict[str, float | None]:
    """Return the alarmed quantities; None where one is unknown."""
    health, life = assessment.health_index, assessment.remaining_life
    life_value: float | None = None
    if life is not None:
        life_value = -life.low_h
    elif assessment.anomaly_score is not None:
        life_value = -math.inf  # nothing grows
    return {
        "anomaly": assessment.anomaly_score,
        "health": None if health is None else 1.0 - health,
        "remaining_life": life_value,
        "sensor": float(len(assessment.sensors)),
    }
