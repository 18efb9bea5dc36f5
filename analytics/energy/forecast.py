"""Forecast of a load with a 90 % interval, for the next interval or for the whole next day.

The interval is locally weighted split conformal (Lei et al. 2018, J. Am. Stat. Assoc. 113, 5.2): quantiles of residuals
that the model has not learnt from, divided by the spread that a second model expects. They come from the newest four
weeks known at the begin of each day, so that the interval follows a plant that becomes less regular.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from analytics.energy.load_features import intervals_a_day, next_day, next_interval
from analytics.errors import NotEnoughDataError

Floats = NDArray[np.float64]
_LEAST_DAYS = 56
_CALIBRATION_SHARE = 0.25
_CALIBRATION_DAYS = 28
_LEVELS = (0.05, 0.95)


class Horizon(Enum):
    """How far ahead; the value tells the features."""

    NEXT_INTERVAL = "next interval"
    NEXT_DAY = "next day"

    @property
    def features(self) -> Callable[[NDArray[np.datetime64], Floats, Collection[date]], Floats]:
        """What a forecast of this horizon may know."""
        return next_interval if self is Horizon.NEXT_INTERVAL else next_day


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Energy of n intervals in kWh, float64[n]: mean (next interval) or median (next day), and a 90 % interval."""

    central: Floats
    low: Floats
    high: Floats


class LoadForecast:
    """Learns how the energy of an interval follows from the past of its meter and the calendar.

    Args:
        horizon: how far ahead.
        holidays: local dates on which fewer people work.
        random_state: equal seeds give equal forecasts.
    """

    def __init__(self, horizon: Horizon, *, holidays: Collection[date] = (), random_state: int = 0) -> None:
        self.horizon = horizon
        self.holidays = holidays
        self.random_state = random_state

    def fit(self, start: NDArray[np.datetime64], energy: Floats) -> Self:
        """Learn from whole days without gaps.

        Args:
            start: datetime64[s][n], local begin of each interval.
            energy: float64[n], kWh.

        Raises:
            NotEnoughDataError: fewer than eight weeks.
        """
        days = len(np.unique(start.astype("datetime64[D]")))
        if days < _LEAST_DAYS:
            raise NotEnoughDataError("load forecast", f"has {days} days", f"needs {_LEAST_DAYS}")
        self._newest = _CALIBRATION_DAYS * intervals_a_day(start)
        features = self.horizon.features(start, energy, self.holidays)
        rows = np.flatnonzero(np.isfinite(energy) & (np.sum(np.isnan(features), axis=1) < features.shape[1] // 4))
        cut = rows[int(len(rows) * (1.0 - _CALIBRATION_SHARE))]
        seen, held_back = rows[rows < cut], rows[rows >= cut]
        with threadpool_limits(1):  # on a loaded machine more threads wait for each other longer than they work
            self._calibrate(self._learn(features[seen], energy[seen]), features[held_back], energy[held_back])
            self._models = self._learn(features[rows], energy[rows])
        return self

    def predict(self, start: NDArray[np.datetime64], energy: Floats, first: int) -> Forecast:
        """Forecast the intervals from number `first` on, each from what was known before it.

        Args:
            start: datetime64[s][n], local begin of each interval, the past included.
            energy: float64[n], kWh; what comes after an interval (its day) has no influence on its forecast.
            first: number of the first interval to forecast.
        """
        features = self.horizon.features(start, energy, self.holidays)[first:]
        with threadpool_limits(1):
            central = self._central(self._models, features)
            spread = self._spread_of(features, central)
        low, high = self._quantiles(start[first:], (energy[first:] - central) / spread)
        return Forecast(central, np.maximum(central + low * spread, 0.0), central + high * spread)

    def _learn(self, features: Floats, energy: Floats) -> list[HistGradientBoostingRegressor | ExtraTreesRegressor]:
        if self.horizon is Horizon.NEXT_DAY:
            models = [
                HistGradientBoostingRegressor(
                    loss="absolute_error",
                    max_iter=120,
                    learning_rate=0.04,
                    min_samples_leaf=300,
                    max_leaf_nodes=8,
                    max_features=0.3,
                    random_state=self.random_state + number,
                )
                for number in range(3)
            ]
        else:
            models = [
                ExtraTreesRegressor(100, min_samples_leaf=4, max_features=0.4, random_state=self.random_state),
                HistGradientBoostingRegressor(
                    max_iter=250,
                    learning_rate=0.04,
                    min_samples_leaf=60,
                    max_leaf_nodes=15,
                    max_features=0.3,
                    random_state=self.random_state,
                ),
            ]
        return [model.fit(features, energy) for model in models]

    @staticmethod
    def _central(models: list[HistGradientBoostingRegressor | ExtraTreesRegressor], features: Floats) -> Floats:
        return np.asarray(np.maximum(np.mean([model.predict(features) for model in models], axis=0), 0.0))

    def _calibrate(
        self, models: list[HistGradientBoostingRegressor | ExtraTreesRegressor], features: Floats, energy: Floats
    ) -> None:
        """Learn from residuals on data held back: even days tell the spread, odd days the quantiles in units of it."""
        central = self._central(models, features)
        residual = energy - central
        inputs = np.column_stack([features, central])
        half = np.arange(len(energy)) // max(len(energy) // 20, 1) % 2 == 0
        self._spread = HistGradientBoostingRegressor(
            max_iter=60, learning_rate=0.08, min_samples_leaf=60, max_leaf_nodes=8, random_state=self.random_state
        ).fit(inputs[half], np.abs(residual[half]))
        self._least_spread = 0.05 * float(np.mean(np.abs(residual)))
        self._ratios = residual[~half] / self._spread_of(features[~half], central[~half])

    def _spread_of(self, features: Floats, central: Floats) -> Floats:
        """Expected size of the residuals, float64[n] in kWh."""
        expected = self._spread.predict(np.column_stack([features, central]))
        return np.asarray(np.maximum(expected, self._least_spread))

    def _quantiles(self, start: NDArray[np.datetime64], ratios: Floats) -> tuple[Floats, Floats]:
        """Quantiles of the newest ratios of residual to spread known when the day of each interval begins."""
        known = np.concatenate([self._ratios, ratios])
        _, first = np.unique(start.astype("datetime64[D]"), return_index=True)
        bounds = []
        for begin in first + len(self._ratios):
            newest = known[max(begin - self._newest, 0) : begin]
            bounds.append(np.quantile(newest[np.isfinite(newest)], _LEVELS))
        low, high = np.repeat(bounds, np.diff([*first, len(start)]), axis=0).T
        return low, high
