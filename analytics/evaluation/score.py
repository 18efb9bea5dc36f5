"""Scores what was said of a run against its truth: found, named, in time, and nothing said without a cause."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.assessment import Assessment
from analytics.course import Course, UnitCourse
from analytics.evaluation.plan import Evaluation, Expected
from analytics.evaluation.truth import Episode, Truth
from analytics.judgement import judge

HOUR_NS = 3_600_000_000_000
_SUDDEN_H = 24.0
"""A sudden fault counts as found up to so long after its onset: some show only in the next shift or night."""
_MERGE_NS = 24 * HOUR_NS
"""Alarms of a unit that are not further apart are one advisory."""
_DECIDED = 0.8
"""Severity at which the cause that is named is scored, as in the exercises."""
_LIVES = 30
"""Remaining lives of an episode that are compared with the truth."""
_AFTERMATH_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Found:
    """What was said of one episode of a fault.

    Attributes:
        fault: its name.
        seed: of the run.
        days: from onset to failure, or to the end of the run or of the fault where it did not fail.
        failed: whether it failed within the run.
        found_h: hours from onset to the first alarm of its unit; None = none before failure.
        named_h: the same to the first right cause or sensor.
        severity: at the first alarm.
        lead_h: hours from the first alarm to functional failure; None where it did not fail.
        cause: most probable cause at severity 0.8 or at the last alarm before; of a sudden fault the last one within
            a day; empty where nothing was found.
        probability: of that cause.
        right: whether that cause is right.
        lives: (share of the life that is over, true, low, median, high) of each remaining life, in hours.
    """

    fault: str
    seed: int
    days: float
    failed: bool
    found_h: float | None = None
    named_h: float | None = None
    severity: float | None = None
    lead_h: float | None = None
    cause: str = ""
    probability: float | None = None
    right: bool = False
    lives: tuple[tuple[float, float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """An advisory without a true cause."""

    unit: str
    seed: int
    day: float
    cause: str


@dataclass(slots=True)
class RunScore:
    """Scores of one run.

    Attributes:
        plan: its plan.
        seed: its seed.
        found: one entry an episode of which something is expected.
        false: advisories without a true cause.
        unit_weeks: weeks of the line in which no fault touched a unit, as the mean over its units.
    """

    plan: str
    seed: int
    found: list[Found] = field(default_factory=list)
    false: list[Alarm] = field(default_factory=list)
    unit_weeks: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def score_run(plan: str, course: Course, truth: Truth, evaluation: Evaluation) -> RunScore:
    """Score one run."""
    score = RunScore(plan, truth.seed)
    end_ns = int(course.time_ns[-1])
    for episode in truth.episodes:
        expected = evaluation.expectation(episode.fault)
        if expected is None or expected.fine:
            continue
        if expected.nothing:
            score.found.append(_left_alone(expected, episode, course, truth, evaluation))
        elif expected.sensors:
            score.found.append(_sensor(expected, episode, course, truth, end_ns))
        else:
            score.found.append(_machine(expected, episode, course, truth, end_ns))
    free_ns = 0
    for unit in course.units.values():
        alarms, free = _false_alarms(unit, course, truth, evaluation)
        score.false += alarms
        free_ns += free
    score.unit_weeks = free_ns / max(len(course.units), 1) / (168 * HOUR_NS)
    return score


def _until(expected: Expected, episode: Episode, end_ns: int) -> int:
    """Until when finding it counts."""
    last = min(end_ns, episode.ended_ns if episode.ended_ns is not None else end_ns)
    if expected.sudden:
        from_ns = episode.failed_ns if episode.failed_ns is not None else episode.onset_ns
        return min(last, round(from_ns + _SUDDEN_H * HOUR_NS))
    return min(last, episode.failed_ns) if episode.failed_ns is not None else last


def _base(episode: Episode, truth: Truth, until_ns: int) -> dict[str, Any]:
    return {
        "fault": episode.fault,
        "seed": truth.seed,
        "days": (until_ns - episode.onset_ns) / (24 * HOUR_NS),
        "failed": episode.failed_ns is not None,
    }


def _hours(episode: Episode, time_ns: int) -> float:
    return (time_ns - episode.onset_ns) / HOUR_NS


def _machine(expected: Expected, episode: Episode, course: Course, truth: Truth, end_ns: int) -> Found:
    """A fault of a machine: its unit gives an alarm that it did not give before, or names the right cause."""
    until_ns = _until(expected, episode, end_ns)
    base = _base(episode, truth, until_ns)
    unit = course.units[expected.unit]
    first, last = np.searchsorted(course.time_ns, [episode.onset_ns, until_ns], side="right").tolist()
    with np.errstate(invalid="ignore"):
        abnormal = unit.alarm_scores() >= 1.0
    before = bool(abnormal[max(first - 1, 0)])
    rows = _rows(np.flatnonzero(abnormal[first:last]) + first, first, course.step_s)
    said = [(int(row), judge(course, unit, int(row))) for row in rows]
    named = [(row, each) for row, each in said if _cause(each) in expected.mechanisms]
    if not said or (before and not named):
        return Found(**base)
    found_row = named[0][0] if before else said[0][0]
    found_ns = int(course.time_ns[found_row])
    severity = truth.severity[episode.fault]
    decided = said[-1][1] if expected.sudden else _decision(said, severity, truth, course)
    return Found(
        **base,
        found_h=_hours(episode, found_ns),
        named_h=_hours(episode, int(course.time_ns[named[0][0]])) if named else None,
        severity=float(severity[_row_of(truth.time_ns, found_ns)]),
        lead_h=(episode.failed_ns - found_ns) / HOUR_NS if episode.failed_ns is not None else None,
        cause=_cause(decided),
        probability=decided.diagnoses[0].probability,
        right=_cause(decided) in expected.mechanisms,
        lives=_lives(named, episode, course, truth),
    )


def _rows(rows: NDArray[np.intp], first: int, step_s: float) -> NDArray[np.intp]:
    """Of the rows with an alarm those that are judged: each in the first three hours, one an hour later on."""
    hour = round(3600.0 / step_s)
    early = rows[rows < first + 3 * hour]
    late = rows[rows >= first + 3 * hour]
    if len(late):
        late = late[np.unique(late // hour, return_index=True)[1]]
    kept = np.concatenate([early, late, rows[:1]])
    return np.unique(kept)


def _cause(assessment: Assessment) -> str:
    return assessment.diagnoses[0].mechanism if assessment.diagnoses else ""


def _row_of(time_ns: NDArray[np.int64], instant_ns: int) -> int:
    return min(int(np.searchsorted(time_ns, instant_ns)), len(time_ns) - 1)


def _decision(
    said: Sequence[tuple[int, Assessment]], severity: NDArray[np.float64], truth: Truth, course: Course
) -> Assessment:
    """What was said when the severity first was 0.8, or last if it never was."""
    for row, each in said:
        if severity[_row_of(truth.time_ns, int(course.time_ns[row]))] >= _DECIDED:
            return each
    return said[-1][1]


def _lives(
    named: Sequence[tuple[int, Assessment]], episode: Episode, course: Course, truth: Truth
) -> tuple[tuple[float, float, float, float, float], ...]:
    """Remaining lives that were given with the right cause, beside the true ones; evenly over time."""
    lives: list[tuple[float, float, float, float, float]] = []
    if not named:
        return ()
    rows = np.array([row for row, _ in named])
    wanted = np.linspace(rows[0], rows[-1], _LIVES)
    for place in np.unique(np.searchsorted(rows, wanted)):
        row, each = named[min(int(place), len(named) - 1)]
        at = _row_of(truth.time_ns, int(course.time_ns[row]))
        true_h = float(truth.remaining_h[episode.fault][at])
        life = each.remaining_life
        if life is not None and np.isfinite(true_h) and true_h > 0.0:
            worn = _hours(episode, int(course.time_ns[row]))
            lives.append((worn / (worn + true_h), true_h, life.low_h, life.median_h, life.high_h))
    return tuple(lives)


def _sensor(expected: Expected, episode: Episode, course: Course, truth: Truth, end_ns: int) -> Found:
    """A fault of a sensor: the right signal is called not to be believed."""
    until_ns = end_ns if episode.failed_ns is None else min(end_ns, episode.failed_ns + round(_SUDDEN_H * HOUR_NS))
    base = _base(episode, truth, until_ns)
    first, last = np.searchsorted(course.time_ns, [episode.onset_ns, until_ns], side="right").tolist()
    best: int | None = None
    kind = ""
    for name in expected.sensors:
        unit = course.units[name.partition(".")[0]]
        for reason in unit.suspicions.get(name, ()):
            rows = np.flatnonzero(reason.where[first:last])
            if len(rows) and (best is None or rows[0] + first < best):
                best, kind = int(rows[0]) + first, reason.kind
    if best is None:
        return Found(**base)
    from_ns = episode.failed_ns if episode.failed_ns is not None else episode.onset_ns
    hours = max((int(course.time_ns[best]) - from_ns) / HOUR_NS, 0.0)
    return Found(**base, found_h=hours, named_h=hours, severity=1.0, cause=kind, probability=1.0, right=True)


def _left_alone(expected: Expected, episode: Episode, course: Course, truth: Truth, evaluation: Evaluation) -> Found:
    """Nothing is broken: right is that no unit that it touches gives an alarm, or one that names an outer cause."""
    end_ns = int(course.time_ns[-1])
    base = _base(episode, truth, end_ns)
    first = int(np.searchsorted(course.time_ns, episode.onset_ns, side="right"))
    for unit_id in expected.touches:
        unit = course.units.get(unit_id)
        if unit is None or _touched(unit_id, truth, evaluation):
            continue
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero(unit.alarm_scores()[first:] >= 1.0) + first
        for row in _rows(rows, first, course.step_s):
            each = judge(course, unit, int(row))
            if each.diagnoses and each.diagnoses[0].part:
                return Found(**base, found_h=0.0, cause=_cause(each), probability=each.diagnoses[0].probability)
    return Found(**base, right=True)


def _touched(unit_id: str, truth: Truth, evaluation: Evaluation) -> bool:
    """Whether a real fault of the run shows on the unit, so that an alarm there proves nothing."""
    for episode in truth.episodes:
        expected = evaluation.expectation(episode.fault)
        if expected is not None and not expected.nothing and unit_id in (expected.unit, *expected.touches):
            return True
    return False


def _false_alarms(unit: UnitCourse, course: Course, truth: Truth, evaluation: Evaluation) -> tuple[list[Alarm], int]:
    """Advisories of a unit while nothing was the matter with it, and for how many nanoseconds nothing was."""
    quiet = np.ones(len(course.time_ns), np.bool_)
    for episode in truth.episodes:
        expected = evaluation.expectation(episode.fault)
        touched: tuple[str, ...] = ()
        if expected is not None:
            sensors = tuple(name.partition(".")[0] for name in expected.sensors)
            touched = (expected.unit, *expected.touches, *sensors)
        if expected is None or unit.machine.id in touched:
            end_ns = episode.ended_ns + _AFTERMATH_NS if episode.ended_ns is not None else int(course.time_ns[-1])
            quiet[(course.time_ns >= episode.onset_ns) & (course.time_ns <= end_ns)] = False
    with np.errstate(invalid="ignore"):
        abnormal = quiet & (unit.alarm_scores() >= 1.0)
    for reasons in unit.suspicions.values():
        for reason in reasons:
            abnormal |= quiet & reason.where
    alarms: list[Alarm] = []
    last_ns = -(2**62)
    for row in np.flatnonzero(abnormal):
        time_ns = int(course.time_ns[row])
        if time_ns - last_ns > _MERGE_NS:
            said = judge(course, unit, int(row))
            cause = _cause(said) or ", ".join(f"{each.signal} {each.kind}" for each in said.sensors)
            day = (time_ns - int(course.time_ns[0])) / (24 * HOUR_NS)
            alarms.append(Alarm(unit.machine.id, truth.seed, round(day, 2), cause))
        last_ns = time_ns
    return alarms, round(float(quiet.sum()) * course.step_s * 1e9)
