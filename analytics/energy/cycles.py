"""Energy of repeated machine cycles, and what changed between two ways of running them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2_000
_QUANTILES_90 = (0.05, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Cycles:
    """What n cycles took.

    Attributes:
        energy: float64[n], integral of power over each cycle, in the power's unit times seconds.
        duration_s: float64[n].
    """

    energy: NDArray[np.float64]
    duration_s: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 90 % interval."""

    value: float
    low: float
    high: float


def measure_cycles(cycle: NDArray[np.int64], time_s: NDArray[np.float64], power: NDArray[np.float64]) -> Cycles:
    """Integrate power over each cycle by the trapezoidal rule.

    Args:
        cycle: int64[m], number of the cycle of each reading, readings of a cycle together and in order.
        time_s: float64[m], within the cycle or absolute.
        power: float64[m], of the whole machine.
    """
    _, number = np.unique(cycle, return_inverse=True)
    same = number[1:] == number[:-1]
    step_s = np.diff(time_s)[same]
    energy = (power[1:] + power[:-1])[same] / 2.0 * step_s
    within, cycles = number[1:][same], int(number[-1]) + 1
    totals = [np.bincount(within, column, cycles).astype(np.float64) for column in (energy, step_s)]
    return Cycles(*totals)


def compare(
    before: NDArray[np.float64], after: NDArray[np.float64], *, seed: int, what: Callable[[float, float], float]
) -> Estimate:
    """Compare the means of two samples, with a percentile bootstrap over whole cycles (Efron and Tibshirani 1993, 13).

    Args:
        before: float64[n], one value a cycle.
        after: float64[m], one value a cycle.
        seed: of the resampling.
        what: value of the two means, e.g. their relative change.
    """
    draws = np.random.default_rng(seed)
    means = [
        sample[draws.integers(0, len(sample), (_RESAMPLES, len(sample)))].mean(axis=1) for sample in (before, after)
    ]
    values = [what(float(first), float(second)) for first, second in zip(*means, strict=True)]
    low, high = np.quantile(values, _QUANTILES_90)
    return Estimate(what(float(before.mean()), float(after.mean())), float(low), float(high))
