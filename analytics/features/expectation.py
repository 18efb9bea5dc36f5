"""What a quantity should be under given conditions: a polynomial that a few wrong rows cannot bend."""

from itertools import combinations_with_replacement
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from analytics.errors import NotEnoughDataError

Floats = NDArray[np.float64]

_HUBER_K = 1.345
"""Residuals beyond so many standard deviations lose weight; 95 % efficient for normal ones (Huber 1981, 4.5)."""
_MAD = 1.4826
_ROUNDS = 8


class Expectation(RegressorMixin, BaseEstimator):
    """Robust polynomial regression by iteratively reweighted least squares with Huber's weights.

    Args:
        degree: of the polynomial, cross products included.
        reach: how far beyond the learnt range of an input it answers, as a share of that range; NaN further out.
        ridge: penalty that keeps inputs which hardly moved from getting large coefficients.
    """

    def __init__(self, degree: int = 1, reach: float = 0.5, ridge: float = 1e-6) -> None:
        self.degree = degree
        self.reach = reach
        self.ridge = ridge

    def fit(self, X: Floats, y: Floats) -> Self:  # noqa: N803
        """Learn from rows x inputs and their outcome; rows with NaN are left out.

        Raises NotEnoughDataError for fewer than ten rows a coefficient.
        """
        usable = np.isfinite(X).all(axis=1) & np.isfinite(y)
        inputs, outcome = X[usable], y[usable]
        needed = 10 * len(_powers(X.shape[1], self.degree))
        if len(outcome) < needed:
            raise NotEnoughDataError("expectation", f"{len(outcome)} usable rows", f"at least {needed} are needed")
        self.n_features_in_ = X.shape[1]
        self.low_, self.high_ = inputs.min(axis=0, initial=np.inf), inputs.max(axis=0, initial=-np.inf)
        self.centre_ = inputs.mean(axis=0)
        spread = inputs.std(axis=0)
        # What stood still while it was learnt says nothing; it is left out rather than divided by its noise.
        self.scale_ = np.where(spread > 1e-9 * np.maximum(np.abs(self.centre_), 1.0), spread, np.inf)
        terms = self._terms(inputs)
        weights = np.ones(len(outcome))
        for _ in range(_ROUNDS):
            weighted = terms * weights[:, None]
            gram = terms.T @ weighted + self.ridge * len(outcome) * np.eye(terms.shape[1])
            gram[0, 0] -= self.ridge * len(outcome)
            self.coefficients_ = np.linalg.solve(gram, weighted.T @ outcome)
            rest = np.abs(outcome - terms @ self.coefficients_)
            limit = _HUBER_K * max(_MAD * float(np.median(rest)), 1e-12)
            weights = np.minimum(1.0, limit / np.maximum(rest, 1e-12))
        return self

    def predict(self, X: Floats) -> Floats:  # noqa: N803
        """Expected outcome of rows x inputs; NaN where an input is missing or further out than it reaches."""
        check_is_fitted(self)
        margin = self.reach * (self.high_ - self.low_)
        with np.errstate(invalid="ignore"):
            known = ((self.low_ - margin <= X) & (self.high_ + margin >= X)).all(axis=1)
        expected = np.full(len(X), np.nan)
        expected[known] = self._terms(X[known]) @ self.coefficients_
        return expected

    def _terms(self, inputs: Floats) -> Floats:
        scaled = (inputs - self.centre_) / self.scale_
        return np.column_stack(
            [np.prod(scaled[:, list(power)], axis=1) for power in _powers(inputs.shape[1], self.degree)]
        )


def _powers(count: int, degree: int) -> list[tuple[int, ...]]:
    """Which inputs are multiplied in each term; the first is the constant."""
    return [power for order in range(degree + 1) for power in combinations_with_replacement(range(count), order)]


def example() -> tuple[Expectation, Floats, Floats]:
    """Return an untrained one with a small training set, for the checks that every model passes."""
    draws = np.random.default_rng(0)
    inputs = draws.uniform(0.0, 1.0, (200, 2))
    return Expectation(degree=2), inputs, 1.0 + inputs[:, 0] - inputs[:, 1] ** 2 + 0.01 * draws.standard_normal(200)
