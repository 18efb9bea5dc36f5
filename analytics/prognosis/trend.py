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


class Damage(NamedTuple):
    """What is known of the damage behind one indicator.

    Attributes:
        duty_h: float64[k], hours of duty, ascending.
        share: float64[k], averaged deviation as a share of that at functional failure.
        noise: share that is not distinguished from none (the indicator's limit).
        lag_h: hours of duty by which the average is late.
    """

    duty_h: Floats
    share: Floats
    noise: float
    lag_h: float


def life_share(share: Floats, growth: Growth) -> Floats:
    """Share of the life that is over, from the share of the damage."""
    damage = np.clip(share, 0.0, 1.2)
    if growth.law == "exponential":
        used: Floats = np.log1p(damage * expm1(_STEEPNESS)) / _STEEPNESS
    else:
        used = damage ** (1.0 / growth.power)
    return growth.hidden_share + (1.0 - growth.hidden_share) * used


def remaining_life(damage: Damage, growth: Growth, duty_share: float) -> RemainingLife | None:
    """Extrapolate to functional failure.

    Args:
        damage: its course so far.
        growth: its law.
        duty_share: hours of duty in an hour of calendar, as of late.

    Returns None while the damage is not distinguished from none, or nothing wears.
    """
    seen = np.isfinite(damage.share) & (damage.share > damage.noise)
    if not seen.any() or duty_share <= 0.0:
        return None
    used = life_share(damage.share[seen], growth)
    duty = damage.duty_h[seen]
    now = float(np.median(used[-max(len(used) // 20, 1) :]))
    log_life, deviation = log(growth.typical_life_h), growth.spread
    slope, slope_error = _slope(duty, used)
    if slope > 0.0:
        seen_error = max(slope_error / slope, 0.05)
        precision = 1.0 / deviation**2 + 1.0 / seen_error**2
        log_life = (log_life / deviation**2 - log(slope) / seen_error**2) / precision
        deviation = precision**-0.5
    life_h = exp(log_life)
    # The error of the share itself: its noise, and that the law is only nearly right.
    share_error = 0.03 + 0.5 * damage.noise
    left = max(1.0 - now - damage.lag_h / life_h, 0.0)
    spread = growth.widen * _Z90 * deviation
    low = max(left - growth.widen * _Z90 * share_error, 0.0) * life_h * exp(-spread)
    high = (left + growth.widen * _Z90 * share_error) * life_h * exp(spread)
    return RemainingLife(low / duty_share, left * life_h / duty_share, min(high / duty_share, inf))


def _slope(duty: Floats, used: Floats) -> tuple[float, float]:
    """Slope of the life's share over duty and its standard error; errors are taken as independent every eight hours."""
    span = float(duty[-1] - duty[0])
    if len(duty) < 8 or span <= 0.0:
        return 0.0, inf
    centred = duty - duty.mean()
    square = float(centred @ centred)
    slope = float(centred @ used) / square
    rest = used - used.mean() - slope * centred
    independent = max(min(len(duty), 1.0 + span / 8.0), 2.0)
    sigma = max(float(rest.std()), 0.02)
    return slope, sigma * (12.0 / independent) ** 0.5 / span
