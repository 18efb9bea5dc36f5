"""Weighs evidence: each sign of a mechanism adds a log-likelihood ratio; probabilities follow, "unknown" included."""

from collections.abc import Mapping, Sequence
from math import exp, isfinite
from typing import NamedTuple

from analytics.assessment import Diagnosis, Evidence
from analytics.diagnosis.mechanism import Mechanism, Sign
from analytics.machines import Machine

_UNKNOWN = 1.0
"""Evidence that a mechanism must exceed to be likelier than one that nobody has described."""
_CLEARLY = 2.0
"""Multiples of its limit at which an indicator gives all the weight of its sign."""

_TELLING = 4.0
"""Multiples of its limit that the strongest indicator has reached, when what has not moved tells as much as it can."""


class Observation(NamedTuple):
    """What an indicator shows.

    Attributes:
        score: averaged deviation in multiples of its alarm limit, signed; NaN = unknown.
        deviation: the same in the unit of the indicator.
        title: the indicator for people.
        since: since when its limit has been exceeded, for people; empty = it is not.
    """

    score: float
    deviation: float
    title: str
    since: str = ""


def diagnose(machine: Machine, mechanisms: Sequence[Mechanism], seen: Mapping[str, Observation]) -> list[Diagnosis]:
    """Return possible causes, most probable first; the probabilities with that of `unknown` add up to one."""
    totals: list[float] = []
    reasons: list[list[Evidence]] = []
    strongest = max((abs(each.score) for each in seen.values() if isfinite(each.score)), default=0.0)
    for mechanism in mechanisms:
        evidence = _signs(mechanism, seen, strongest)
        evidence += _unexplained(mechanism, seen)
        kept = [each for each in evidence if each.weight != 0.0]
        totals.append(mechanism.prior + sum(each.weight for each in kept))
        reasons.append(sorted(kept, key=lambda each: -abs(each.weight)))
    highest = max([*totals, _UNKNOWN])
    shares = [exp(total - highest) for total in totals]
    unknown = exp(_UNKNOWN - highest)
    whole = sum(shares) + unknown
    found = [
        Diagnosis(each.key, machine.parts.get(each.part, each.part), share / whole, tuple(why), each.next_check)
        for each, share, why in zip(mechanisms, shares, reasons, strict=True)
    ]
    found.append(Diagnosis("unknown", "", unknown / whole, (), "compare the trends of the signals that moved"))
    return sorted(found, key=lambda each: -each.probability)


def _signs(mechanism: Mechanism, seen: Mapping[str, Observation], strongest: float) -> list[Evidence]:
    """Evidence of every sign; of signs that are places of one thing only the strongest."""
    single: list[Evidence] = []
    groups: dict[str, Evidence] = {}
    for sign in mechanism.signs:
        if sign.indicator not in seen:
            continue
        evidence = _weigh(sign, seen[sign.indicator], strongest)
        if not sign.group:
            single.append(evidence)
        elif sign.group not in groups or evidence.weight > groups[sign.group].weight:
            groups[sign.group] = evidence
    return [*single, *groups.values()]


def _weigh(sign: Sign, seen: Observation, strongest: float) -> Evidence:
    """Likelihood ratio of one sign; an unknown indicator says nothing."""
    score = seen.score
    if not isfinite(score):
        return Evidence(f"{seen.title}: unknown", supports=True, weight=0.0)
    text = f"{seen.title}: {seen.deviation:+.3g}, {abs(score):.1f} times its limit"
    if seen.since:
        text += f", since {seen.since}"
    if sign.moves == "still":
        # That something stays speaks for the mechanism only once others have gone far enough to tell.
        told = 0.3 * min(strongest / _TELLING, 1.0)
        weight = sign.weight * (told if abs(score) < 1.0 else -min(abs(score) / _CLEARLY, 1.0))
        return Evidence(text, weight > 0.0, weight)
    along = score if sign.moves == "up" else -score
    if along >= 1.0:
        weight = sign.weight * min(along / _CLEARLY, 1.0)
    elif along <= -1.0:
        weight = -sign.weight
    else:
        # What should move and does not counts the more, the further other indicators have gone.
        lag = min(strongest / _TELLING, 1.0) if sign.early else 0.25 * min(strongest / 10.0, 1.0)
        weight = sign.weight * (0.5 * max(along, 0.0) - lag * (1.0 - max(along, 0.0)))
    return Evidence(text, weight > 0.0, weight)


def _unexplained(mechanism: Mechanism, seen: Mapping[str, Observation]) -> list[Evidence]:
    """What has moved although the mechanism does not touch it speaks against the mechanism alone."""
    named = {sign.indicator for sign in mechanism.signs}
    return [
        Evidence(
            f"{each.title}: {each.deviation:+.3g}, not explained by this",
            supports=False,
            weight=-min(abs(each.score) / 2.0, 1.5),
        )
        for name, each in seen.items()
        if name not in named and isfinite(each.score) and abs(each.score) >= 1.0
    ]
