"""Envelope analysis: how the strength of a band goes up and down, which is where impacts of a bearing show."""

import numpy as np
from numpy.typing import NDArray

from analytics.errors import UnusableInputError
from analytics.features.spectrum import FloatArray, Spectrum, amplitude_spectrum, checked

_PADDING = 4


def prewhitened(signal: NDArray[np.floating], rate_hz: float) -> FloatArray:
    """Return a signal whose lines all have the same amplitude and keep their phases, float64[n] of RMS 1.

    Cepstral prewhitening: neither a resonance nor a gear or shaft line outweighs the rest, so impacts show without
    a choice of band. Sawalhi and Randall (2011); Borghesani, Pennacchi, Randall, Sawalhi and Ricci, "Application of
    cepstrum pre-whitening for the diagnosis of bearing faults under variable speed conditions", Mechanical Systems
    and Signal Processing 36 (2013) 370-384. Smith and Randall (2015) found it the best of three methods where the
    plain envelope spectrum fails.
    """
    values = checked(signal, rate_hz)
    lines = np.fft.rfft(values)
    size = np.abs(lines)
    floor = 1e-12 * float(size.max())
    if floor == 0.0:
        return np.zeros(values.size)
    white = np.fft.irfft(np.where(size > floor, lines / np.maximum(size, floor), 0.0), values.size)
    return np.asarray(white / white.std(), dtype=np.float64)


def squared_envelope(signal: NDArray[np.floating], rate_hz: float, band_hz: tuple[float, float]) -> FloatArray:
    """Return the squared envelope of a band, float64[n] in the squared unit of the signal.

    It is the squared magnitude of the band's analytic signal. Unlike the envelope itself it adds no lines of its own
    where signal and noise meet: Randall and Antoni (2011), section 5.

    Raises:
        UnusableInputError: the band is empty or reaches beyond half the rate.
    """
    values = checked(signal, rate_hz)
    low, high = band_hz
    hz = np.fft.rfftfreq(values.size, 1.0 / rate_hz)
    within = (hz >= low) & (hz <= high)
    if high > rate_hz / 2.0 or not within.any():
        raise UnusableInputError(
            "band of an envelope", f"{low:g}-{high:g} Hz", f"the signal has lines from 0 to {rate_hz / 2.0:g} Hz"
        )
    analytic = np.zeros(values.size, dtype=np.complex128)
    analytic[: hz.size][within] = 2.0 * np.fft.rfft(values)[within]
    return np.asarray(np.abs(np.fft.ifft(analytic)) ** 2, dtype=np.float64)


def envelope_spectrum(signal: NDArray[np.floating], rate_hz: float, band_hz: tuple[float, float]) -> Spectrum:
    """Return the spectrum of the squared envelope of a band.

    Args:
        signal: acceleration, float[n], plain or `prewhitened`.
        rate_hz: samples a second.
        band_hz: from `kurtogram.select_band`, or nearly the whole range for a prewhitened signal.

    Returns:
        Amplitudes in the squared unit of the signal, four to a line of the resolution.
    """
    return amplitude_spectrum(squared_envelope(signal, rate_hz, band_hz), rate_hz, _PADDING)
