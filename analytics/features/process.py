"""Process indicators: what is measured less what is expected, in the operating states in which that may be compared.

A deviation counts only in the minutes of its context, and is averaged over them, so that a night, a weekend or a
changeover neither dilutes it nor makes it look new.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from analytics.features.expectation import Expectation, Floats
from analytics.machines import Context, Indicator
from analytics.window import Window

Mask = NDArray[np.bool_]

_SIGMA_OF_STEP = 0.8862
"""Standard deviation over the mean distance of two values that follow each other (normal noise: sqrt(pi) / 2)."""


def context_mask(window: Window, context: Context) -> Mask:
    """Return where a context has held for as long as it asks for, bool[n]."""
    holds = np.ones(len(window), np.bool_)
    with np.errstate(invalid="ignore"):
        for name, value in context.equals.items():
            holds &= window.number(name) == value
        for name, value in context.above.items():
            holds &= window.number(name) > value
        for name, value in context.below.items():
            holds &= window.number(name) < value
    rows = round(context.settled_min * 60.0 / window.step_s)
    return holds & (run_lengths(holds) > rows) if rows else holds


def run_lengths(mask: Mask) -> NDArray[np.int64]:
    """For how many rows each row of True has been True, itself included; 0 where False."""
    rows = np.arange(1, len(mask) + 1)
    return np.where(mask, rows - np.maximum.accumulate(np.where(mask, 0, rows)), 0)


class Deviations(NamedTuple):
    """Rows of one indicator that count, in order.

    Attributes:
        rows: int64[k], their places in the window.
        values: float64[k], the quantity; for a counter its increase.
        base: float64[k], what a counter is referred to: hours, or thousands of the other counter; ones otherwise.
        inputs: float64[k, inputs], from which the quantity is expected.
    """

    rows: NDArray[np.int64]
    values: Floats
    base: Floats
    inputs: Floats


def deviations(window: Window, indicator: Indicator, holds: Mask) -> Deviations:
    """Gather what an indicator needs from a window; rows without a good value are left out."""
    values = np.zeros(len(window))
    for name, weight in indicator.measured().items():
        values = values + weight * window.number(name)
    base = np.ones(len(window))
    if indicator.counter:
        values = _increase(values)
        base = np.full(len(window), window.step_s / 3600.0)
        if indicator.per is not None:
            base = _increase(window.number(indicator.per)) / 1000.0
    elif indicator.scatter:
        values = np.abs(np.diff(values, prepend=np.nan)) * _SIGMA_OF_STEP
    usable = holds & np.isfinite(values) & np.isfinite(base)
    inputs = np.column_stack([window.number(name) for name in indicator.inputs] or [np.zeros((len(window), 0))])
    usable &= np.isfinite(inputs).all(axis=1)
    rows = np.flatnonzero(usable)
    return Deviations(rows, values[rows], base[rows], inputs[rows])


def _increase(total: Floats) -> Floats:
    """Increase of a counter from row to row; unknown where it begins again or a value is missing."""
    steps = np.diff(total, prepend=np.nan)
    return np.where(steps >= 0.0, steps, np.nan)


def residuals(found: Deviations, expectation: Expectation, usual_base: float) -> Floats:
    """Deviation of each row from what is expected of it, float64[k], NaN where nothing can be expected.

    Of a counter it is (increase - expected rate x base) / usual base, so that its average is a deviation of the rate.
    """
    rest: Floats = (found.values - expectation.predict(found.inputs) * found.base) / usual_base
    return rest


def averaged(values: Floats, rows_of_span: float) -> Floats:
    """Exponential average that begins at zero, so that little evidence is little deviation; NaN rows are skipped.

    EWMA as in Roberts (1959); the weight of a row falls to 1/e after `rows_of_span` later ones.
    """
    known = np.isfinite(values)
    kept = float(np.exp(-1.0 / max(rows_of_span, 1e-9)))
    course = np.full(len(values), np.nan)
    course[known] = lfilter([1.0 - kept], [1.0, -kept], values[known])
    return course


def held(course: Floats, rows: NDArray[np.int64], count: int) -> Floats:
    """Spread a course over all rows of a window: each row shows the last known value, NaN before the first."""
    known = np.isfinite(course)
    full = np.full(count, np.nan)
    if known.any():
        places, values = rows[known], course[known]
        latest = np.searchsorted(places, np.arange(count), side="right") - 1
        full = np.where(latest >= 0, values[np.maximum(latest, 0)], np.nan)
    return full
