"""Remaining life from the trend of a damage indicator, with what is known of the mechanism's usual life.

The share u of the life that is over follows from the deviation by the law of growth; each later hour of duty adds 1/L.
L is unknown: before anything is seen it is lognormal about the usual life, and the slope of u over duty corrects it.
Both are combined by their precisions, as a Kalman filter of one constant would (normal logarithms).
"""

from math import exp, expm1, inf, log
from typing import NamedTuple

import numpy as np

from analytics.assessment import RemainingLife
from analytics.diagnosis.mechanism import Growth
from analytics.features.expectation import Floats

_STEEPNESS = 4.0
"""Exponential growth: the last quarter of the life carries about 65 % of the damage."""
_Z90 = 1.645
_LEAST_SLOPE_ERROR = 0.15
"""No slope is trusted better than this, as a share: the law of growth is only nearly right."""
_SHARE_ERROR = 0.05
"""Standard error of the share of the life that is over, for the same reason."""
_ONE_SPAN_H = 8.0
"""Errors of an averaged indicator are taken as independent once in so many hours of duty, or a tenth of the life."""


class Damage(NamedTuple):
    """What is known of the damage behind one indicator.

    Attributes:
        duty_h: float64[k], hours of duty at each sample, ascending.
        share: float64[k], averaged deviation as a share of that at functional failure.
        noise: share that is not distinguished from none (the indicator's limit).
        lag_h: hours of duty by which the average is late.
        now_h: hours of duty now; later than the last sample where the indicator does not count at the moment.
    """

    duty_h: Floats
    share: Floats
    noise: float
    lag_h: float
    now_h: float


class Outlook(NamedTuple):
    """Remaining life in hours of duty: 5, 50 and 95 %."""

    low_h: float
    median_h: float
    high_h: float

    def in_calendar(self, duty_share: float) -> RemainingLife:
        """Return it in hours of the calendar, of which `duty_share` are hours of duty."""
        if duty_share <= 0.0:
            return RemainingLife(inf, inf, inf)
        return RemainingLife(self.low_h / duty_share, self.median_h / duty_share, self.high_h / duty_share)


def caused(deviation: Floats, growth: Growth) -> Floats:
    """What the damage alone causes, from a deviation above a background to which it adds in squares."""
    if growth.background <= 0.0:
        return deviation
    above = np.maximum(deviation, 0.0) + growth.background
    amplitude: Floats = np.sqrt(above**2 - growth.background**2)
    return amplitude


def life_share(share: Floats, growth: Growth) -> Floats:
    """Share of the life that is over, from the averaged deviation as a share of that at failure."""
    damage = np.clip(share, 0.0, 1.2) ** (1.0 / growth.power)
    if growth.law == "exponential":
        damage = np.log1p(damage * expm1(_STEEPNESS)) / _STEEPNESS
    used: Floats = growth.hidden_share + (1.0 - growth.hidden_share) * damage
    return used


def outlook(damage: Damage, growth: Growth) -> Outlook | None:
    """Extrapolate to functional failure; None while the damage is not distinguished from none."""
    seen = np.isfinite(damage.share) & (damage.share > damage.noise)
    if not seen.any():
        return None
    used, duty = life_share(damage.share[seen], growth), damage.duty_h[seen]
    log_life, deviation = log(growth.typical_life_h), growth.spread
    slope, slope_error = _slope(duty, used, growth.typical_life_h)
    if slope > 0.0:
        seen_error = max(slope_error / slope, _LEAST_SLOPE_ERROR)
        precision = 1.0 / deviation**2 + 1.0 / seen_error**2
        log_life = (log_life / deviation**2 - log(slope) / seen_error**2) / precision
        deviation = precision**-0.5
    life_h = exp(log_life)
    since_h = damage.now_h - float(duty[-1]) + damage.lag_h
    over = float(np.median(used[-3:])) + since_h / life_h
    z = growth.widen * _Z90
    left, error = max(1.0 - over, 0.0), z * _SHARE_ERROR
    return Outlook(
        max(left - error, 0.0) * life_h * exp(-z * deviation),
        left * life_h,
        (left + error) * life_h * exp(z * deviation),
    )


def _slope(duty: Floats, used: Floats, life_h: float) -> tuple[float, float]:
    """Slope of the life's share over duty, and its standard error."""
    span = float(duty[-1] - duty[0])
    if len(duty) < 5 or span <= 0.0:
        return 0.0, inf
    centred = duty - duty.mean()
    square = float(centred @ centred)
    slope = float(centred @ used) / square
    rest = used - used.mean() - slope * centred
    independent = max(min(float(len(duty)), 1.0 + span / min(_ONE_SPAN_H, life_h / 10.0)), 2.0)
    sigma = max(float(rest.std()), 0.02)
    return slope, sigma * (12.0 / independent) ** 0.5 / span
