"""Lasting shifts of the level of signals, told apart from noise and from slow drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.levels import dominant_level

Floats = NDArray[np.float64]

_CLIP = 10.0
"""A single value counts as at most so many scales: a spike must not outlast itself in the mean."""
_FOLLOWED = 4.0
"""The baseline follows at most so many scales away from the learnt level; what drifts further is a deviation."""
_AFTER_RECOVERY_ROWS = 20.0
"""Memory of the baseline while a process settles after a fault."""
_DEPTH_ROWS = 50.0
"""Memory of how deep a deviation is."""


@dataclass(slots=True)
class _State:
    """Where a stream stands after a row; the levels are in scales, relative to the learnt mean."""

    level: Floats
    baseline: Floats
    open: bool = False
    depth: float = 0.0
    rows_since_recovery: float = np.inf


class LevelShiftScorer(OutlierMixin, BaseEstimator):
    """Exponentially weighted mean of each signal against a baseline that follows drift but no fault.

    The scale of a signal is its noise and its tolerance together. While nothing deviates, the baseline follows the mean
    slowly (ambient temperature, fouling of a filter); from the row where a deviation passes the limit it is held, until
    the deviation has shrunk to a share of its own depth. Then the process settles on a new level, which the baseline
    learns quickly while nothing is reported. Rows are judged in order and never look ahead; rows given to
    `score_samples` continue after the rows given to `fit`.

    Scores are in units of the limit: >= 1 from the row where a deviation passes it until it has recovered, < 1 else.

    Args:
        tolerance: change of level that says nothing, as a share of the level; one number, or one for each signal.
        rise, fall: weight of a rise and of a fall, 0 to 1, likewise: 0 where a change that way is no fault.
        limit: deviation, in scales, that opens an episode.
        smoothing: weight of the newest row in the mean.
        memory_rows: how slowly the baseline follows.
        recovered_share: an episode ends where the deviation is below this share of its depth.
        settling_rows: rows after an episode in which nothing is reported.
        block: rows of a block of `dominant_level`.
    """

    def __init__(
        self,
        tolerance: float | Sequence[float] = 0.01,
        rise: float | Sequence[float] = 1.0,
        fall: float | Sequence[float] = 1.0,
        *,
        limit: float = 0.9,
        smoothing: float = 0.1,
        memory_rows: float = 200.0,
        recovered_share: float = 0.4,
        settling_rows: int = 60,
        block: int = 20,
    ) -> None:
        self.tolerance = tolerance
        self.rise = rise
        self.fall = fall
        self.limit = limit
        self.smoothing = smoothing
        self.memory_rows = memory_rows
        self.recovered_share = recovered_share
        self.settling_rows = settling_rows
        self.block = block

    def fit(self, X: Floats, y: object = None) -> Self:  # noqa: N803, ARG002
        """Learn level and noise from float64[n, signals], n rows in order of time; NaN is a missing value.

        A signal that stood still at zero has no scale and is left out (`judged_`).

        Raises:
            NotEnoughDataError: a signal has fewer than five blocks of usable values, or no signal can be judged.
        """
        rows = np.asarray(X, dtype=np.float64)
        self.n_features_in_ = rows.shape[1]
        levels = [dominant_level(rows[:, column], self.block) for column in range(rows.shape[1])]
        self.mean_ = np.array([level.mean for level in levels])
        tolerated = np.broadcast_to(np.asarray(self.tolerance, dtype=np.float64), self.mean_.shape) * np.abs(self.mean_)
        scale = np.hypot([level.noise for level in levels], tolerated)
        self.judged_ = scale > 0.0
        if not self.judged_.any():
            raise NotEnoughDataError("level shift", "no signal moves", "at least one is needed")
        self.scale_ = np.where(self.judged_, scale, 1.0)
        state = _State(np.zeros(len(levels)), np.zeros(len(levels)))
        self._run(rows, state)
        self.level_, self.baseline_ = state.level, state.baseline
        self.episode_ = np.array([float(state.open), state.depth, state.rows_since_recovery])
        return self

    def score_samples(self, X: Floats) -> Floats:  # noqa: N803
        """Return the score of each row, float64[n]; NaN where a row has no value at all."""
        return self._continue(X)[0]

    def contributions(self, X: Floats) -> Floats:  # noqa: N803
        """Return the part of each signal in the deviation of each row, float64[n, signals]; rows add up to 1 or 0."""
        deviations = self._continue(X)[1]
        total = deviations.sum(axis=1, keepdims=True)
        shares: Floats = np.divide(deviations, total, out=np.zeros_like(deviations), where=total > 0.0)
        return shares

    def predict(self, X: Floats) -> NDArray[np.int64]:  # noqa: N803
        """Return -1 where the score reaches 1, 1 elsewhere, as scikit-learn's outlier detectors do.

        Raises:
            UnusableInputError: a row has no value at all, so that neither can be said.
        """
        scores = self.score_samples(X)
        if np.isnan(scores).any():
            row = int(np.flatnonzero(np.isnan(scores))[0])
            raise UnusableInputError("level shift", f"row {row} has no value", "leave it out or use score_samples")
        return np.where(scores >= 1.0, -1, 1)

    def _continue(self, X: Floats) -> tuple[Floats, Floats]:  # noqa: N803
        check_is_fitted(self)
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features_in_:
            expected = f"expected rows of {self.n_features_in_} signals"
            raise UnusableInputError("level shift", f"an array of shape {rows.shape}", expected)
        opened, depth, since = self.episode_.tolist()
        return self._run(rows, _State(self.level_.copy(), self.baseline_.copy(), bool(opened), depth, since))

    def _run(self, rows: Floats, state: _State) -> tuple[Floats, Floats]:
        units = (rows - self.mean_) / self.scale_
        shape = self.mean_.shape
        rise = np.broadcast_to(np.asarray(self.rise, dtype=np.float64), shape) * self.judged_
        fall = np.broadcast_to(np.asarray(self.fall, dtype=np.float64), shape) * self.judged_
        scores, deviations = np.full(len(rows), np.nan), np.zeros(rows.shape)
        for row, unit in enumerate(units):
            known = np.isfinite(unit)
            if not known.any():
                continue
            seen = state.baseline + np.clip(np.where(known, unit, state.level) - state.baseline, -_CLIP, _CLIP)
            state.level += self.smoothing * (seen - state.level)
            shift = state.level - state.baseline
            deviations[row] = np.where(shift > 0.0, rise * shift, -fall * shift) / self.limit
            scores[row] = self._advance(state, float(deviations[row].max()))
        return scores, deviations

    def _advance(self, state: _State, deviation: float) -> float:
        """Open or close the episode, move the baseline, and return the score of the row."""
        if state.open:
            state.depth = max(deviation, state.depth + (deviation - state.depth) / _DEPTH_ROWS)
            if deviation < max(0.5, self.recovered_share * state.depth):
                state.open, state.rows_since_recovery = False, 0.0
        else:
            state.rows_since_recovery += 1.0
            if deviation >= 1.0 and state.rows_since_recovery > self.settling_rows:
                state.open, state.depth = True, deviation
        if state.open:
            return max(deviation, 1.0)
        settling = state.rows_since_recovery <= self.settling_rows
        gain = 1.0 / (_AFTER_RECOVERY_ROWS if settling else self.memory_rows)
        followed = state.baseline + gain * (state.level - state.baseline)
        state.baseline = np.clip(followed, -_FOLLOWED, _FOLLOWED)
        return min(deviation, 0.999)


def example() -> tuple[LevelShiftScorer, Floats, None]:
    """Return an untrained scorer and three signals with noise, the last one drifting."""
    random = np.random.default_rng(0)
    rows = random.normal([10.0, 5.0, 50.0], [0.1, 0.05, 0.5], (300, 3))
    rows[:, 2] += np.linspace(0.0, 1.0, 300)
    return LevelShiftScorer(), rows, None
