"""What is normal for an indicator: its expectation and its alarm limit, learnt from healthy history."""

from typing import Any, NamedTuple, Self

import numpy as np

from analytics.errors import NotEnoughDataError
from analytics.features.expectation import Expectation, Floats
from analytics.features.process import Mask, averaged, deviations, residuals
from analytics.machines import Indicator
from analytics.window import Window

_LEAST_MIN = 120.0
_LEAST_COUNT_H = 8.0
_MARGIN = 1.25
"""How far above the widest swing of healthy history an alarm limit lies."""
_QUANTILE = 0.999


class Course(NamedTuple):
    """How one indicator went over a window.

    Attributes:
        rows: int64[k], rows in which it counted.
        average: float64[k], averaged deviation in the unit of the indicator.
    """

    rows: Any
    average: Floats


class Norm:
    """What is normal for one indicator.

    Attributes:
        indicator: which.
        expectation: what it should be, fitted.
        usual_base: mean of what a counter is referred to in a row; 1 for others.
        limit: averaged deviation that is abnormal, in the unit of the indicator.
        learnt_min: minutes of healthy history that counted.
    """

    def __init__(
        self, indicator: Indicator, expectation: Expectation, usual_base: float, limit: float, learnt_min: float
    ) -> None:
        self.indicator = indicator
        self.expectation = expectation
        self.usual_base = usual_base
        self.limit = limit
        self.learnt_min = learnt_min

    @classmethod
    def learn(cls, indicator: Indicator, history: Window, holds: Mask) -> Self:
        """Learn from healthy history.

        Raises NotEnoughDataError where the context held for less than two hours with good values.
        """
        found = deviations(history, indicator, holds)
        learnt_min = len(found.rows) * history.step_s / 60.0
        least = _LEAST_COUNT_H * 60.0 if indicator.counter else _LEAST_MIN
        least = min(least, 30.0) if indicator.span_min <= 15.0 else least
        if learnt_min < least:
            place = f"indicator {indicator.name}"
            raise NotEnoughDataError(place, f"{learnt_min:.0f} minutes in context {indicator.when}", _REMEDY)
        expectation = Expectation(indicator.degree, indicator.reach)
        usual_base = 1.0
        if indicator.counter or indicator.scatter:
            usual_base = float(found.base.mean())
            rate = float(found.values.sum() / max(float(found.base.sum()), 1e-12))
            expectation.fit(np.zeros((10, 0)), np.full(10, rate))
        else:
            expectation.fit(found.inputs, found.values)
        norm = cls(indicator, expectation, max(usual_base, 1e-12), indicator.tolerance, learnt_min)
        norm.limit = max(indicator.tolerance, _MARGIN * norm._widest(found, history.step_s))
        return norm

    def course(self, window: Window, holds: Mask) -> Course:
        """Return the averaged deviation over a window."""
        found = deviations(window, self.indicator, holds)
        return Course(found.rows, self._average(residuals(found, self.expectation, self.usual_base), window.step_s))

    def _average(self, rest: Floats, step_s: float) -> Floats:
        return averaged(rest, self.indicator.span_min * 60.0 / step_s)

    def _widest(self, found: Any, step_s: float) -> float:
        swing = self._average(residuals(found, self.expectation, self.usual_base), step_s)
        swing = swing[np.isfinite(swing)]
        if self.indicator.one_sided:
            swing = np.maximum(swing if self.indicator.one_sided == "up" else -swing, 0.0)
        return float(np.quantile(np.abs(swing), _QUANTILE)) if len(swing) else 0.0

    def state(self) -> dict[str, Any]:
        """Return what was learnt as plain values and arrays."""
        model = self.expectation
        return {
            "low": model.low_,
            "high": model.high_,
            "centre": model.centre_,
            "scale": model.scale_,
            "coefficients": model.coefficients_,
            "usual_base": self.usual_base,
            "limit": self.limit,
            "learnt_min": self.learnt_min,
        }

    @classmethod
    def from_state(cls, indicator: Indicator, state: dict[str, Any]) -> Self:
        """Build one from what `state` gave."""
        model = Expectation(indicator.degree, indicator.reach)
        model.low_, model.high_, model.centre_ = state["low"], state["high"], state["centre"]
        model.scale_, model.coefficients_ = state["scale"], state["coefficients"]
        model.n_features_in_ = len(model.low_)
        return cls(indicator, model, float(state["usual_base"]), float(state["limit"]), float(state["learnt_min"]))


_REMEDY = "give more healthy history in which the unit works"
