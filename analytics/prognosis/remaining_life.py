"""Remaining life from features of cycles: two kinds of regression averaged, with an interval that is calibrated."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.prognosis.conformal import LocalQuantiles
from analytics.splits import leave_groups_out

FloatArray = NDArray[np.float64]

_FOLDS = 3
_EARLINESS = (1.0 / 10.0 - 1.0 / 13.0) / 2.0
"""Early by so much times the squared error: where the expected cost exp(d/10)-1 of being late by d and exp(-d/13)-1 of
being early (NASA score: Saxena, Goebel, Simon and Eklund, PHM 2008, equation 11) balance for normal errors, to second
order."""

_THREADS = 1  # on a machine that does other work, more of them wait for each other longer than they work
_FEWEST_UNITS = 6
_BEYOND_CAP = 20.0
_FARTHEST = 4.0
_KEPT_BEYOND = 0.05


class RemainingLifeRegressor(RegressorMixin, BaseEstimator):
    """Mean of gradient boosting and of a kernel ridge regression, whose errors differ.

    The life that is learnt is capped: while no wear shows, remaining life cannot be told (Heimes, "Recurrent neural
    networks for remaining useful life estimation", PHM 2008). Rows far beyond the cap are thinned out: a question
    about remaining life is asked of machines that are not new, and rows that all say "the cap" would pull the answer
    up.

    The interval comes from units that were left out of training in turn. The point prediction is a little earlier
    than the mean, since a late warning costs more than an early one.

    Attributes:
        cap: longest remaining life that is predicted, in cycles.
        rows: rows that are learnt at most; neighbouring cycles say nearly the same.
        random_state: seed of the choice of rows and of both regressions.
    """

    def __init__(self, cap: float = 125.0, rows: int = 12_000, random_state: int = 0) -> None:
        self.cap = cap
        self.rows = rows
        self.random_state = random_state

    def fit(self, features: ArrayLike, remaining: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Learn from units that ran to their end.

        Args:
            features: float[n, f], rows of a unit together and in order of time.
            remaining: cycles left, float[n].
            groups: unit of each row; without it a unit begins where the remaining life does not fall.

        Raises:
            NotEnoughDataError: fewer than 6 units.
            UnusableInputError: a value is no number.
        """
        values, life = _checked(features), np.asarray(remaining, dtype=np.float64)
        begins = np.diff(life, prepend=np.inf) >= 0.0
        units = np.asarray(np.cumsum(begins) if groups is None else groups, dtype=np.int64)
        if len(life) != len(values) or not bool(np.isfinite(life).all()):
            raise UnusableInputError("remaining life", f"{len(life)} lives, or no numbers", f"expected {len(values)}")
        self.n_features_in_ = values.shape[1]
        if len(values):
            values, life, units = self._thinned(values, life, units)
        if len(np.unique(units)) < _FEWEST_UNITS:
            found = f"{len(np.unique(units))} units"
            raise NotEnoughDataError("remaining life", found, f"{_FEWEST_UNITS} that ran to their end are needed")
        capped = np.minimum(life, self.cap)
        held_out = np.empty(len(capped))
        for learnt, left in leave_groups_out(units.tolist(), _FOLDS, self.random_state):
            held_out[left] = self._mean(self._trained(values[learnt], capped[learnt]), values[left])
        self.errors_ = LocalQuantiles.of(capped, held_out)
        self.early_ = _EARLINESS * float(np.mean((capped - held_out) ** 2))
        self.models_ = self._trained(values, capped)
        return self

    def predict(self, features: ArrayLike) -> FloatArray:
        """Return the remaining cycles, float64[n], from 0 to the cap."""
        check_is_fitted(self)
        return np.clip(self._mean(self.models_, _checked(features)) - self.early_, 0.0, self.cap)

    def predict_interval(self, features: ArrayLike, coverage: float = 0.9) -> tuple[FloatArray, FloatArray]:
        """Return bounds between which the capped remaining life lies with that probability, float64[n] each."""
        outside = (1.0 - coverage) / 2.0
        return self._quantile(features, outside), self._quantile(features, 1.0 - outside)

    def _quantile(self, features: ArrayLike, quantile: float) -> FloatArray:
        check_is_fitted(self)
        middle = self._mean(self.models_, _checked(features))
        return np.clip(middle + self.errors_.residual(middle, quantile), 0.0, self.cap)

    def _mean(self, models: "list[Pipeline | HistGradientBoostingRegressor]", values: FloatArray) -> FloatArray:
        with threadpool_limits(_THREADS):
            predictions = [np.clip(model.predict(values), 0.0, self.cap) for model in models]
        return np.asarray(np.mean(predictions, axis=0), dtype=np.float64)

    def _trained(self, values: FloatArray, life: FloatArray) -> "list[Pipeline | HistGradientBoostingRegressor]":
        boosting = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=150,
            max_leaf_nodes=15,
            min_samples_leaf=40,
            l2_regularization=1.0,
            max_features=0.3,
            random_state=self.random_state,
        )
        kernels = Nystroem(gamma=0.006, n_components=min(500, len(values)), random_state=self.random_state)
        smooth = make_pipeline(StandardScaler(), Clip(), kernels, Ridge(0.3))
        with threadpool_limits(_THREADS):
            return [model.fit(values, life) for model in (boosting, smooth)]

    def _thinned(
        self, values: FloatArray, life: FloatArray, units: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        chance = np.where(life > self.cap + _BEYOND_CAP, _KEPT_BEYOND, 1.0)
        chance *= min(1.0, self.rows / float(chance.sum()))
        kept = np.random.default_rng(self.random_state).random(len(life)) < chance
        return values[kept], life[kept], units[kept]


class Clip(TransformerMixin, BaseEstimator):
    """Limits scaled features to four standard deviations: kernels know nothing of what lies far outside."""

    def fit(self, features: ArrayLike, remaining: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Learn nothing."""
        self.n_features_in_ = np.shape(features)[1]
        return self

    def transform(self, features: ArrayLike) -> FloatArray:
        """Return the limited features, float64[n, f]."""
        return np.clip(np.asarray(features, dtype=np.float64), -_FARTHEST, _FARTHEST)


def _checked(features: ArrayLike) -> FloatArray:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or not bool(np.isfinite(values).all()):
        raise UnusableInputError(
            "features of cycles", f"shape {values.shape}, or a value that is no number", "expected float[n, f]"
        )
    return values


def example() -> tuple[RemainingLifeRegressor, FloatArray, FloatArray]:
    """Return a regressor with a dozen units that wear ever faster, seen through noise."""
    rng = np.random.default_rng(0)
    lives = [np.arange(length, -1.0, -1.0) for length in rng.integers(90, 160, 12)]
    wear = [np.exp(-life / 30.0)[:, np.newaxis] * [1.0, -2.0, 0.5] for life in lives]
    features = np.vstack([each + rng.normal(0.0, 0.05, each.shape) for each in wear])
    return RemainingLifeRegressor(rows=600), features, np.concatenate(lives)
