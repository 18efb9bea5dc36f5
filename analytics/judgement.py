"""Judges one work unit at one instant of its course: health, anomaly, cause, remaining life."""

from datetime import UTC, datetime

import numpy as np

from analytics.assessment import Assessment, Contribution, Diagnosis, RemainingLife, SensorFinding, Zone
from analytics.course import Course, Track, UnitCourse
from analytics.diagnosis import Mechanism, Observation, diagnose, mechanisms_of
from analytics.features.expectation import Floats
from analytics.machines import Indicator
from analytics.prognosis.trend import Damage, caused, outlook

_MOST_CONTRIBUTIONS = 5
_HOUR_S = 3600.0
_LEAST_DUTY_H, _DUTY_OF_LATE_H = 1.0, 24.0
_ZONE_B, _ZONE_C, _ZONE_D = 0.5, 1.0, 2.0
"""Multiples of the alarm limit at which the next zone begins (ISO 20816-1, 6.3: A as new ... D dangerous)."""


def unknown_unit(unit_id: str, time_ns: int, reason: str) -> Assessment:
    """Say that nothing is known of a unit, and why."""
    return Assessment(unit_id, time_ns, None, None, reason=reason)


def judge(course: Course, unit: UnitCourse, row: int) -> Assessment:
    """Judge a unit at one row of its course; only rows up to it are looked at."""
    time_ns = int(course.time_ns[row])
    sensors = _sensor_findings(course, unit, row)
    scores = {name: score for name, score in unit.scores(row).items() if np.isfinite(score)}
    alarming = {
        indicator.name: _alarming(indicator, scores[indicator.name])
        for indicator in unit.machine.indicators
        if indicator.alarm and indicator.name in scores
    }
    if not alarming:
        return Assessment(unit.machine.id, time_ns, None, None, sensors=sensors, reason=_why_unknown(unit))
    anomaly = max(alarming.values())
    diagnoses: list[Diagnosis] = []
    life: RemainingLife | None = None
    if anomaly >= 1.0:
        mechanisms = mechanisms_of(unit.machine.kind)
        diagnoses = diagnose(unit.machine, mechanisms, _observations(course, unit, row))
        likeliest = next((each for each in mechanisms if each.key == diagnoses[0].mechanism), None)
        life = _life(course, unit, row, likeliest) if likeliest is not None else None
    return Assessment(
        unit_id=unit.machine.id,
        time_ns=time_ns,
        health_index=_health(unit, scores, anomaly),
        anomaly_score=anomaly,
        contributions=_contributions(unit, row, alarming),
        zones=tuple((name, _zone(score)) for name, score in alarming.items()),
        sensors=sensors,
        diagnoses=tuple(diagnoses),
        remaining_life=life,
        reason="; ".join(f"{name}: {why}" for name, why in unit.unknown.items()),
    )


def _alarming(indicator: Indicator, score: float) -> float:
    if indicator.one_sided == "up":
        return max(score, 0.0)
    if indicator.one_sided == "down":
        return max(-score, 0.0)
    return abs(score)


def _zone(score: float) -> Zone:
    return Zone.A if score < _ZONE_B else Zone.B if score < _ZONE_C else Zone.C if score < _ZONE_D else Zone.D


def _why_unknown(unit: UnitCourse) -> str:
    if not unit.machine.indicators:
        return "no indicator is described for this unit"
    if unit.unknown:
        name, why = next(iter(unit.unknown.items()))
        return f"{name}: {why}"
    return "the unit has not worked in this window in a state that can be compared, or its sensors are not believed"


def _sensor_findings(course: Course, unit: UnitCourse, row: int) -> tuple[SensorFinding, ...]:
    found: list[SensorFinding] = []
    for name, reasons in unit.suspicions.items():
        for reason in reasons:
            if reason.where[row]:
                began = _began(reason.where, row)
                found.append(SensorFinding(name, reason.kind, f"{reason.text}, since {_clock(course, began)}"))
                break
    return tuple(found)


def _began(where: np.ndarray[tuple[int], np.dtype[np.bool_]], row: int) -> int:
    """First row of the run of True that ends at `row`."""
    before = np.flatnonzero(~where[: row + 1])
    return int(before[-1]) + 1 if len(before) else 0


def _clock(course: Course, row: int) -> str:
    moment = datetime.fromtimestamp(int(course.time_ns[row]) // 1_000_000_000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _observations(course: Course, unit: UnitCourse, row: int) -> dict[str, Observation]:
    seen: dict[str, Observation] = {}
    for indicator in unit.machine.indicators:
        track = unit.tracks.get(indicator.name)
        if track is None:
            continue
        deviation = float(track.deviation[row])
        score = deviation / track.limit
        since = ""
        if np.isfinite(score) and abs(score) >= 1.0:
            with np.errstate(invalid="ignore"):
                since = _clock(course, _began(np.abs(track.deviation) >= track.limit, row))
        seen[indicator.name] = Observation(score, deviation, indicator.title, since)
    return seen


def _contributions(unit: UnitCourse, row: int, alarming: dict[str, float]) -> tuple[Contribution, ...]:
    whole = sum(score * score for score in alarming.values())
    if whole <= 0.0:
        return ()
    largest = sorted(alarming.items(), key=lambda each: -each[1])[:_MOST_CONTRIBUTIONS]
    return tuple(
        Contribution(f"{unit.machine.id}.{name}", score * score / whole, float(unit.tracks[name].deviation[row]), 0.0)
        for name, score in largest
    )


def _health(unit: UnitCourse, scores: dict[str, float], anomaly: float) -> float:
    """1 = within limits, 0 = the deviation at functional failure; where no such is known, by multiples of the limit."""
    worst = min(max(anomaly - 1.0, 0.0) / 20.0, 0.5)
    for indicator in unit.machine.indicators:
        if indicator.failure is None or indicator.name not in scores:
            continue
        track = unit.tracks[indicator.name]
        share = scores[indicator.name] * track.limit / indicator.failure
        least = track.limit / abs(indicator.failure)
        worst = max(worst, min((share - least) / max(1.0 - least, 1e-9), 1.0))
    return 1.0 - worst


def _life(course: Course, unit: UnitCourse, row: int, mechanism: Mechanism) -> RemainingLife | None:
    growth = mechanism.growth
    if growth is None:
        return None
    name = _follower(unit, row, growth.indicator)
    indicator = next((each for each in unit.machine.indicators if each.name == name), None)
    if indicator is None or indicator.failure is None or name not in unit.tracks:
        return None
    track = unit.tracks[name]
    wears = unit.duty if growth.duty == "running" else np.ones(len(unit.duty), np.bool_)
    duty_h: Floats = np.cumsum(wears, dtype=np.float64) * course.step_s / _HOUR_S
    rows = _samples(course, track, row)
    if not len(rows):
        return None
    share = caused(track.deviation[rows] * np.sign(indicator.failure), growth) / abs(indicator.failure)
    noise = float(caused(np.array([track.limit]), growth)[0]) / abs(indicator.failure)
    lag_h = indicator.span_min / 60.0
    damage = Damage(duty_h[rows], share, noise, lag_h, float(duty_h[row]))
    found = outlook(damage, growth)
    return None if found is None else found.in_calendar(_duty_of_late(course, wears, row, found.median_h))


def _follower(unit: UnitCourse, row: int, name: str) -> str:
    """The indicator that follows the damage; of a mechanism with several places (`zone_any`), the one furthest gone."""
    if not name.endswith("_any"):
        return name
    stem = name.removesuffix("any")
    places = {each: abs(track.deviation[row]) for each, track in unit.tracks.items() if each.startswith(stem)}
    known = {each: value for each, value in places.items() if np.isfinite(value)}
    return max(known, key=known.__getitem__) if known else ""


def _samples(course: Course, track: Track, row: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The last row in which the indicator counted of each hour up to `row`; a trend needs no more."""
    rows = np.flatnonzero(track.counted[: row + 1])
    hours = rows // max(round(_HOUR_S / course.step_s), 1)
    last = np.flatnonzero(np.diff(hours, append=-1))
    kept = rows[last]
    return kept[np.isfinite(track.deviation[kept])]


def _duty_of_late(course: Course, wears: np.ndarray[tuple[int], np.dtype[np.bool_]], row: int, left_h: float) -> float:
    """Share of the hours of late in which the parts wore: of about a day, or as few hours as there is life left."""
    span_rows = min(max(left_h / 2.0, _LEAST_DUTY_H), _DUTY_OF_LATE_H) * _HOUR_S / course.step_s
    first = max(row + 1 - round(5.0 * span_rows), 0)
    weights = np.exp(np.arange(first - row, 1) / span_rows)
    return float(weights @ wears[first : row + 1] / weights.sum())
