"""Level and noise of a signal in the state that it was in most of the time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError

_LEAST_BLOCKS = 5
_NEAR = 4.0
"""Blocks whose mean lies within so many standard deviations of the others belong to the same state."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Level:
    """What a signal did in its dominant state.

    Attributes:
        mean: in the unit of the signal.
        noise: standard deviation of single values about it, in the unit of the signal.
        share: part of the values that belong to the state, 0 to 1.
    """

    mean: float
    noise: float
    share: float


def dominant_level(values: NDArray[np.float64], block: int = 20) -> Level:
    """Return level and noise of the state that holds most of the values; float64[n], NaN is left out.

    Means of blocks are compared instead of values, so that a coarse resolution does not look like a signal without
    noise. The densest half of them (the shorth, Andrews et al. 1972) gives the first estimate, which up to half of the
    blocks cannot move: a start-up or a changeover among the training values does no harm.

    Raises:
        NotEnoughDataError: fewer than five blocks.
    """
    usable = values[np.isfinite(values)]
    count = len(usable) // block
    if count < _LEAST_BLOCKS:
        needed = f"at least {_LEAST_BLOCKS * block} rows are needed"
        raise NotEnoughDataError("dominant level", f"{len(usable)} usable rows", needed)
    blocks = usable[len(usable) - count * block :].reshape(count, block)
    means = blocks.mean(axis=1)
    # A mean of independent values cannot spread less than this, so nothing closer counts as another state.
    least = float(np.median(blocks.std(axis=1))) / np.sqrt(block)
    ordered = np.sort(means)
    half = count // 2 + 1
    first = int((ordered[half - 1 :] - ordered[: count - half + 1]).argmin())
    centre, spread = float(ordered[first : first + half].mean()), 2.0 * float(ordered[first : first + half].std())
    inside = np.ones(count, dtype=bool)
    for _ in range(_ROUNDS):
        inside = np.abs(means - centre) <= _NEAR * max(spread, least) + 1e-12 * abs(centre)
        centre, spread = float(means[inside].mean()), float(means[inside].std())
    return Level(centre, float(blocks[inside].std()), float(inside.mean()))
