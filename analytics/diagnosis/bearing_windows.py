"""Diagnoses bearings from windows of vibration: level against a healthy baseline, then lines, by rules or learnt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.diagnosis.bearing_classifier import BearingClassifier
from analytics.diagnosis.bearing_lines import BearingLines, find_lines, highest_hz
from analytics.diagnosis.bearing_rules import BALL, INNER, OUTER, UNKNOWN, BearingRules
from analytics.errors import NotEnoughDataError
from analytics.features.bearing import Orders
from analytics.features.envelope import envelope_spectrum, prewhitened
from analytics.features.spectrum import FloatArray, band_rms

NORMAL = "normal"

_BAND_OF_RATE = (0.025, 0.475)
"""Part of the rate that is demodulated: above the strongest shaft lines, below the edge of the sensor's filter."""

_LEVEL_BAND_OF_RATE = (0.001, 0.45)

_CHANGE = 1.25
"""A level so many times the baseline is a change that counts: ISO 20816-1, 6.4.2, takes a quarter as significant."""

_QUIET_PROBABILITY = 0.9
"""Of being normal at a healthy level without lines; a judgement, not a measurement."""

_PARTS = {OUTER: "outer", INNER: "inner", BALL: "ball", UNKNOWN: UNKNOWN}


@dataclass(frozen=True, slots=True)
class BearingWindow:
    """What is measured in one window of vibration.

    Attributes:
        place: of the sensor, e.g. `DE`; levels are compared within a place only.
        level_g: RMS acceleration of nearly the whole band.
        lines: of the bearing.
    """

    place: str
    level_g: float
    lines: BearingLines


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a window says: `inner`, `outer`, `ball`, `normal` or `unknown`, and how probable that is."""

    label: str
    probability: float


def measure(signal_g: FloatArray, rate_hz: float, shaft_hz: float, orders: Orders, place: str = "") -> BearingWindow:
    """Return what one window shows: acceleration in g, float[n], at a steady speed of 8 turns or more.

    Raises:
        NotEnoughDataError, UnusableInputError: the window is too short, has gaps, or its rate is too low for the lines.
    """
    low, high = (share * rate_hz for share in _BAND_OF_RATE)
    envelope = envelope_spectrum(prewhitened(signal_g, rate_hz), rate_hz, (low, high))
    lines = find_lines(envelope.up_to(highest_hz(shaft_hz, orders)), shaft_hz, orders)
    low, high = (share * rate_hz for share in _LEVEL_BAND_OF_RATE)
    return BearingWindow(place, band_rms(signal_g, rate_hz, (low, high)), lines)


class BearingDiagnoser:
    """State detection by level, then the damaged part by rules, or by what labelled windows have taught.

    Args:
        rules: decide which lines count, and name the part where nothing was learnt.
    """

    def __init__(self, rules: BearingRules | None = None) -> None:
        self._rules = rules or BearingRules()
        self._healthy_g: dict[str, float] = {}
        self._classifier: BearingClassifier | None = None

    def learn(self, windows: Sequence[BearingWindow], labels: Sequence[str]) -> None:
        """Learn the healthy level from windows labelled `normal` and the parts from all others.

        Raises:
            NotEnoughDataError: too few windows of damage to tell parts apart.
        """
        healthy = [window for window, label in zip(windows, labels, strict=True) if label == NORMAL]
        for window in healthy:
            self._healthy_g[window.place] = max(window.level_g, self._healthy_g.get(window.place, 0.0))
        damaged = [
            (window.lines.as_features(), label)
            for window, label in zip(windows, labels, strict=True)
            if label != NORMAL
        ]
        if not damaged:
            raise NotEnoughDataError("bearing windows", "no window of damage", "label some inner, outer or ball")
        self._classifier = BearingClassifier().fit([each for each, _ in damaged], [label for _, label in damaged])

    def judge(self, window: BearingWindow) -> Verdict:
        """Return the verdict on one window.

        Without a healthy baseline `normal` is never said: a damaged ball may show no line either.
        """
        lines = window.lines
        if self._is_quiet(window) and max(lines.outer.significance, lines.inner.significance) < self._rules.limit:
            return Verdict(NORMAL, _QUIET_PROBABILITY)
        if self._classifier is None:
            best = self._rules.judge(lines, known_faulty=True)[0]
            return Verdict(_PARTS[best.mechanism], best.probability)
        features = lines.as_features()[np.newaxis]
        probability = float(self._classifier.predict_proba(features).max())
        return Verdict(str(self._classifier.predict(features)[0]), probability)

    def _is_quiet(self, window: BearingWindow) -> bool:
        """Levels of another place count where its own were never seen healthy: the least of them."""
        if not self._healthy_g:
            return False
        healthy_g = self._healthy_g.get(window.place, min(self._healthy_g.values()))
        return window.level_g <= _CHANGE * healthy_g
