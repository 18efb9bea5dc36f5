"""Energy baseline of a meter that depends on the weather, and the saving against it with its uncertainty.

Energy of a day = hours x base load + heating slope x heating degree hours + cooling slope x cooling degree hours: the
change-point model of ASHRAE Guideline 14-2014 on hourly temperatures, so that a day with a cold night and a
warm noon has both. Which of the two terms the meter needs is chosen by the Bayesian information criterion. The saving
follows IPMVP option C: baseline adjusted to the weather of the reporting period, less what was measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.energy.guideline14 import Resolution, judge
from analytics.errors import NotEnoughDataError, UnusableInputError

_LEAST_DAYS = 300
"""A baseline has to see all seasons: 12 months, of which some days may be missing."""
_BALANCE_POINTS = 25
_COVERAGE_90 = 1.645


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Energy and weather of n days.

    Attributes:
        day: datetime64[D][n], local days, ascending.
        energy_kwh: float64[n].
        temperatures: float64[n, 25]: one an hour in the meter's local time, any unit; NaN beyond the day's hours, which
            are 23 or 25 where the clock is changed.
    """

    day: NDArray[np.datetime64]
    energy_kwh: NDArray[np.float64]
    temperatures: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.day)

    @property
    def hours(self) -> NDArray[np.float64]:
        """Hours of each day, float64[n]."""
        return np.asarray(np.sum(np.isfinite(self.temperatures), axis=1), dtype=np.float64)

    def between(self, first: np.datetime64, end: np.datetime64) -> "Days":
        """Return the days with first <= day < end."""
        rows = (self.day >= first) & (self.day < end)
        return Days(self.day[rows], self.energy_kwh[rows], self.temperatures[rows])

    def below(self, balance: float) -> NDArray[np.float64]:
        """Heating degree hours of each day, float64[n]."""
        return np.asarray(np.nansum(np.maximum(balance - self.temperatures, 0.0), axis=1))

    def above(self, balance: float) -> NDArray[np.float64]:
        """Cooling degree hours of each day, float64[n]."""
        return np.asarray(np.nansum(np.maximum(self.temperatures - balance, 0.0), axis=1))


@dataclass(frozen=True, slots=True)
class Saving:
    """Avoided energy in a reporting period.

    Attributes:
        saving_pct, low_pct, high_pct: of the adjusted baseline, with its 90 % interval.
        standard_error_pct: of the saving.
        adjusted_kwh: what the baseline would have used in the weather of the reporting period.
        measured_kwh: what was used.
        days: that were compared.
    """

    saving_pct: float
    low_pct: float
    high_pct: float
    standard_error_pct: float
    adjusted_kwh: float
    measured_kwh: float
    days: int


class EnergyBaseline:
    """Learns how the energy of a day depends on the temperature of its hours.

    Attributes after `fit`:
        heating_balance_, cooling_balance_: temperatures below and above which energy rises; None = it does not.
        coefficients_: kWh an hour, then kWh a degree hour of heating and of cooling as far as chosen.
        fit_: figures of the fit by months, on which a saving is allowed or refused.
    """

    def fit(self, days: Days) -> Self:
        """Learn from a baseline period.

        Raises:
            NotEnoughDataError: fewer than 300 days.
        """
        if len(days) < _LEAST_DAYS:
            raise NotEnoughDataError(
                "energy baseline", f"has {len(days)} complete days", f"needs {_LEAST_DAYS}, so that it sees all seasons"
            )
        self.heating_balance_, self.cooling_balance_ = _balances(days)
        columns = self._columns(days)
        self.coefficients_, *_ = np.linalg.lstsq(columns, days.energy_kwh, rcond=None)
        residual = days.energy_kwh - columns @ self.coefficients_
        self._parameters = columns.shape[1] + (self.heating_balance_ is not None) + (self.cooling_balance_ is not None)
        self._variance = float(residual @ residual) / (len(days) - self._parameters)
        self._inflation = _inflation(residual)
        sensitivity = self._sensitivity(days)
        self._covariance = self._variance * np.linalg.pinv(sensitivity.T @ sensitivity)
        self.fit_ = judge(
            *_months(days, days.energy_kwh, columns @ self.coefficients_),
            parameters=self._parameters,
            resolution=Resolution.MONTHLY,
        )
        return self

    def predict(self, days: Days) -> NDArray[np.float64]:
        """Return what the baseline would use on these days, float64[n] in kWh."""
        return np.asarray(self._columns(days) @ self.coefficients_)

    def saving(self, days: Days) -> Saving:
        """Compare a reporting period with the baseline adjusted to its weather.

        The standard error has three parts: the coefficients and balance points (linearised), the scatter of the days of
        the reporting period, and the autocorrelation of the residuals, which inflates both.

        Raises:
            NotEnoughDataError: no day to compare.
        """
        if not len(days):
            raise NotEnoughDataError("reporting period", "has no complete day", "give readings after the measure")
        adjusted, measured = float(np.sum(self.predict(days))), float(np.sum(days.energy_kwh))
        if adjusted <= 0.0:
            raise UnusableInputError(
                "energy baseline",
                f"would use {adjusted:.1f} kWh in the reporting period",
                "check the sign of the meter",
            )
        gradient = np.sum(self._sensitivity(days), axis=0)
        variance = (gradient @ self._covariance @ gradient + len(days) * self._variance) * self._inflation
        error_pct = 100.0 * float(np.sqrt(variance)) * (measured / adjusted) / adjusted
        saving_pct = 100.0 * (adjusted - measured) / adjusted
        return Saving(
            saving_pct,
            saving_pct - _COVERAGE_90 * error_pct,
            saving_pct + _COVERAGE_90 * error_pct,
            error_pct,
            adjusted,
            measured,
            len(days),
        )

    def _columns(self, days: Days) -> NDArray[np.float64]:
        return _columns(days, self.heating_balance_, self.cooling_balance_)

    def _sensitivity(self, days: Days) -> NDArray[np.float64]:
        """Derivative of each day's energy by coefficients and balance points, float64[n, parameters]."""
        derivatives = [self._columns(days)]
        slope = 1
        if self.heating_balance_ is not None:
            derivatives.append(
                self.coefficients_[slope] * np.sum(days.temperatures < self.heating_balance_, axis=1)[:, None]
            )
            slope += 1
        if self.cooling_balance_ is not None:
            derivatives.append(
                -self.coefficients_[slope] * np.sum(days.temperatures > self.cooling_balance_, axis=1)[:, None]
            )
        return np.hstack(derivatives)


def complete_days(
    day: NDArray[np.datetime64],
    energy_kwh: NDArray[np.float64],
    temperature: NDArray[np.float64],
    expected_hours: Sequence[int] = (23, 24, 25),
) -> Days:
    """Gather hours to days; a day that lacks an hour of either is left out.

    Args:
        day: datetime64[D][m], local day of each hour, in order of time.
        energy_kwh: float64[m], of each hour; NaN where missing.
        temperature: float64[m], of each hour, any unit; NaN where missing.
        expected_hours: numbers of hours that make a whole day.
    """
    days, number, count = np.unique(day, return_inverse=True, return_counts=True)
    hour = np.arange(len(day)) - np.searchsorted(number, number)
    whole = np.isin(count, expected_hours)
    fits = hour < max(expected_hours)
    temperatures = np.full((len(days), max(expected_hours)), np.nan)
    temperatures[number[fits], hour[fits]] = temperature[fits]
    energy = np.bincount(number, energy_kwh, minlength=len(days)).astype(np.float64)
    missing = np.bincount(number, ~np.isfinite(energy_kwh) | ~np.isfinite(temperature), minlength=len(days)) > 0
    rows = whole & ~missing
    return Days(days[rows], energy[rows], temperatures[rows])


def _columns(days: Days, heating: float | None, cooling: float | None) -> NDArray[np.float64]:
    columns = [days.hours]
    if heating is not None:
        columns.append(days.below(heating))
    if cooling is not None:
        columns.append(days.above(cooling))
    return np.column_stack(columns)


def _balances(days: Days) -> tuple[float | None, float | None]:
    """Choose balance points, or none, by the Bayesian information criterion; slopes are never negative."""
    points = np.nanpercentile(days.temperatures, np.linspace(2.0, 98.0, _BALANCE_POINTS)).tolist()
    heating = {point: days.below(point) for point in points}
    cooling = {point: days.above(point) for point in points}
    best: tuple[float, float | None, float | None] = (np.inf, None, None)
    for low, high in product([None, *points], [None, *points]):
        if low is not None and high is not None and low > high:
            continue
        columns = [days.hours]
        columns += [] if low is None else [heating[low]]
        columns += [] if high is None else [cooling[high]]
        design = np.column_stack(columns)
        slopes, *_ = np.linalg.lstsq(design, days.energy_kwh, rcond=None)
        if np.any(slopes[1:] < 0.0):
            continue
        squares = float(np.sum((days.energy_kwh - design @ slopes) ** 2))
        parameters = 2 * len(columns) - 1
        criterion = len(days) * float(np.log(max(squares, 1e-300) / len(days))) + parameters * float(np.log(len(days)))
        best = min(best, (criterion, low, high), key=lambda item: item[0])
    return best[1], best[2]


def _inflation(residual: NDArray[np.float64]) -> float:
    """Variance of a sum of residuals relative to independent ones, by their lag-1 autocorrelation (AR(1))."""
    squares = float(residual @ residual)
    lag1 = float(residual[1:] @ residual[:-1]) / squares if squares > 0.0 else 0.0
    lag1 = min(max(lag1, 0.0), 0.95)
    return (1.0 + lag1) / (1.0 - lag1)


def _months(days: Days, *values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    _, number = np.unique(days.day.astype("datetime64[M]"), return_inverse=True)
    return [np.bincount(number, column).astype(np.float64) for column in values]
