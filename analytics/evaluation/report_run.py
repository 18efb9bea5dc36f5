"""What there is to say of a run, as plain values: its advisories in time, and how every unit stands at its end."""

from dataclasses import asdict
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np

from analytics.assessment import Assessment
from analytics.assessor import Assessor
from analytics.course import Course, UnitCourse
from analytics.diagnosis import all_mechanisms
from analytics.judgement import judge

FORMAT = "showroom-assessment/1"
_MERGE_S = 6 * 3600.0
"""Alarms of a unit that are not further apart belong to one finding."""


def describe(assessor: Assessor, course: Course) -> dict[str, Any]:
    """Return findings in order of time and the state of each unit at the end; numbers that are unknown are None."""
    last = len(course.time_ns) - 1
    found = [finding for unit in course.units.values() for finding in _findings(course, unit)]
    return {
        "format": FORMAT,
        "begin": _text(int(course.time_ns[0])),
        "end": _text(int(course.time_ns[last])),
        "findings": sorted(found, key=lambda each: str(each["since"])),
        "units": [_plain(each) for each in assessor.judge(course, last)],
        "not_learnt": {" ".join(key): text for key, text in assessor.gaps.items()},
    }


def _findings(course: Course, unit: UnitCourse) -> list[dict[str, Any]]:
    with np.errstate(invalid="ignore"):
        abnormal = unit.alarm_scores() >= 1.0
    found = []
    for first, last in _spans(abnormal, course.step_s):
        said = judge(course, unit, last)
        cause = said.diagnoses[0] if said.diagnoses else None
        known = next((each for each in all_mechanisms() if cause is not None and each.key == cause.mechanism), None)
        found.append(
            {
                "unit": unit.machine.id,
                "since": _text(int(course.time_ns[first])),
                "until": _text(int(course.time_ns[last])),
                "cause": cause.mechanism if cause is not None else "unknown",
                "title": known.title if known is not None else "Unknown",
                "act": known.act if known is not None else "",
                **{key: value for key, value in _plain(said).items() if key not in ("unit_id", "time")},
            }
        )
    for name, reasons in unit.suspicions.items():
        for reason in reasons:
            for first, last in _spans(reason.where, course.step_s):
                since, until = _text(int(course.time_ns[first])), _text(int(course.time_ns[last]))
                cause_text = {"unit": unit.machine.id, "since": since, "until": until, "cause": f"sensor_{reason.kind}"}
                found.append({**cause_text, "title": f"{name} {reason.text}", "signal": name})
    return found


def _spans(mask: np.ndarray[tuple[int], np.dtype[np.bool_]], step_s: float) -> list[tuple[int, int]]:
    """First and last row of each run of True; short breaks do not end one."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    breaks = np.flatnonzero(np.diff(rows) * step_s > _MERGE_S)
    firsts = rows[np.concatenate(([0], breaks + 1))]
    lasts = rows[np.concatenate((breaks, [len(rows) - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _plain(assessment: Assessment) -> dict[str, Any]:
    values = asdict(assessment)
    values["time"] = _text(values.pop("time_ns"))
    plain = _finite(values)
    if not isinstance(plain, dict):
        raise TypeError(f"{type(plain).__name__} is no mapping")
    return plain


def _finite(value: Any) -> Any:
    """The value without numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if isfinite(value) else None
    return value


def _text(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat()
