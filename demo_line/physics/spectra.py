"""Spectra of the sources of vibration, scaled so that one unit of each is one unit of a feature."""

from functools import lru_cache
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from demo_line.physics.bearing import BEARING_6205

RATE_HZ = 12_800
"""Sampling rate of the vibration sensors."""
RATED_RPM = 2900.0
VELOCITY_BAND_HZ = (10.0, 1000.0)
"""Band of the vibration velocity, as in ISO 20816-1."""
HF_BAND_HZ = (1000.0, 5000.0)
"""Band of the high-frequency acceleration and of the envelope."""
JITTER = 0.012
"""Standard deviation of the time between two impacts, as a share of it; deviations add up, as slip does."""
G_M_S2 = 9.80665

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


class Shapes(NamedTuple):
    """One-sided densities per Hz of noises with unit strength, and the answer to an impact, at `rfft` frequencies."""

    hz: FloatArray
    flow: FloatArray
    floor: FloatArray
    cavitation: FloatArray
    sensor: FloatArray
    impact: ComplexArray


def frequencies(count: int, rate_hz: int) -> FloatArray:
    """Frequencies of `rfft` of `count` samples, in Hz."""
    return np.fft.rfftfreq(count, 1.0 / rate_hz).astype(np.float64)


@lru_cache(maxsize=4)
def shapes_at(rate_hz: int, count: int) -> Shapes:
    """Scaled shapes at the `rfft` frequencies of a block of `count` samples."""
    raw, unit = _raw_shapes(frequencies(count, rate_hz)), _units()
    return Shapes(
        raw.hz, raw.flow / unit.flow, raw.floor / unit.floor, raw.cavitation / unit.cavitation,
        raw.sensor / unit.sensor, raw.impact / sqrt(unit.impact),
    )  # fmt: skip


def _raw_shapes(hz: FloatArray) -> Shapes:
    """Shapes before they are scaled; flow noise has a velocity that falls above 120 Hz, the others follow the housing.

    The housing has a resonance at 3.4 kHz (damping 5 %) and a mode of pump and base at 520 Hz (damping 15 %); what a
    glued sensor sees falls off above 6 kHz.
    """
    high_pass = hz**4 / (hz**4 + 8.0**4)
    ceiling = 1.0 / (1.0 + (hz / 6500.0) ** 8)
    velocity = high_pass / (1.0 + (hz / 120.0) ** 2) ** 1.5
    housing, base = _resonance(hz, 3400.0, 0.05), _resonance(hz, 520.0, 0.15)
    rough = ceiling * hz**4 / (hz**4 + 900.0**4)
    return Shapes(
        hz,
        flow=velocity * (2e-3 * pi * hz / G_M_S2) ** 2,
        floor=rough * (1.0 + 0.08 * np.abs(housing) ** 2),
        cavitation=rough * hz / 3000.0,
        sensor=np.where(hz > 0.0, 1.0, 0.0),
        impact=(housing + 2.2 * base / (1.0 + (hz / 700.0) ** 4)) * np.sqrt(ceiling * high_pass),
    )


def _resonance(hz: FloatArray, natural_hz: float, damping: float) -> ComplexArray:
    """Acceleration of a mass on a spring under a force, relative to force over mass (receptance times -omega2)."""
    ratio = (hz / natural_hz).astype(np.complex128)
    answer: ComplexArray = -(ratio**2) / (1.0 - ratio**2 + 2j * damping * ratio)
    return answer


class _Units(NamedTuple):
    """Mean squares of the raw shapes in their band: velocity for flow, acceleration in 1-5 kHz for the others."""

    flow: float
    floor: float
    cavitation: float
    sensor: float
    impact: float


_GRID_HZ = np.arange(0.0, RATE_HZ / 2.0)


def _band(density: FloatArray, band_hz: tuple[float, float]) -> float:
    """Mean square of a density on the 1 Hz grid within a band."""
    return float(density[int(band_hz[0]) : int(band_hz[1])].sum())


def _velocity2(density: FloatArray) -> float:
    """Mean square velocity in (mm/s)2 of an acceleration density in g2/Hz."""
    to_mm_s = np.zeros_like(_GRID_HZ)
    to_mm_s[1:] = G_M_S2 / (2e-3 * pi * _GRID_HZ[1:])
    return _band(density * to_mm_s**2, VELOCITY_BAND_HZ)


@lru_cache(maxsize=1)
def _units() -> _Units:
    raw = _raw_shapes(_GRID_HZ)
    return _Units(
        _velocity2(raw.flow), _band(raw.floor, HF_BAND_HZ), _band(raw.cavitation, HF_BAND_HZ),
        _band(raw.sensor, HF_BAND_HZ), 2.0 * _band(np.abs(raw.impact) ** 2, HF_BAND_HZ),
    )  # fmt: skip


class Constants(NamedTuple):
    """What one unit of a source adds to the other band, and how the squared envelope sees impacts and noise."""

    flow_hf2: float
    floor_velocity2: float
    bearing_velocity2: float
    cavitation_velocity2: float
    sensor_velocity2: float
    envelope_line: float
    envelope_noise: float


@lru_cache(maxsize=1)
def constants() -> Constants:
    """Computed once from the shapes, so that features cost no transform."""
    shapes = shapes_at(RATE_HZ, RATE_HZ)
    flow, floor, sensor = shapes.flow[:-1], shapes.floor[:-1], shapes.sensor[:-1]
    impact2 = 2.0 * np.abs(shapes.impact[:-1]) ** 2
    return Constants(
        _band(flow, HF_BAND_HZ), _velocity2(floor), _velocity2(impact2),
        _velocity2(shapes.cavitation[:-1]), _velocity2(sensor),
        _envelope_line(shapes.impact), _envelope_noise(floor),
    )  # fmt: skip


def _envelope_line(impact: ComplexArray) -> float:
    """What decay and slip leave of the line at the ball-pass frequency at rated speed, in a second.

    The squared envelope of one answer decays, so its transform at that frequency is less than at zero; a phase that
    walks at random with variance v over the second leaves 2 (exp(-v/2) - 1 + v/2) / (v/2)^2 of the line's power.
    """
    hz = RATED_RPM / 60.0 * BEARING_6205.outer_race
    analytic = np.zeros(RATE_HZ, dtype=np.complex128)
    low, high = int(HF_BAND_HZ[0]), int(HF_BAND_HZ[1])
    analytic[low:high] = impact[low:high]
    answer = np.abs(np.fft.ifft(analytic)) ** 2
    transform = np.fft.fft(answer)
    half = (2.0 * pi * JITTER) ** 2 * hz / 2.0
    kept = 2.0 * (np.exp(-half) - 1.0 + half) / half**2
    return float(abs(transform[round(hz)]) / abs(transform[0]) * np.sqrt(kept))


def _envelope_noise(floor: FloatArray) -> float:
    """Highest of the lines within 2 % of the ball-pass frequency that noise of 1 g makes in a second (Hann window)."""
    within = floor[int(HF_BAND_HZ[0]) : int(HF_BAND_HZ[1])]
    bandwidth_hz = within.sum() ** 2 / (within**2).sum()
    lines = 4
    highest = sum(1.0 / place for place in range(1, lines + 1))
    return float(4.0 * np.sqrt(1.5 * highest / bandwidth_hz))
