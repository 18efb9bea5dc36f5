"""Whether machines stop as often, for the reasons and as long as their parameters say: chi-square tests.

A machine's stops are a Poisson process in its running time; each cause has its share of them and a log-normal length,
times the crew's time to react (`demo_line/packaging/stops.py`). Counts of several lines add up, so the tests of 200
months are much sharper than those of one.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scipy.stats import chi2, norm

from demo_line.line import LineState
from demo_line.packaging.stops import StopCause

LEVEL = 0.001
"""Probability with which all tests of a sound line together say that it is not (Bonferroni)."""

BINS = 20
"""Classes of equal probability for the lengths."""


@dataclass
class Stops:
    """Stops of one machine of one line.

    Attributes:
        causes: of its parameters; what it stops for otherwise (an empty roll) is no renewal process.
        expected: stops to be expected of the running time.
        counts: stops by cause.
        lengths: stops by class of their length relative to cause and crew.
    """

    causes: Sequence[StopCause]
    expected: float = 0.0
    counts: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=lambda: [0] * BINS)

    def __post_init__(self) -> None:
        """Begin with no stop of any cause."""
        self.counts = self.counts or [0] * len(self.causes)


class StopWatch:
    """Counts the stops of a line's machines while it runs.

    Args:
        parameters: of each machine, by unit id.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.stops = {unit_id: Stops(p.stops) for unit_id, p in parameters.items()}
        self._response: list[tuple[float, float, float]] = []
        self._busy = dict.fromkeys(parameters, 1.0)

    def observe(self, state: LineState) -> None:
        """Look at the state after a step: running time, and the stops that ended in it."""
        around, plan = state.around, state.around.plan
        paces = (plan.response, plan.refill_response)
        if not self._response or self._response[-1][1:] != paces:
            self._response.append((around.elapsed_s - around.dt_s, *paces))
        for unit_id, stops in self.stops.items():
            unit = state.units[unit_id]
            if unit.up_s:
                stops.expected += unit.up_s / 3600.0 * self._busy[unit_id] * sum(c.per_h for c in stops.causes)
            self._busy[unit_id] = unit.busy
        for event in around.events:
            if event.kind == "stop" and event.unit_id in self.stops:
                broken_off = event.elapsed_s <= around.elapsed_s - around.dt_s
                self._count(self.stops[event.unit_id], event.text, event.fields, whole=not broken_off)

    def _count(self, stops: Stops, reason: str, fields: Any, *, whole: bool) -> None:
        number = next((i for i, cause in enumerate(stops.causes) if cause.reason == reason), None)
        if number is None:
            return
        stops.counts[number] += 1
        if not whole:  # the end of the order or shift ended the stop too
            return
        cause = stops.causes[number]
        pace = next(pace for pace in reversed(self._response) if pace[0] <= fields["began_s"])
        usual_s = cause.median_s * (pace[2] if cause.refill else pace[1])
        share = float(norm.cdf(math.log(max(fields["duration_s"], 0.05) / usual_s) / cause.spread))
        stops.lengths[min(int(share * BINS), BINS - 1)] += 1


@dataclass(frozen=True)
class Judgement:
    """One test: what was tested, and the probability of so large a deviation on a line that is as configured."""

    what: str
    probability: float


def judge(lines: Iterable[dict[str, Stops]]) -> list[Judgement]:
    """Test the stops of several lines that have the same parameters."""
    found: list[Judgement] = []
    by_machine: dict[str, list[Stops]] = {}
    for line in lines:
        for unit_id, stops in line.items():
            by_machine.setdefault(unit_id, []).append(stops)
    for unit_id, stops_of in by_machine.items():
        deviation = sum((sum(stops.counts) - stops.expected) ** 2 / stops.expected for stops in stops_of)
        found.append(Judgement(f"{unit_id}: number of stops", float(chi2.sf(deviation, len(stops_of)))))
        causes = stops_of[0].causes
        if len(causes) > 1:
            shares = [cause.per_h / sum(cause.per_h for cause in causes) for cause in causes]
            counts = [sum(stops.counts[i] for stops in stops_of) for i in range(len(causes))]
            found.append(Judgement(f"{unit_id}: causes", _fit(counts, shares)))
        lengths = [sum(stops.lengths[i] for stops in stops_of) for i in range(BINS)]
        found.append(Judgement(f"{unit_id}: lengths", _fit(lengths, [1.0 / BINS] * BINS)))
    return found


def _fit(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Probability of so large a deviation of counts from shares (Pearson's chi-square)."""
    total = sum(counts)
    deviation = sum((count - total * share) ** 2 / (total * share) for count, share in zip(counts, shares, strict=True))
    return float(chi2.sf(deviation, len(counts) - 1))


def refuted(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Those that a sound line would hardly ever give."""
    return [judgement for judgement in judgements if judgement.probability < LEVEL / len(judgements)]
