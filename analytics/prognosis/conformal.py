"""Intervals that hold as often as they say, from residuals on units that a model has not learnt."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError

FloatArray = NDArray[np.float64]

_FEWEST = 50


@dataclass(frozen=True, slots=True)
class LocalQuantiles:
    """Quantiles of residuals near a prediction.

    Errors are small near the end of life and large far from it, so a residual counts only for predictions like its
    own: split-conformal prediction (Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005) within
    neighbourhoods of the prediction, as Mondrian conformal predictors do within classes.

    Attributes:
        predictions: float64[n], sorted.
        residuals: truth minus prediction of each, float64[n]; from units outside the training of that prediction.
        share: part of all residuals that makes a neighbourhood.
    """

    predictions: FloatArray
    residuals: FloatArray
    share: float = 0.15

    @classmethod
    def of(cls, truth: FloatArray, predictions: FloatArray) -> "LocalQuantiles":
        """Return the quantiles of held-out predictions.

        Raises:
            NotEnoughDataError: fewer than 50 of them.
        """
        if len(predictions) < _FEWEST:
            raise NotEnoughDataError("interval", f"{len(predictions)} held-out predictions", f"{_FEWEST} are needed")
        order = np.argsort(predictions, kind="stable")
        return cls(predictions[order], (truth - predictions)[order])

    def residual(self, predictions: FloatArray, quantile: float) -> FloatArray:
        """Return the quantile of the residuals near each prediction, float64[n]."""
        size = max(_FEWEST, round(self.share * len(self.predictions)))
        place = np.searchsorted(self.predictions, predictions)
        first = np.clip(place - size // 2, 0, max(len(self.predictions) - size, 0))
        return np.array([np.quantile(self.residuals[each : each + size], quantile) for each in first])
