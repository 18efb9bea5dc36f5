"""Sums up the scores of many runs: figures against their targets, and a page for people."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from analytics.evaluation.plan import Evaluation
from analytics.evaluation.score import Found, RunScore


class Figure(NamedTuple):
    """One figure, as every command that measures writes it."""

    name: str
    value: float | None
    unit: str
    target: str
    met: bool | None
    conditions: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dict(self._asdict())


def figures(scores: Sequence[RunScore], evaluation: Evaluation) -> list[Figure]:
    """Return the figures of the targets."""
    faults = [each for score in scores for each in score.found if not _nothing(evaluation, each)]
    twins = [each for each in faults if _twin(evaluation, each) and each.found_h is not None]
    seeds = sorted({score.seed for score in scores})
    conditions = f"{len(scores)} coarse runs, seeds {seeds[0]}-{seeds[-1]}" if seeds else "no runs"
    by_fault = _by_fault(faults)
    worst = min(
        (_share([each.found_h is not None for each in group]) or 0.0 for group in by_fault.values()), default=None
    )
    weeks = sum(score.unit_weeks for score in scores)
    false = sum(len(score.false) for score in scores) / weeks if weeks > 0.0 else None
    seen = [each for each in faults if each.found_h is not None]
    apart = [each.cause != _twin(evaluation, each) for each in twins]
    rows: list[tuple[str, float | None, str, str, float | None, float | None]] = [
        ("found_before_failure", _share([each.found_h is not None for each in faults]), "share", ">= 0.95", 0.95, None),
        ("found_before_failure_worst", worst, "share", ">= 0.80", 0.80, None),
        ("false_alarms_per_healthy_week", false, "1/week", "<= 1", None, 1.0),
        ("diagnosis_right", _share([each.right for each in seen]), "share", ">= 0.85", 0.85, None),
        ("twins_separated", _share(apart), "share", ">= 0.90", 0.90, None),
        ("remaining_life_coverage", coverage(faults), "share", "0.85-0.95", 0.85, 0.95),
        ("alpha_lambda_half_life", alpha_lambda(faults, 0.5), "share", "-", None, None),
        ("alpha_lambda_three_quarters", alpha_lambda(faults, 0.75), "share", "-", None, None),
    ]  # fmt: skip
    return [
        Figure(name, value, unit, target, _met(value, low, high), conditions)
        for name, value, unit, target, low, high in rows
    ]


def _met(value: float | None, low: float | None, high: float | None) -> bool | None:
    if value is None or (low is None and high is None):
        return None
    return (low is None or value >= low) and (high is None or value <= high)


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _nothing(evaluation: Evaluation, found: Found) -> bool:
    expected = evaluation.expectation(found.fault)
    return expected is not None and expected.nothing


def _twin(evaluation: Evaluation, found: Found) -> str:
    expected = evaluation.expectation(found.fault)
    return expected.twin if expected is not None else ""


def _by_fault(found: Sequence[Found]) -> dict[str, list[Found]]:
    groups: dict[str, list[Found]] = {}
    for each in found:
        groups.setdefault(each.fault, []).append(each)
    return dict(sorted(groups.items()))


def coverage(found: Sequence[Found]) -> float | None:
    """Share of the true remaining lives inside their 90 % interval; every episode weighs the same."""
    shares = [
        float(np.mean([low <= true <= high for _, true, low, _, high in each.lives])) for each in found if each.lives
    ]
    return float(np.mean(shares)) if shares else None


def alpha_lambda(found: Sequence[Found], part: float) -> float | None:
    """Share of episodes whose median is within 20 % of the true remaining life when `part` of the life is over.

    Saxena et al. 2008, "Metrics for evaluating performance of prognostic techniques", alpha = 0.2.
    """
    hits = []
    for each in found:
        near = [life for life in each.lives if abs(life[0] - part) < 0.1]
        if near:
            _, true, _, median, _ = min(near, key=lambda life: abs(life[0] - part))
            hits.append(abs(median - true) <= 0.2 * true)
    return _share(hits)


def page(scores: Sequence[RunScore], evaluation: Evaluation, what_was_run: str) -> str:
    """Return a page in Markdown: targets, faults, causes that were taken for each other, false advisories."""
    found = [each for score in scores for each in score.found]
    faults = [each for each in found if not _nothing(evaluation, each)]
    left = [each for each in found if _nothing(evaluation, each)]
    lines = ["# Evaluation on simulated runs", "", what_was_run, "", "## Targets", ""]
    lines += ["| Figure | Value | Target | Met |", "|---|---|---|---|"]
    for figure in figures(scores, evaluation):
        met = "-" if figure.met is None else "yes" if figure.met else "**no**"
        lines.append(f"| {figure.name.replace('_', ' ')} | {_text(figure.value)} | {figure.target} | {met} |")
    lines += ["", "## Faults", "", *_fault_table(faults)]
    if left:
        lines += ["", "## Nothing is broken", "", "| Disturbance | Runs | Left alone |", "|---|---|---|"]
        for name, group in _by_fault(left).items():
            lines.append(f"| {name} | {len(group)} | {_text(_share([each.right for each in group]))} |")
    lines += ["", "## Causes named", "", "At severity 0.8, or at the last alarm before that.", ""]
    lines += ["| Fault | Named (runs) |", "|---|---|"]
    for name, group in _by_fault(faults).items():
        counts = Counter(each.cause or "not found" for each in group)
        lines.append(f"| {name} | {', '.join(f'{cause} ({count})' for cause, count in counts.most_common())} |")
    lines += ["", "## Advisories without a true cause", ""]
    false = Counter((each.unit, each.cause) for score in scores for each in score.false)
    weeks = sum(score.unit_weeks for score in scores)
    lines.append(f"{sum(false.values())} in {weeks:.1f} line-weeks without a fault at the unit.")
    if false:
        lines += ["", "| Unit | Said | Times |", "|---|---|---|"]
        lines += [f"| {unit} | {cause} | {count} |" for (unit, cause), count in false.most_common()]
    return "\n".join(lines) + "\n"


def _fault_table(faults: Sequence[Found]) -> list[str]:
    lines = [
        "| Fault | Runs | Failed | Found before failure | Severity then | Delay, h | Lead, h | Right | Life covered |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, group in _by_fault(faults).items():
        seen = [each for each in group if each.found_h is not None]
        cells = [
            name,
            str(len(group)),
            str(sum(each.failed for each in group)),
            _text(_share([each.found_h is not None for each in group])),
            _text(_median([each.severity for each in seen])),
            _text(_median([each.found_h for each in seen])),
            _text(_median([each.lead_h for each in seen])),
            _text(_share([each.right for each in seen])),
            _text(coverage(group)),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
