"""Which part of a rolling bearing is damaged, from the physics of its envelope spectrum alone."""

from dataclasses import dataclass
from math import exp

from analytics.assessment import Diagnosis, Evidence
from analytics.diagnosis.bearing_lines import BearingLines, Line, find_lines
from analytics.features.bearing import Orders
from analytics.features.spectrum import Spectrum

OUTER, INNER, BALL = "bearing_outer_race", "bearing_inner_race", "bearing_ball"
UNKNOWN = "unknown"

_PARTS = {OUTER: "bearing, outer race", INNER: "bearing, inner race", BALL: "bearing, rolling element"}
_NEXT_CHECKS = {
    OUTER: "listen at the bearing housing; look for marks in the load zone when the bearing is changed",
    INNER: "repeat at another speed: the lines and their sidebands must follow the shaft",
    BALL: "repeat the measurement several times: a ball turns its mark in and out of the track",
    UNKNOWN: "record a longer window at steady speed and compare it with the machine's own baseline",
}

_STEEPNESS = 2.0
"""Log-likelihood ratio of one standard deviation of significance about the limit, where noise and damage balance."""

_STRONGEST = 5.0
_ELIMINATION = 1.0


@dataclass(frozen=True, slots=True)
class BearingRules:
    """Rules with evidence; nothing is learnt, so they hold for any bearing whose orders are known.

    An outer race shows its ball-pass frequency with harmonics, an inner race its own with sidebands one shaft turn
    beside them because the mark passes through the load zone, a ball twice its spin with sidebands one cage turn
    beside them: Randall and Antoni (2011), sections 2 and 5. Balls often show none of it, although the bearing is
    damaged: Smith and Randall, "Rolling element bearing diagnostics using the Case Western Reserve University data:
    a benchmark study", Mechanical Systems and Signal Processing 64-65 (2015) 100-131. So where damage is known and
    no race shows, a ball is the likelier part, and the evidence says that this is by elimination.

    Attributes:
        limit: significance, in standard deviations of families that belong to no part, from which a family counts.
            2.5 is exceeded by noise about once in 160.
    """

    limit: float = 2.5

    def assess(
        self, spectrum: Spectrum, shaft_hz: float, orders: Orders, *, known_faulty: bool = False
    ) -> list[Diagnosis]:
        """Return the parts with their probabilities and evidence, most probable first.

        Args:
            spectrum: `envelope_spectrum` of the acceleration, best of a `prewhitened` one.
            shaft_hz: turns a second while it was sampled.
            orders: of the bearing.
            known_faulty: whether other signs say that the bearing is damaged, e.g. high-frequency acceleration above
                its baseline. Without it a spectrum without lines means `unknown`, not a ball.

        Returns:
            Outer race, inner race, ball and `unknown`; the probabilities add up to one.

        Raises:
            NotEnoughDataError, UnusableInputError: see `find_lines`.
        """
        return self.judge(find_lines(spectrum, shaft_hz, orders), known_faulty=known_faulty)

    def judge(self, lines: BearingLines, *, known_faulty: bool = False) -> list[Diagnosis]:
        """Return the same from lines that were already found."""
        reasons = {
            OUTER: self._race(lines.outer, "outer-race"),
            INNER: self._inner(lines),
            BALL: self._ball(lines, known_faulty=known_faulty),
        }
        weights = {key: sum(evidence.weight for evidence in why) for key, why in reasons.items()}
        weights[UNKNOWN] = 0.0
        highest = max(weights.values())
        shares = {key: exp(weight - highest) for key, weight in weights.items()}
        whole = sum(shares.values())
        found = [
            Diagnosis(key, _PARTS.get(key, ""), share / whole, tuple(reasons.get(key, ())), _NEXT_CHECKS[key])
            for key, share in shares.items()
        ]
        return sorted(found, key=lambda diagnosis: -diagnosis.probability)

    def _race(self, line: Line, name: str) -> list[Evidence]:
        """A family weighs by how far it is beyond the limit; far beyond adds no more."""
        weight = min(max(_STEEPNESS * (line.significance - self.limit), -_STRONGEST), _STRONGEST)
        comb = line.comb
        text = (
            f"{name} lines at {comb.fundamental_hz:.1f} Hz ({comb.slip - 1.0:+.1%} beside rolling without slip): "
            f"{line.significance:.1f} standard deviations, {self.limit:g} count"
        )
        return [Evidence(text, weight > 0.0, weight)]

    def _inner(self, lines: BearingLines) -> list[Evidence]:
        found = self._race(lines.inner, "inner-race")
        if lines.inner.significance < self.limit:
            return found
        weight = min(max(lines.inner_sidebands, -1.0), 1.0)
        text = f"sidebands one shaft turn beside the inner-race lines: {exp(lines.inner_sidebands):.1f} times the floor"
        return [*found, Evidence(text, weight > 0.0, weight)]

    def _ball(self, lines: BearingLines, *, known_faulty: bool) -> list[Evidence]:
        found = self._race(lines.ball, "ball-spin")
        if not lines.ball.resolved:
            text = f"ball-spin lines at {lines.ball.comb.fundamental_hz:.1f} Hz coincide with harmonics of the shaft"
            found = [Evidence(text, supports=False, weight=found[0].weight)]
        strongest_race = max(lines.outer.significance, lines.inner.significance)
        if lines.ball.significance >= self.limit:
            weight = min(max(lines.ball_sidebands, -1.0), 1.0)
            text = f"sidebands one cage turn beside the ball lines: {exp(lines.ball_sidebands):.1f} times the floor"
            return [*found, Evidence(text, weight > 0.0, weight)]
        if known_faulty and strongest_race < self.limit:
            # The absence of ball lines says nothing here, so elimination outweighs it.
            text = f"the bearing is damaged and no race shows ({strongest_race:.1f}): by elimination"
            return [Evidence(each.text, each.supports, 0.0) for each in found] + [
                Evidence(text, supports=True, weight=_ELIMINATION)
            ]
        return found
