"""Failures of a milling process: physical limits first, the hazard of a worn tool learnt beside them."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.cutting import CuttingConditions

Floats = NDArray[np.float64]

COLUMNS = ("air_k", "process_k", "speed_rpm", "torque_nm", "wear_min", "strain_limit_nm_min")

# Limits of the process as its documentation states them (Matzka 2020, and the text of UCI data set 601).
_HEAT_MARGIN_K, _COOLING_SPEED_RPM = 8.6, 1380.0
_LEAST_POWER_W, _MOST_POWER_W = 3500.0, 9000.0
RULES = ("heat dissipation", "power", "overstrain")

_WEAR_STEP_MIN = 10.0
_LEAST_ROWS = 100
_PRIOR_ROWS = 2.0
"""A rule starts with the belief of so many rows, half of them failures, so that a rule never seen is no certainty."""


class CuttingFailureClassifier(ClassifierMixin, BaseEstimator):
    """Three physical limits with the reliability they had while learning, and the hazard of wear for the rest.

    The probability of a row is that of the most reliable limit it breaks, joined with the hazard of its tool's wear as
    independent causes. Rows are judged one by one: neither the next row, which would show a changed tool, nor the order
    of rows is used.
    """

    def fit(self, X: Floats, y: NDArray[np.int64]) -> Self:  # noqa: N803
        """Learn from float64[n, 6], see COLUMNS, and 1 where a row failed, 0 elsewhere.

        Raises:
            NotEnoughDataError: fewer than 100 rows.
        """
        conditions, failed = _conditions(X), np.asarray(y) > 0
        if len(failed) < _LEAST_ROWS:
            raise NotEnoughDataError("cutting failure", f"{len(failed)} rows", f"at least {_LEAST_ROWS} are needed")
        self.classes_ = np.array([0, 1])
        self.n_features_in_ = len(COLUMNS)
        broken = _broken(conditions)
        rows, failures = broken.sum(axis=0), (broken & failed[:, None]).sum(axis=0)
        self.reliability_ = (failures + _PRIOR_ROWS / 2.0) / (rows + _PRIOR_ROWS)
        rest = ~broken.any(axis=1)
        bins = _wear_bin(conditions.wear_min)
        count = np.bincount(bins[rest], minlength=int(bins.max()) + 1)
        worn = np.bincount(bins[rest & failed], minlength=len(count))
        # Shrunk to the rate of all rows: the few most worn tools do not decide by themselves.
        rate = worn.sum() / max(1, int(count.sum()))
        self.hazard_ = (worn + rate * _LEAST_ROWS / 10.0) / (count + _LEAST_ROWS / 10.0)
        return self

    def predict_proba(self, X: Floats) -> Floats:  # noqa: N803
        """Return float64[n, 2]: probability of no failure and of a failure."""
        check_is_fitted(self)
        conditions = _conditions(X)
        by_rule = (_broken(conditions) * self.reliability_).max(axis=1)
        hazard = self.hazard_[np.minimum(_wear_bin(conditions.wear_min), len(self.hazard_) - 1)]
        failure = 1.0 - (1.0 - by_rule) * (1.0 - hazard)
        return np.column_stack([1.0 - failure, failure])

    def predict(self, X: Floats) -> NDArray[np.int64]:  # noqa: N803
        """Return 1 where a failure is more probable than not."""
        failing: NDArray[np.int64] = (self.predict_proba(X)[:, 1] > 0.5).astype(np.int64)
        return failing


def _conditions(X: Floats) -> CuttingConditions:  # noqa: N803
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
        raise UnusableInputError("cutting failure", f"an array of shape {rows.shape}", f"expected columns {COLUMNS}")
    if not np.isfinite(rows).all():
        row, column = (int(place[0]) for place in np.nonzero(~np.isfinite(rows)))
        raise UnusableInputError("cutting failure", f"{COLUMNS[column]} is missing in row {row}", "every row needs it")
    return CuttingConditions(*rows.T)


def _broken(conditions: CuttingConditions) -> NDArray[np.bool_]:
    """Return which limits a row breaks, bool[n, 3], see RULES."""
    power = conditions.power_w()
    return np.column_stack(
        [
            (conditions.heat_margin_k() < _HEAT_MARGIN_K) & (conditions.speed_rpm < _COOLING_SPEED_RPM),
            (power < _LEAST_POWER_W) | (power > _MOST_POWER_W),
            conditions.strain_share() > 1.0,
        ]
    )


def _wear_bin(wear_min: Floats) -> NDArray[np.int64]:
    return np.maximum(wear_min // _WEAR_STEP_MIN, 0.0).astype(np.int64)


def example() -> tuple[CuttingFailureClassifier, Floats, NDArray[np.int64]]:
    """Return an untrained classifier and a thousand rows, some of which overstrain the part."""
    random = np.random.default_rng(0)
    rows = np.column_stack(
        [
            random.normal(300.0, 2.0, 1000),
            random.normal(310.0, 1.5, 1000),
            random.normal(1500.0, 100.0, 1000),
            random.normal(40.0, 10.0, 1000),
            random.uniform(0.0, 250.0, 1000),
            np.full(1000, 11_000.0),
        ]
    )
    return CuttingFailureClassifier(), rows, (rows[:, 3] * rows[:, 4] > 11_000.0).astype(np.int64)
