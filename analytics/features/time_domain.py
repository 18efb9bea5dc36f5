"""What the shape of a vibration signal says without a spectrum."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.features.spectrum import checked


@dataclass(frozen=True, slots=True)
class TimeDomain:
    """Figures of a signal without its mean: Randall, "Vibration-based condition monitoring" (2011), section 3.

    Attributes:
        rms, peak, peak_to_peak: in the unit of the signal.
        crest: peak over RMS; 1.41 for a sine, about 4 for noise, more for impacts.
        kurtosis: 0 for Gaussian noise (excess kurtosis), -1.5 for a sine, above 0 for impacts.
        skewness: 0 for a symmetric signal.
        shape: RMS over mean magnitude.
    """

    rms: float
    peak: float
    peak_to_peak: float
    crest: float
    kurtosis: float
    skewness: float
    shape: float


def time_domain(signal: NDArray[np.floating], rate_hz: float) -> TimeDomain:
    """Return the figures of a signal, float[n]; ratios of a signal that never moves are 0."""
    values = checked(signal, rate_hz)
    rms = float(np.sqrt((values**2).mean()))
    peak = float(np.abs(values).max())
    peak_to_peak = float(np.ptp(values))
    if peak_to_peak == 0.0:
        return TimeDomain(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    scaled = values / rms
    return TimeDomain(
        rms=rms,
        peak=peak,
        peak_to_peak=peak_to_peak,
        crest=peak / rms,
        kurtosis=float((scaled**4).mean()) - 3.0,
        skewness=float((scaled**3).mean()),
        shape=1.0 / float(np.abs(scaled).mean()),
    )
