"""Moving shiftable load to cheaper hours of the same day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

from analytics.errors import UnusableInputError


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """A schedule and what it changes.

    Attributes:
        load_kwh: float64[n], load of each hour as given.
        shifted_kwh: float64[n], load of each hour after moving; the same sum on every day.
    """

    load_kwh: NDArray[np.float64]
    shifted_kwh: NDArray[np.float64]

    def totals(self, weight_per_kwh: NDArray[np.float64]) -> tuple[float, float]:
        """Return sum(load x weight) before and after, e.g. of a price in EUR/kWh: EUR."""
        return float(self.load_kwh @ weight_per_kwh), float(self.shifted_kwh @ weight_per_kwh)


def shift_load(
    load_kwh: NDArray[np.float64],
    price_per_kwh: NDArray[np.float64],
    day: NDArray[np.int64],
    *,
    shiftable: float,
    max_kwh: float | None = None,
) -> Shift:
    """Find the cheapest schedule by linear programming (HiGHS).

    Of each hour at most the share `shiftable` is moved to other hours of its day, and no hour rises above `max_kwh`.

    Args:
        load_kwh: float64[n], load of each hour, not negative.
        price_per_kwh: float64[n], what a kWh costs in each hour; may be negative.
        day: int64[n], number of the day that each hour belongs to; need not be 24 hours long.
        shiftable: 0 to 1.
        max_kwh: most of an hour; the largest of the load where None.

    Raises:
        UnusableInputError: the load is above the cap already, or a value is missing or out of range.
    """
    cap = float(np.max(load_kwh)) if max_kwh is None else max_kwh
    _check(load_kwh, price_per_kwh, shiftable, cap)
    days, number = np.unique(day, return_inverse=True)
    hours = len(load_kwh)
    one_day = csr_array((np.ones(hours), (number, np.arange(hours))), shape=(len(days), hours))
    found = linprog(
        price_per_kwh,
        A_eq=one_day,
        b_eq=np.bincount(number, load_kwh),
        bounds=np.column_stack([(1.0 - shiftable) * load_kwh, np.full(hours, cap)]),
        method="highs",
    )
    if not found.success:  # feasible by construction: the load itself fulfils every condition
        raise RuntimeError(f"the solver gave no schedule: {found.message}")
    return Shift(load_kwh, found.x)


def _check(load_kwh: NDArray[np.float64], price_per_kwh: NDArray[np.float64], shiftable: float, cap_kwh: float) -> None:
    if not 0.0 <= shiftable <= 1.0:
        raise UnusableInputError("shiftable", f"is {shiftable}", "give a share from 0 to 1")
    for name, values in (("load", load_kwh), ("prices", price_per_kwh)):
        missing = np.flatnonzero(~np.isfinite(values))
        if len(missing):
            raise UnusableInputError(f"{name}, hour {missing[0]}", "has no value", "fill or leave out the day")
    negative = np.flatnonzero(load_kwh < 0.0)
    if len(negative):
        raise UnusableInputError(
            f"load, hour {negative[0]}", f"is {load_kwh[negative[0]]} kWh", "give what is drawn, not what is fed in"
        )
    above = np.flatnonzero(load_kwh > cap_kwh)
    if len(above):
        raise UnusableInputError(
            f"load, hour {above[0]}", f"is {load_kwh[above[0]]} kWh, above the cap of {cap_kwh} kWh", "raise the cap"
        )
