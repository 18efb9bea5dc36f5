"""When damage begins to run: a level leaves the lowest that the machine has sustained."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.errors import UnusableInputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Onset:
    """Where a level left its baseline.

    Attributes:
        place: index of the measurement at which that was sure.
        ratio: level over baseline there.
    """

    place: int
    ratio: float


@dataclass(frozen=True, slots=True)
class OnsetRule:
    """Compares a vibration level with the machine's own baseline, causally.

    The baseline is the lowest level that was sustained so far, so running-in, which begins high and settles, raises no
    alarm and hides none. A level at a multiple of the baseline is judged, never an absolute one: ISO 20816-1, 6.4.2,
    judges changes of the level beside the level itself, and its zones A to D lie a factor of two to three apart.

    Attributes:
        limit: multiple of the baseline that means onset. On the six learning bearings of FEMTO every limit from 2.5
            to 3.5 gives a useful alarm for each of them.
        baseline: measurements whose median is a sustained level.
        confirm: measurements whose median must exceed the limit, so that one shock is no onset.
    """

    limit: float = 3.0
    baseline: int = 60
    confirm: int = 3

    def ratios(self, levels: FloatArray) -> FloatArray:
        """Return level over baseline for each measurement, float64[n]; NaN until there is a baseline.

        Raises:
            UnusableInputError: not one-dimensional, or a level below zero.
        """
        values = np.asarray(levels, dtype=np.float64)
        if values.ndim != 1 or bool((values < 0.0).any()):
            raise UnusableInputError("vibration levels", f"shape {values.shape}", "expected float[n], none below zero")
        found = np.full(values.size, np.nan)
        if values.size < self.baseline:
            return found
        medians = _medians(values, self.baseline)
        sustained = np.minimum.accumulate(np.where(np.isnan(medians), np.inf, medians))
        now = _medians(values, self.confirm)[self.baseline - self.confirm :]
        with np.errstate(divide="ignore", invalid="ignore"):
            found[self.baseline - 1 :] = np.where(np.isfinite(sustained) & (sustained > 0.0), now / sustained, np.nan)
        return found

    def find(self, levels: FloatArray) -> Onset | None:
        """Return the first onset; None where there is none, or too few levels for a baseline."""
        ratios = self.ratios(levels)
        places = np.flatnonzero(ratios > self.limit)
        return Onset(int(places[0]), float(ratios[places[0]])) if places.size else None


def _medians(values: FloatArray, width: int) -> FloatArray:
    """Median of each measurement with those before it, float64[n - width + 1]; NaN where all of them are missing."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    empty = np.isnan(windows).all(axis=1)
    found = np.full(len(windows), np.nan)
    found[~empty] = np.nanmedian(windows[~empty], axis=1)
    return found
