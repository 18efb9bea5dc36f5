"""What a vibration sensor computes from the acceleration that it sampled."""

from math import pi

import numpy as np
from numpy.typing import NDArray

from demo_line.physics.spectra import G_M_S2, HF_BAND_HZ, VELOCITY_BAND_HZ, FloatArray, frequencies
from demo_line.physics.waveform import Features

_TOLERANCE = 0.02
"""A ball-pass line is looked for within this share of its frequency, because bearings slip."""


def measure(signal: NDArray[np.float32], rate_hz: int, ball_pass_hz: float) -> Features:
    """Features of an acceleration in g; `ball_pass_hz` from the shaft speed, 0 at rest, where there is no such line."""
    velocity_mm_s, hf_g = velocity_rms(signal, rate_hz), acceleration_rms(signal, rate_hz, HF_BAND_HZ)
    if ball_pass_hz <= 0.0:
        return Features(velocity_mm_s, hf_g, 0.0)
    hz, amplitude = envelope_spectrum(signal, rate_hz)
    near = np.abs(hz - ball_pass_hz) <= max(_TOLERANCE * ball_pass_hz, hz[1])
    return Features(velocity_mm_s, hf_g, float(np.sqrt(amplitude[near].max())))


def shaft_hz(signal: NDArray[np.float32], rate_hz: int, low_hz: float = 20.0, high_hz: float = 60.0) -> float | None:
    """Frequency of the strongest line of the velocity within a range, where a shaft's unbalance shows.

    0 at rest (below 0.1 mm/s), None where the machine shakes and no line stands out.

    A parabola through the logarithms of three lines refines it to about a tenth of their distance. A line stands out
    with at least 0.05 mm/s and 18 times the power of the median line.
    """
    hz, power = _power(signal, rate_hz)
    first, last = np.searchsorted(hz, (low_hz, high_hz)).tolist()
    velocity = power[first - 1 : last + 1] * (G_M_S2 / (2e-3 * pi * hz[first - 1 : last + 1])) ** 2
    place = 1 + int(velocity[1:-1].argmax())
    if velocity[place] < 0.05**2 or velocity[place] < 18.0 * float(np.median(velocity)):
        return 0.0 if velocity_rms(signal, rate_hz) < 0.1 else None
    before, here, after = np.log(velocity[place - 1 : place + 2] + 1e-30).tolist()
    bend = before - 2.0 * here + after
    offset = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
    return float(hz[first - 1 + place] + offset * hz[1])


def acceleration_rms(signal: NDArray[np.float32], rate_hz: int, band_hz: tuple[float, float]) -> float:
    """RMS acceleration within a band, in the unit of the signal."""
    hz, power = _power(signal, rate_hz)
    return float(np.sqrt(power[(hz >= band_hz[0]) & (hz <= band_hz[1])].sum()))


def velocity_rms(signal: NDArray[np.float32], rate_hz: int) -> float:
    """RMS velocity 10-1,000 Hz in mm/s of an acceleration in g, integrated in the frequency domain."""
    hz, power = _power(signal, rate_hz)
    within = (hz >= VELOCITY_BAND_HZ[0]) & (hz <= VELOCITY_BAND_HZ[1])
    return float(np.sqrt((power[within] * (G_M_S2 / (2e-3 * pi * hz[within])) ** 2).sum()))


def envelope_spectrum(
    signal: NDArray[np.float32], rate_hz: int, band_hz: tuple[float, float] = HF_BAND_HZ
) -> tuple[FloatArray, FloatArray]:
    """Frequencies in Hz and amplitudes in g2 of the squared envelope of a band, without its mean.

    The squared envelope is the squared magnitude of the analytic signal of the band: Randall and Antoni (2011),
    section 5; unlike the envelope it adds no lines of its own where signal and noise meet.
    """
    count = signal.size
    half = np.fft.rfft(signal.astype(np.float64))
    low, high = (round(edge * count / rate_hz) for edge in band_hz)
    analytic = np.zeros(count, dtype=np.complex128)
    analytic[low : high + 1] = 2.0 * half[low : high + 1]
    squared = np.abs(np.fft.ifft(analytic)) ** 2
    window = np.hanning(count)
    amplitude: FloatArray = np.abs(np.fft.rfft((squared - squared.mean()) * window)) * (2.0 / window.sum())
    return frequencies(count, rate_hz), amplitude


def _power(signal: NDArray[np.float32], rate_hz: int) -> tuple[FloatArray, FloatArray]:
    """Mean square of each line of the spectrum; a Hann window keeps strong low tones out of the other lines."""
    window = np.hanning(signal.size)
    spectrum = np.fft.rfft(signal.astype(np.float64) * window)
    power: FloatArray = 2.0 * np.abs(spectrum) ** 2 / (signal.size * (window**2).sum())
    return frequencies(signal.size, rate_hz), power
