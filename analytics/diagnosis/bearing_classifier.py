"""Learns from windows of known damage which part of a bearing is damaged; says "unknown" where it cannot tell."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from analytics.errors import NotEnoughDataError, UnusableInputError

UNKNOWN = "unknown"

_FEWEST_WINDOWS = 5


class BearingClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression on what stands out at the lines of a bearing (`BearingLines.as_features`).

    The four features are relative to the bearing's own orders and to the spectrum's own floor. So a classifier that
    learnt one bearing judges another type whose orders are known. Few and monotonous by intent: features of level
    and resonance make the figures within one test rig better and those on another bearing worse.

    Attributes:
        strength: inverse of the regularisation.
        least_probability: below it the answer is `unknown`.
        margin: a window whose features lie so many ranges of the training data outside them is `unknown`.
    """

    def __init__(self, strength: float = 0.3, least_probability: float = 0.5, margin: float = 0.5) -> None:
        self.strength = strength
        self.least_probability = least_probability
        self.margin = margin

    def fit(self, features: ArrayLike, labels: ArrayLike) -> Self:
        """Learn from windows, float[n, f] and text[n].

        Raises:
            NotEnoughDataError: fewer than two labels, or fewer than 5 windows of one.
            UnusableInputError: a feature is no number.
        """
        values = _checked(features)
        names, counts = np.unique(np.asarray(labels, dtype=str), return_counts=True)
        if names.size < 2 or counts.min() < _FEWEST_WINDOWS:
            found = ", ".join(f"{count} of {name}" for name, count in zip(names, counts, strict=True)) or "none"
            raise NotEnoughDataError(
                "bearing classifier", f"windows: {found}", f"two labels with {_FEWEST_WINDOWS} windows each are needed"
            )
        self.n_features_in_ = values.shape[1]
        self.low_, self.high_ = values.min(axis=0), values.max(axis=0)
        self.center_, self.scale_ = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9)
        # Balanced, because how often a part was damaged on a test rig says nothing about a machine.
        self.model_ = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=1000)
        self.model_.fit(self._scaled(values), np.asarray(labels, dtype=str))
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, features: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each label in `classes_`, float64[n, labels]."""
        check_is_fitted(self)
        return np.asarray(self.model_.predict_proba(self._scaled(_checked(features))), dtype=np.float64)

    def predict(self, features: ArrayLike) -> NDArray[np.str_]:
        """Return the most probable label, or `unknown`, text[n]."""
        probability = self.predict_proba(features)
        values = _checked(features)
        room = self.margin * (self.high_ - self.low_)
        inside = ((values >= self.low_ - room) & (values <= self.high_ + room)).all(axis=1)
        sure = (probability.max(axis=1) >= self.least_probability) & inside
        return np.where(sure, self.classes_[probability.argmax(axis=1)], UNKNOWN)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((values - self.center_) / self.scale_, dtype=np.float64)


def _checked(features: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(features, dtype=np.float64)
    if values.ndim != 2 or not bool(np.isfinite(values).all()):
        raise UnusableInputError(
            "features of a bearing", f"shape {values.shape}, or a value that is no number", "expected float[n, f]"
        )
    return values


def example() -> tuple[BearingClassifier, NDArray[np.float64], NDArray[np.str_]]:
    """Return a classifier with the windows of three labels, each around features of its own."""
    rng = np.random.default_rng(0)
    centers = {"ball": (0.2, 0.2, 0.3, 0.0), "inner": (0.3, 2.0, 0.2, 1.0), "outer": (1.8, 0.3, 0.2, 0.0)}
    features = np.vstack([rng.normal(center, 0.3, (30, 4)) for center in centers.values()])
    return BearingClassifier(), features, np.repeat(np.array(list(centers), dtype=str), 30)
