"""Checks of one sensor's readings over a window: dead, stale, stuck, wrong unit, spiking."""

from typing import Any, NamedTuple, Self

import numpy as np

from analytics.features.expectation import Floats
from analytics.features.process import Mask, averaged, held, run_lengths
from analytics.machines import SensorCheck
from analytics.window import Window

_STUCK_MIN = 10.0
_LOST_MIN = 5.0
_SOON_LOST_MIN = 1.0
_ALWAYS_KNOWN = 0.999
"""A sensor that reported in such a share of healthy history is missed after one minute, others after five."""
_SPIKES_MIN = 60.0
_BEYOND = 0.05
"""A reading counts as impossible when it is so much of a limit beyond it."""
_UNIT_SHARE = 0.25
"""A swapped unit shows a reading within so much of factor x usual reading."""


class SensorNorm(NamedTuple):
    """How a sensor reads when it is sound, learnt from healthy history.

    Attributes:
        usual: median reading in its context, in the signal's unit.
        known_share: share of the rows with a reading.
        longest_equal_min: longest time for which its reading repeated itself in its context.
        jump: largest averaged jump of single readings out of line with their neighbours.
    """

    usual: float
    known_share: float
    longest_equal_min: float
    jump: float

    @classmethod
    def learn(cls, name: str, history: Window, holds: Mask) -> Self:
        """Learn from healthy history; a signal that never read anything gets a known share of zero."""
        values = history.number(name)
        known = np.isfinite(values)
        share = float(known.mean()) if len(values) else 0.0
        seen = values[known & holds]
        if not len(seen):
            return cls(float("nan"), share, float("inf"), float("inf"))
        equal = run_lengths(_repeats(values) & holds)
        jumps = _jumps(values, holds, history.step_s)
        jumps = jumps[np.isfinite(jumps)]
        return cls(
            float(np.median(seen)),
            share,
            float(equal.max(initial=0)) * history.step_s / 60.0,
            float(jumps.max(initial=0.0)),
        )

    def state(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dict(self._asdict())


class Suspicion(NamedTuple):
    """Where a sensor is not to be believed for one reason, bool[n], and what was seen there, for people."""

    kind: str
    where: Mask
    text: str


def check_sensor(name: str, check: SensorCheck, norm: SensorNorm, window: Window, holds: Mask) -> list[Suspicion]:
    """Return the reasons for not believing a sensor that apply somewhere in the window."""
    values = window.number(name)
    found = [*_lost(name, norm, window, values), *_range(check, norm, window, values, holds)]
    if check.lively and np.isfinite(norm.longest_equal_min):
        least = max(_STUCK_MIN, 3.0 * norm.longest_equal_min)
        # Rows outside the context neither prove nor disprove: the run is counted over those inside.
        inside = np.flatnonzero(holds & np.isfinite(values))
        equal = run_lengths(_repeats(values[inside])) * window.step_s / 60.0
        where = held((equal >= least).astype(np.float64), inside, len(values)) == 1.0
        found.append(Suspicion("stuck", where & np.isfinite(values), f"has not changed for at least {least:.0f} min"))
    if check.steady and np.isfinite(norm.jump) and norm.jump > 0.0:
        where = _jumps(values, holds, window.step_s) > 4.0 * norm.jump
        found.append(Suspicion("spikes", where, "single readings jump out of line with their neighbours"))
    return [suspicion for suspicion in found if suspicion.where.any()]


def _lost(name: str, norm: SensorNorm, window: Window, values: Floats) -> list[Suspicion]:
    if norm.known_share < 0.5:
        return []
    missing = ~np.isfinite(values)
    says_so = window.bad.get(name)
    bad = missing & says_so if says_so is not None else np.zeros(len(values), np.bool_)
    least = _LOST_MIN if norm.known_share < _ALWAYS_KNOWN else _SOON_LOST_MIN
    silent = run_lengths(missing & ~bad) * window.step_s / 60.0 >= least
    return [
        Suspicion("dead", bad, "its source says that the reading is bad"),
        Suspicion("stale", silent, f"has not reported for at least {least:.0f} min"),
    ]


def _range(check: SensorCheck, norm: SensorNorm, window: Window, values: Floats, holds: Mask) -> list[Suspicion]:
    outside = np.zeros(len(values), np.bool_)
    found: list[Suspicion] = []
    with np.errstate(invalid="ignore"):
        if check.low is not None:
            outside |= values < check.low - _BEYOND * abs(check.low)
        if check.high is not None:
            outside |= values > check.high + _BEYOND * abs(check.high)
        for factor in check.units:
            as_meant = values / factor
            larger = outside.copy()
            if check.low is not None:
                larger &= as_meant >= check.low
            if check.high is not None:
                larger &= as_meant <= check.high
            outside &= ~larger
            found.append(Suspicion("unit_swap", larger, f"reads about {factor:g} times what it can show"))
            smaller = holds & (np.abs(values * factor / norm.usual - 1.0) < _UNIT_SHARE)
            smaller &= run_lengths(smaller) * window.step_s / 60.0 >= _STUCK_MIN
            found.append(Suspicion("unit_swap", smaller, f"reads about one {factor:g}th of what is usual"))
    limits = f"{'' if check.low is None else f'{check.low:g}'} to {'' if check.high is None else f'{check.high:g}'}"
    found.append(Suspicion("dead", outside, f"reads what it cannot show ({limits})"))
    return found


def _repeats(values: Floats) -> Mask:
    """Where a reading equals the one before."""
    return np.concatenate(([False], np.diff(values) == 0.0)) if len(values) else np.zeros(0, np.bool_)


def _jumps(values: Floats, holds: Mask, step_s: float) -> Floats:
    """Averaged distance of each reading from the middle of its two neighbours, known one row later."""
    jump = np.full(len(values), np.nan)
    if len(values) > 2:
        jump[2:] = np.abs(values[1:-1] - 0.5 * (values[:-2] + values[2:]))
        steady = holds[:-2] & holds[1:-1] & holds[2:]
        jump[2:][~steady] = np.nan
    rows = np.flatnonzero(np.isfinite(jump))
    return held(averaged(jump[rows], _SPIKES_MIN * 60.0 / step_s), rows, len(values))
