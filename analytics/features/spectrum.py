"""Spectra of vibration signals, and what is read from them: levels of bands and lines."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError, UnusableInputError

FloatArray = NDArray[np.float64]

STANDARD_GRAVITY_M_S2 = 9.80665
VELOCITY_BAND_HZ = (10.0, 1000.0)
"""Band of the RMS velocity by which machines are judged: ISO 20816-1, from 600 turns a minute."""

_SMALLEST_COUNT = 64


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Peak amplitudes of the lines of a signal.

    Attributes:
        hz: frequencies, float64[n], evenly spaced from 0; closer than the resolution where zeros were appended.
        amplitude: float64[n], in the unit of the signal (squared for a squared envelope).
        resolution_hz: distance at which two lines can be told apart, one over the length of the signal.
    """

    hz: FloatArray
    amplitude: FloatArray
    resolution_hz: float

    @property
    def step_hz(self) -> float:
        """Distance of two values."""
        return float(self.hz[1] - self.hz[0])

    def at(self, hz: FloatArray) -> FloatArray:
        """Return amplitudes between the lines, of the shape of `hz`; NaN beyond the last line."""
        return np.interp(hz, self.hz, self.amplitude, right=np.nan)

    def up_to(self, hz: float) -> "Spectrum":
        """Return the lines up to a frequency."""
        kept = self.hz <= hz
        return Spectrum(self.hz[kept], self.amplitude[kept], self.resolution_hz)


def checked(signal: NDArray[np.floating], rate_hz: float) -> FloatArray:
    """Return a signal without its mean as float64[n].

    Raises:
        NotEnoughDataError: fewer than 64 samples.
        UnusableInputError: not one-dimensional, a value that is not finite, or a rate that is not above zero.
    """
    values = np.asarray(signal, dtype=np.float64)
    if values.ndim != 1 or not rate_hz > 0.0:
        raise UnusableInputError(
            "vibration signal", f"shape {values.shape} at {rate_hz} Hz", "expected one axis and a rate above 0 Hz"
        )
    if values.size < _SMALLEST_COUNT:
        raise NotEnoughDataError("vibration signal", f"{values.size} samples", f"{_SMALLEST_COUNT} are needed")
    missing = int(np.count_nonzero(~np.isfinite(values)))
    if missing:
        raise UnusableInputError(
            "vibration signal", f"{missing} of {values.size} samples are no numbers", "cut the signal at its gaps"
        )
    # The mean of equal values is off by rounding; what never moves is to be zero.
    level = float(values[0] if values.min() == values.max() else values.mean())
    return np.asarray(values - level, dtype=np.float64)


def amplitude_spectrum(signal: NDArray[np.floating], rate_hz: float, padding: int = 1) -> Spectrum:
    """Return the amplitudes of a signal under a Hann window, which keeps strong lines out of the others.

    Args:
        signal: float[n] in any unit.
        rate_hz: samples a second.
        padding: length with appended zeros in multiples of the signal's, so that lines can be read between bins.
    """
    values = checked(signal, rate_hz)
    window = np.hanning(values.size)
    length = padding * values.size
    amplitude = np.abs(np.fft.rfft(values * window, length)) * (2.0 / window.sum())
    return Spectrum(_frequencies(length, rate_hz), amplitude, rate_hz / values.size)


def band_rms(signal: NDArray[np.floating], rate_hz: float, band_hz: tuple[float, float]) -> float:
    """Return the RMS of a signal within a band, in its unit.

    Raises:
        UnusableInputError: the band has no line of the spectrum, or reaches beyond half the rate.
    """
    hz, power = _power(signal, rate_hz)
    return float(np.sqrt(power[_within(hz, band_hz)].sum()))


def velocity_rms_mm_s(
    acceleration_g: NDArray[np.floating], rate_hz: float, band_hz: tuple[float, float] = VELOCITY_BAND_HZ
) -> float:
    """Return the RMS velocity in mm/s of an acceleration in g, integrated by dividing each line by its 2 pi f.

    ISO 20816-1: RMS velocity 10-1,000 Hz is the broad-band measure of how severely a machine shakes.
    """
    hz, power = _power(acceleration_g, rate_hz)
    within = _within(hz, band_hz)
    mm_s_per_g = 1000.0 * STANDARD_GRAVITY_M_S2 / (2.0 * pi * hz[within])
    return float(np.sqrt((power[within] * mm_s_per_g**2).sum()))


def _power(signal: NDArray[np.floating], rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Frequencies and mean square of each line."""
    values = checked(signal, rate_hz)
    window = np.hanning(values.size)
    lines = np.fft.rfft(values * window)
    power: FloatArray = 2.0 * np.abs(lines) ** 2 / (values.size * (window**2).sum())
    return _frequencies(values.size, rate_hz), power


def _frequencies(count: int, rate_hz: float) -> FloatArray:
    return np.asarray(np.fft.rfftfreq(count, 1.0 / rate_hz), dtype=np.float64)


def _within(hz: FloatArray, band_hz: tuple[float, float]) -> NDArray[np.bool_]:
    low, high = band_hz
    within = (hz >= low) & (hz <= high) & (hz > 0.0)
    if high > hz[-1] + hz[1] or not within.any():
        raise UnusableInputError(
            "band of a spectrum", f"{low:g}-{high:g} Hz", f"the signal has lines from {hz[1]:g} to {hz[-1]:g} Hz"
        )
    return within
