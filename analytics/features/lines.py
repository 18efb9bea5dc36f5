"""Families of lines of a machine, and how far they stand out of a spectrum."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.spectrum import FloatArray, Spectrum

_NEIGHBOURS = 41
_SMALLEST = 1e-30
_CLIP = (-1.0, 4.0)


@dataclass(frozen=True, slots=True)
class Prominence:
    """How far each line stands out of its neighbours.

    Attributes:
        hz: float64[n], evenly spaced from 0.
        ratio_log: natural logarithm of amplitude over the median of the neighbours, float64[n]; 0 = like them.
        resolution_hz: distance at which two lines can be told apart.
    """

    hz: FloatArray
    ratio_log: FloatArray
    resolution_hz: float

    def at(self, hz: FloatArray) -> FloatArray:
        """Return the values between the lines, clipped so that no single line decides: -1 to 4."""
        return np.clip(np.interp(hz, self.hz, self.ratio_log), *_CLIP)


@dataclass(frozen=True, slots=True)
class Comb:
    """A fundamental and its harmonics, found in a spectrum.

    Attributes:
        fundamental_hz: where the family stands out most.
        slip: that over the frequency which was looked for.
        ratio_log: mean of the logarithms of the harmonics over their neighbours.
    """

    fundamental_hz: float
    slip: float
    ratio_log: float


def prominence(spectrum: Spectrum, width_hz: float) -> Prominence:
    """Return how far lines stand out of the median of their neighbours.

    Args:
        spectrum: of a signal or of its envelope.
        width_hz: width of the neighbourhood; several times the distance of sidebands, so that they do not fill it.

    Raises:
        NotEnoughDataError: fewer than 9 independent lines in a neighbourhood, or the spectrum is shorter than one.
    """
    every = max(1, round(spectrum.resolution_hz / spectrum.step_hz))
    logs = np.log(np.maximum(spectrum.amplitude, _SMALLEST))
    coarse = logs[::every]
    half = round(width_hz / spectrum.resolution_hz / 2.0)
    if half < 4 or coarse.size <= 2 * half:
        raise NotEnoughDataError(
            "lines of a spectrum",
            f"{coarse.size} lines {spectrum.resolution_hz:g} Hz apart, neighbours within {width_hz:g} Hz",
            f"sample for at least {8.0 / width_hz:.2g} s, and keep a spectrum wider than that",
        )
    neighbours = np.lib.stride_tricks.sliding_window_view(np.pad(coarse, half, mode="reflect"), 2 * half + 1)
    medians = np.median(neighbours, axis=1)
    level = np.interp(np.arange(logs.size), np.arange(coarse.size) * every, medians)
    return Prominence(spectrum.hz, logs - level, spectrum.resolution_hz)


def find_comb(seen: Prominence, fundamental_hz: float, harmonics: Sequence[int], slips: FloatArray) -> Comb:
    """Return a family of lines at the slip at which it stands out most.

    Args:
        seen: prominence of the lines.
        fundamental_hz: expected, without slip.
        harmonics: multiples that are looked at.
        slips: ratios of the real to the expected frequency that are tried, float64[s].

    Raises:
        UnusableInputError: the highest harmonic lies beyond the spectrum.
    """
    highest = max(harmonics) * fundamental_hz * float(slips.max())
    if highest > seen.hz[-1] or fundamental_hz <= 0.0:
        raise UnusableInputError(
            "lines of a spectrum",
            f"harmonics {list(harmonics)} of {fundamental_hz:g} Hz",
            f"the spectrum ends at {seen.hz[-1]:g} Hz",
        )
    values = seen.at(np.outer(slips, np.asarray(harmonics)) * fundamental_hz).mean(axis=1)
    best = int(values.argmax())
    return Comb(float(slips[best] * fundamental_hz), float(slips[best]), float(values[best]))


def gear_lines_hz(teeth: int, shaft_hz: float, harmonics: int = 3, sidebands: int = 2) -> FloatArray:
    """Return the meshing frequency of a gear with its harmonics and the sidebands of its shaft.

    float64[harmonics, 2 * sidebands + 1]; sidebands that grow mean an eccentric gear or a local fault of a tooth:
    Randall, "Vibration-based condition monitoring" (2011), section 2.2.2.
    """
    mesh = np.arange(1, harmonics + 1)[:, np.newaxis] * float(teeth) * shaft_hz
    return mesh + np.arange(-sidebands, sidebands + 1) * shaft_hz


@dataclass(frozen=True, slots=True)
class ElectricalLines:
    """Lines of an induction motor: Randall (2011), section 2.2.4.

    Attributes:
        twice_supply_hz: force of the air gap; high with an uneven gap or a shorted winding.
        slip_hz: by how much the rotor lags behind the field.
        pole_pass_hz: slip times number of poles; sidebands of the shaft at this distance mean broken rotor bars.
    """

    twice_supply_hz: float
    slip_hz: float
    pole_pass_hz: float


def electrical_lines(supply_hz: float, poles: int, shaft_hz: float) -> ElectricalLines:
    """Return the lines of a motor with a number of poles (even) at its speed.

    Raises:
        UnusableInputError: an odd number of poles, or a shaft that turns faster than the field.
    """
    synchronous = 2.0 * supply_hz / poles if poles > 0 else 0.0
    if poles <= 0 or poles % 2 or shaft_hz > synchronous:
        raise UnusableInputError(
            "electrical lines",
            f"{poles} poles at {supply_hz:g} Hz, shaft at {shaft_hz:g} Hz",
            "expected an even number of poles and a shaft no faster than 2 x supply / poles",
        )
    slip = synchronous - shaft_hz
    return ElectricalLines(2.0 * supply_hz, slip, slip * poles)
