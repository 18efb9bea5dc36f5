"""Energy baseline of a meter whose only known relevant variable is the calendar: the mean of each hour of the week."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.energy.guideline14 import Fit, Resolution, judge
from analytics.errors import NotEnoughDataError

_HOURS = 168
_LEAST_WEEKS = 8


class CalendarBaseline:
    """Learns the mean energy of each hour of the week.

    Attributes after `fit`:
        profile_kwh_: float64[168], from Monday 00:00 on.
    """

    def fit(self, hour: NDArray[np.datetime64], energy_kwh: NDArray[np.float64]) -> Self:
        """Learn from hours of a baseline period.

        Args:
            hour: datetime64[h][n], local begin of each hour.
            energy_kwh: float64[n]; NaN is left out.

        Raises:
            NotEnoughDataError: an hour of the week was seen fewer than eight times.
        """
        week_hour, usable = _week_hour(hour), np.isfinite(energy_kwh)
        seen = np.bincount(week_hour[usable], minlength=_HOURS)
        if np.min(seen) < _LEAST_WEEKS:
            raise NotEnoughDataError(
                "energy baseline", f"saw an hour of the week {np.min(seen)} times", f"needs {_LEAST_WEEKS} whole weeks"
            )
        self.profile_kwh_ = np.bincount(week_hour[usable], energy_kwh[usable], minlength=_HOURS) / seen
        return self

    def predict(self, hour: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Return the energy of each hour, float64[n] in kWh."""
        return np.asarray(self.profile_kwh_[_week_hour(hour)])

    def judge(self, hour: NDArray[np.datetime64], energy_kwh: NDArray[np.float64]) -> Fit:
        """Judge the baseline on hours that it did not learn from, as Guideline 14 does."""
        usable = np.isfinite(energy_kwh)
        return judge(energy_kwh[usable], self.predict(hour)[usable], parameters=0, resolution=Resolution.HOURLY)


def _week_hour(hour: NDArray[np.datetime64]) -> NDArray[np.int64]:
    since_monday = hour.astype("datetime64[h]") - np.datetime64("1969-12-29T00", "h")
    return np.asarray(since_monday.astype(np.int64) % _HOURS)
