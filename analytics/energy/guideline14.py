"""How well a model of energy fits, and what ASHRAE Guideline 14-2014 asks of a calibrated one."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Resolution(StrEnum):
    """At which intervals a fit is judged; the limits depend on it."""

    HOURLY = "hourly"
    MONTHLY = "monthly"


_LIMITS_PCT = {Resolution.HOURLY: (30.0, 10.0), Resolution.MONTHLY: (15.0, 5.0)}


@dataclass(frozen=True, slots=True)
class Fit:
    """Figures of a fit.

    Attributes:
        cv_rmse_pct: coefficient of variation of the root-mean-square error, in per cent of the mean.
        nmbe_pct: normalised mean bias error in per cent of the mean; positive where the model says too little.
        resolution: intervals they were computed at.
    """

    cv_rmse_pct: float
    nmbe_pct: float
    resolution: Resolution

    @property
    def accepted(self) -> bool:
        """Whether a saving may be claimed on this model."""
        return not self.reasons()

    def reasons(self) -> list[str]:
        """Return why no saving may be claimed; empty where it may."""
        most_cv, most_bias = _LIMITS_PCT[self.resolution]
        reasons = []
        if not self.cv_rmse_pct <= most_cv:
            reasons.append(f"CV(RMSE) is {self.cv_rmse_pct:.1f} %, {self._allowed(most_cv)}")
        if not abs(self.nmbe_pct) <= most_bias:
            reasons.append(f"NMBE is {self.nmbe_pct:+.1f} %, {self._allowed(most_bias)}")
        return reasons

    def _allowed(self, limit_pct: float) -> str:
        return f"but Guideline 14 allows at most {limit_pct:.0f} % at {self.resolution} intervals"


def judge(
    measured: NDArray[np.float64], modelled: NDArray[np.float64], *, parameters: int, resolution: Resolution
) -> Fit:
    """Compare a model with what was measured.

    Args:
        measured: float64[n], energy of each interval, finite.
        modelled: float64[n], what the model says.
        parameters: how many the model learnt from these n intervals; 0 on intervals it has not seen.
        resolution: what the n intervals are.

    Returns:
        The figures; infinite where there are not more intervals than parameters or the mean is zero.
    """
    free = len(measured) - parameters
    mean = float(np.mean(measured)) if len(measured) else 0.0
    if free <= 0 or mean == 0.0:
        return Fit(np.inf, np.inf, resolution)
    error = measured - modelled
    rmse = float(np.sqrt(np.sum(error**2) / free))
    return Fit(100.0 * rmse / abs(mean), 100.0 * float(np.sum(error)) / (free * mean), resolution)
