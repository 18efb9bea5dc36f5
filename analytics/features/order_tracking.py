"""Spectra over turns of the shaft instead of seconds, for machines whose speed changes."""

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.spectrum import FloatArray, Spectrum, amplitude_spectrum, checked

_FEWEST_TURNS = 4.0


def resample_by_turn(
    signal: NDArray[np.floating], rate_hz: float, shaft_hz: NDArray[np.floating], per_turn: int
) -> FloatArray:
    """Return a signal at even angles of the shaft.

    Computed order tracking: Fyfe and Munck, "Analysis of computed order tracking", Mechanical Systems and Signal
    Processing 11 (1997) 187-205. The signal is low-passed first where the slowest turn would alias.

    Args:
        signal: float[n] at even times.
        rate_hz: samples a second.
        shaft_hz: speed of the shaft at each sample, float[n].
        per_turn: samples a turn of the result; lines up to half of it in orders can be seen.

    Raises:
        UnusableInputError: the speeds do not fit the signal or are not above zero.
        NotEnoughDataError: fewer than 4 turns.
    """
    values = checked(signal, rate_hz)
    speed = np.asarray(shaft_hz, dtype=np.float64)
    if speed.shape != values.shape or not bool((speed > 0.0).all()):
        raise UnusableInputError(
            "order tracking", f"speeds of shape {speed.shape}", f"expected {values.size} speeds above 0 Hz"
        )
    turns = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / (2.0 * rate_hz))])
    if turns[-1] < _FEWEST_TURNS:
        raise NotEnoughDataError("order tracking", f"{turns[-1]:.2g} turns", f"{_FEWEST_TURNS:g} are needed")
    lines = np.fft.rfft(values)
    lines[np.fft.rfftfreq(values.size, 1.0 / rate_hz) > per_turn * speed.min() / 2.0] = 0.0
    limited = np.fft.irfft(lines, values.size)
    return np.asarray(np.interp(np.arange(0.0, turns[-1], 1.0 / per_turn), turns, limited), dtype=np.float64)


def order_spectrum(
    signal: NDArray[np.floating], rate_hz: float, shaft_hz: NDArray[np.floating], per_turn: int = 64
) -> Spectrum:
    """Return the amplitudes of a signal by order; the frequencies of the result are multiples of the shaft's."""
    return amplitude_spectrum(resample_by_turn(signal, rate_hz, shaft_hz, per_turn), float(per_turn))
