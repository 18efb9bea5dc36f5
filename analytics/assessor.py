"""Assesses the work units of a plant from their signals alone: sensors first, then state, cause and remaining life."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import skops.io

from analytics.assessment import Assessment
from analytics.course import Course, Track, UnitCourse
from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.norm import Norm
from analytics.features.process import Mask, context_mask, held
from analytics.judgement import judge, unknown_unit
from analytics.machines import Indicator, Machine, Machines
from analytics.validation import SensorNorm, Suspicion, check_sensor
from analytics.window import Window

_FORMAT = "showroom-assessor/1"
_LEAST_ROWS = 3


class Assessor:
    """What is normal for every work unit of a plant, and the judgement of windows against it.

    Args:
        machines: the plant.

    Attributes:
        norms: by unit and indicator; an indicator that could not be learnt is missing.
        sensors: how each checked sensor reads when it is sound, by signal.
        gaps: why an indicator could not be learnt, for people; by unit and indicator.
    """

    def __init__(self, machines: Machines) -> None:
        self.machines = machines
        self.norms: dict[tuple[str, str], Norm] = {}
        self.sensors: dict[str, SensorNorm] = {}
        self.gaps: dict[tuple[str, str], str] = {}

    def fit(self, history: Window, machines: Machines | None = None) -> Self:
        """Learn from healthy history.

        Args:
            history: rows of a minute, the more operating states and weather the better; 30 days are good.
            machines: the plant; None = the one given before.

        Raises NotEnoughDataError where not a single indicator could be learnt.
        """
        self.machines = machines if machines is not None else self.machines
        self.norms.clear()
        self.sensors.clear()
        self.gaps.clear()
        contexts = self._contexts(history)
        everywhere = np.ones(len(history), np.bool_)
        for machine in self.machines.machines:
            for metric, check in machine.sensors.items():
                name = f"{machine.id}.{metric}"
                holds = contexts[check.when] if check.when else everywhere
                self.sensors[name] = SensorNorm.learn(name, history, holds)
            for indicator in machine.indicators:
                try:
                    self.norms[machine.id, indicator.name] = Norm.learn(indicator, history, contexts[indicator.when])
                except NotEnoughDataError as error:
                    self.gaps[machine.id, indicator.name] = str(error)
        if not self.norms:
            first = next(iter(self.gaps.values()), "no indicator is described")
            raise NotEnoughDataError("history", first, "give healthy history in which the plant works")
        return self

    def assess(self, window: Window) -> list[Assessment]:
        """Judge every unit of the plant at the end of a window.

        Args:
            window: rows of a minute, or of less; the longer, the more is known of slow changes.

        Raises UnusableInputError for an assessor that has learnt nothing.
        """
        course = self.course(window)
        return self.judge(course, len(window) - 1)

    def course(self, window: Window) -> Course:
        """Work out how every unit went over a window; `judge` then judges any of its rows."""
        if not self.norms:
            raise UnusableInputError("assessor", "it has learnt nothing", "call fit with healthy history first")
        contexts = self._contexts(window)
        units: dict[str, UnitCourse] = {}
        for machine in self.machines.machines:
            suspicions = self._suspicions(machine, window, contexts)
            units[machine.id] = self._unit(machine, _believed(window, suspicions), contexts, suspicions)
        return Course(window.time_ns, window.step_s, units)

    def judge(self, course: Course, row: int) -> list[Assessment]:
        """Judge every unit at one row of a course; only rows up to it are looked at."""
        if len(course.time_ns) < _LEAST_ROWS:
            reason = f"{len(course.time_ns)} rows; at least {_LEAST_ROWS} are needed"
            last_ns = int(course.time_ns[-1]) if len(course.time_ns) else 0
            return [unknown_unit(machine.id, last_ns, reason) for machine in self.machines.machines]
        return [judge(course, unit, row) for unit in course.units.values()]

    def _contexts(self, window: Window) -> dict[str, Mask]:
        return {name: context_mask(window, context) for name, context in self.machines.contexts.items()}

    def _suspicions(self, machine: Machine, window: Window, contexts: Mapping[str, Mask]) -> dict[str, list[Suspicion]]:
        found: dict[str, list[Suspicion]] = {}
        everywhere = np.ones(len(window), np.bool_)
        for metric, check in machine.sensors.items():
            name = f"{machine.id}.{metric}"
            if name in self.sensors and name in window.numbers:
                holds = contexts[check.when] if check.when else everywhere
                reasons = check_sensor(name, check, self.sensors[name], window, holds)
                if reasons:
                    found[name] = reasons
        return found

    def _unit(
        self,
        machine: Machine,
        window: Window,
        contexts: Mapping[str, Mask],
        suspicions: dict[str, list[Suspicion]],
    ) -> UnitCourse:
        tracks: dict[str, Track] = {}
        unknown: dict[str, str] = {}
        for indicator in machine.indicators:
            norm = self.norms.get((machine.id, indicator.name))
            if norm is None:
                unknown[indicator.name] = self.gaps.get((machine.id, indicator.name), "was not learnt")
                continue
            missing = [name for name in indicator.signals() if name not in window.numbers]
            if missing:
                unknown[indicator.name] = f"signal {missing[0]} is not there"
                continue
            tracks[indicator.name] = _track(norm, indicator, window, contexts[indicator.when], suspicions)
        duty = contexts[machine.duty] if machine.duty else np.ones(len(window), np.bool_)
        return UnitCourse(machine, tracks, suspicions, unknown, duty)

    def state(self) -> dict[str, Any]:
        """Return what was learnt as plain values and arrays."""
        return {
            "format": _FORMAT,
            "norms": {f"{unit} {name}": norm.state() for (unit, name), norm in self.norms.items()},
            "sensors": {name: norm.state() for name, norm in self.sensors.items()},
            "gaps": {f"{unit} {name}": text for (unit, name), text in self.gaps.items()},
        }

    @classmethod
    def from_state(cls, machines: Machines, state: Mapping[str, Any]) -> Self:
        """Build an assessor from what `state` gave; indicators that the plant no longer has are left out.

        Raises UnusableInputError for a state of another format.
        """
        if state.get("format") != _FORMAT:
            raise UnusableInputError(
                "assessor", f"format {state.get('format')!r}", f"{_FORMAT} is expected; train anew"
            )
        made = cls(machines)
        for machine in machines.machines:
            for indicator in machine.indicators:
                learnt = state["norms"].get(f"{machine.id} {indicator.name}")
                if learnt is not None:
                    made.norms[machine.id, indicator.name] = Norm.from_state(indicator, learnt)
        made.sensors = {name: SensorNorm(**learnt) for name, learnt in state["sensors"].items()}
        made.gaps = {(key.split(" ")[0], key.split(" ")[1]): text for key, text in state["gaps"].items()}
        return made

    def save(self, path: Path) -> None:
        """Write what was learnt to a skops file: plain values and arrays, nothing that runs when it is read."""
        skops.io.dump(self.state(), path)

    @classmethod
    def load(cls, machines: Machines, path: Path) -> Self:
        """Read what `save` wrote; types other than plain values and arrays are refused by skops."""
        return cls.from_state(machines, skops.io.load(path))


def _believed(window: Window, suspicions: Mapping[str, Sequence[Suspicion]]) -> Window:
    """The window without what is not to be believed."""
    if not suspicions:
        return window
    numbers = dict(window.numbers)
    for name, reasons in suspicions.items():
        column = numbers[name].copy()
        for reason in reasons:
            column[reason.where] = np.nan
        numbers[name] = column
    return Window(window.time_ns, window.step_s, numbers, window.texts, window.bad)


def _track(
    norm: Norm, indicator: Indicator, window: Window, holds: Mask, suspicions: Mapping[str, Sequence[Suspicion]]
) -> Track:
    rows, average = norm.course(window, holds)
    deviation = held(average, rows, len(window))
    for name in indicator.signals():
        for reason in suspicions.get(name, ()):
            deviation[reason.where] = np.nan
    counted = np.zeros(len(window), np.bool_)
    counted[rows] = True
    return Track(deviation, counted, norm.limit)
