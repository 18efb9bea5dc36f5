"""What an envelope spectrum shows at the lines of a bearing: the measurements that rules and classifier judge."""

from dataclasses import dataclass

import numpy as np

from analytics.features.bearing import Orders
from analytics.features.lines import Comb, Prominence, find_comb, prominence
from analytics.features.spectrum import FloatArray, Spectrum

_SLIPS: FloatArray = np.linspace(0.99, 1.005, 16)
"""Balls slip up to 1 % or so; a little above 1 allows for an uncertain speed."""

_NEIGHBOURS_TURNS = 2.75
"""Width of the neighbourhood of a line in multiples of the shaft frequency: it holds five sidebands at least."""

_OUTER_HARMONICS = (1, 2, 3, 4)
_HARMONICS = (1, 2, 3)
_CONTROL_ORDERS: FloatArray = np.arange(2.15, 6.9, 0.1)
_BESIDE_SHAFT = 0.06
_BESIDE_BEARING = 0.03
_HIGHEST_ORDER = 28.0
"""Up to here families are looked for, in multiples of the shaft frequency."""

_MAIN_LOBE = 2.0
"""Half the width of a line under a Hann window, in lines of the resolution."""

_LEAST_SPREAD = 0.1
"""A spectrum of pure lines has hardly any noise; nothing becomes significant for that alone."""


@dataclass(frozen=True, slots=True)
class Line:
    """A family of lines of one part.

    Attributes:
        comb: where and how far it stands out of its neighbours.
        significance: the same in standard deviations above families at which no part of the machine has lines.
        resolved: whether it can be told from harmonics of the shaft, which a 6203 puts beside twice its ball spin;
            otherwise it is taken as neither present nor absent: significance 0, and the ratio of the others.
    """

    comb: Comb
    significance: float
    resolved: bool = True


@dataclass(frozen=True, slots=True)
class BearingLines:
    """The lines of a bearing in one envelope spectrum.

    Attributes:
        outer, inner, ball: families of ball-pass outer and inner race and of twice the ball spin.
        inner_sidebands, ball_sidebands: mean log ratio over the neighbours one shaft turn beside the inner-race
            lines, one cage turn beside the ball lines.
    """

    outer: Line
    inner: Line
    ball: Line
    inner_sidebands: float
    ball_sidebands: float

    def as_features(self) -> FloatArray:
        """Return what tells the parts of any bearing apart, float64[4].

        Nothing in it depends on the machine's own resonances, level or speed.
        """
        combs = (self.outer.comb, self.inner.comb, self.ball.comb)
        return np.array([*(comb.ratio_log for comb in combs), self.inner_sidebands])


def highest_hz(shaft_hz: float, orders: Orders) -> float:
    """Return up to where an envelope spectrum is read."""
    return shaft_hz * max(_HIGHEST_ORDER + 1.0, 3.05 * orders.inner_race + 2.0, 4.05 * orders.outer_race)


def find_lines(envelope: Spectrum, shaft_hz: float, orders: Orders) -> BearingLines:
    """Return what an envelope spectrum shows at the lines of a bearing.

    The yardstick of significance is taken from the same spectrum: families whose orders belong neither to the shaft
    nor to this bearing. A rough machine, a short window or a coarse spectrum raise it by themselves.

    Args:
        envelope: spectrum of the squared envelope, best of a prewhitened signal, of 8 turns of the shaft or more.
        shaft_hz: turns a second while it was sampled.
        orders: of the bearing.

    Raises:
        NotEnoughDataError: the spectrum is too coarse to see a line among its neighbours.
        UnusableInputError: the spectrum ends below the harmonics of the bearing.
    """
    seen = prominence(envelope.up_to(highest_hz(shaft_hz, orders)), _NEIGHBOURS_TURNS * shaft_hz)
    spin = 2.0 * orders.ball_spin
    control = [
        order
        for order in _CONTROL_ORDERS
        if abs(order - round(order)) > _BESIDE_SHAFT
        and all(abs(order / own - 1.0) > _BESIDE_BEARING for own in (orders.inner_race, orders.outer_race, spin))
    ]
    outer = _line(seen, orders.outer_race, shaft_hz, _OUTER_HARMONICS, control)
    inner = _line(seen, orders.inner_race, shaft_hz, _HARMONICS, control)
    ball = _line(seen, spin, shaft_hz, _HARMONICS, control)
    return BearingLines(
        outer=outer,
        inner=inner,
        ball=ball,
        inner_sidebands=_sidebands(seen, inner.comb, shaft_hz),
        ball_sidebands=_sidebands(seen, ball.comb, orders.cage * shaft_hz),
    )


def _line(seen: Prominence, order: float, shaft_hz: float, harmonics: tuple[int, ...], control: list[float]) -> Line:
    comb = find_comb(seen, order * shaft_hz, harmonics, _SLIPS)
    others = np.array(
        [
            find_comb(seen, other * shaft_hz, harmonics, _SLIPS).ratio_log
            for other in control
            if other * harmonics[-1] <= _HIGHEST_ORDER
        ]
    )
    usual = float(np.median(others))
    distance_hz = abs(order - round(order)) * harmonics[-1] * shaft_hz
    if distance_hz < _MAIN_LOBE * seen.resolution_hz:
        return Line(Comb(order * shaft_hz, 1.0, usual), 0.0, resolved=False)
    return Line(comb, float((comb.ratio_log - usual) / max(others.std(), _LEAST_SPREAD)))


def _sidebands(seen: Prominence, comb: Comb, distance_hz: float) -> float:
    lines = [harmonic * comb.fundamental_hz + side * distance_hz for harmonic in (1, 2) for side in (-1, 1)]
    return float(seen.at(np.array(lines)).mean())
