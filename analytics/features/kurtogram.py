"""Which band to demodulate: the one whose envelope is most impulsive."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError
from analytics.features.envelope import squared_envelope
from analytics.features.spectrum import checked

_FEWEST_INDEPENDENT = 64


@dataclass(frozen=True, slots=True)
class Band:
    """A band and how impulsive the signal is in it.

    Attributes:
        low_hz, high_hz: its edges.
        kurtosis: of the complex envelope: 0 for Gaussian noise, above it for impacts, -1 for a steady line.
    """

    low_hz: float
    high_hz: float
    kurtosis: float


def kurtogram(signal: NDArray[np.floating], rate_hz: float, levels: int = 5) -> list[Band]:
    """Return all bands of the levels 1/2, 1/3, 1/4, 1/6 ... of half the rate with their kurtosis.

    After Antoni, "Fast computation of the kurtogram for the detection of transient faults", Mechanical Systems and
    Signal Processing 21 (2007) 108-124: a dyadic tree with thirds between, here with exact band edges by Fourier
    transform instead of filter banks. The first and the last twentieth of the range are left out: shaft lines and the
    edge of the sensor's filter.

    Raises:
        NotEnoughDataError: the narrowest bands would hold too few independent values for a kurtosis.
    """
    values = checked(signal, rate_hz)
    divisions = sorted({2**level for level in range(1, levels + 1)} | {3 * 2**level for level in range(levels)})
    if values.size / 2 / divisions[-1] < _FEWEST_INDEPENDENT:
        needed = 2 * _FEWEST_INDEPENDENT * divisions[-1]
        raise NotEnoughDataError("kurtogram", f"{values.size} samples for {levels} levels", f"{needed} are needed")
    first, last = 0.025 * rate_hz, 0.475 * rate_hz
    bands = []
    for division in divisions:
        width = (last - first) / division
        for place in range(division):
            low = first + place * width
            high = min(low + width, last)
            bands.append(Band(low, high, _kurtosis(squared_envelope(values, rate_hz, (low, high)))))
    return bands


def select_band(signal: NDArray[np.floating], rate_hz: float, levels: int = 3) -> Band:
    """Return the most impulsive band; its kurtosis tells whether there are impacts at all."""
    return max(kurtogram(signal, rate_hz, levels), key=lambda band: band.kurtosis)


def _kurtosis(squared: NDArray[np.float64]) -> float:
    """Kurtosis of a complex envelope from its squared magnitude: Antoni (2007), equation 5."""
    mean = float(squared.mean())
    return float((squared**2).mean()) / mean**2 - 2.0 if mean > 0.0 else 0.0
