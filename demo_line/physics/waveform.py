"""Vibration of the product pump: a waveform and its features, both from the same hidden state and the same levels.

`levels` is the one place that turns speed, load and severities into strengths of sources. `features` adds them up in
closed form, for units that report features; `synthesise` makes the acceleration that a sensor would sample, whose
features are the same ones within the scatter of a second.

Sources of the vibration, after R. B. Randall, "Vibration-based condition monitoring" (Wiley 2011), chapters 2 and 5:

- unbalance at the shaft frequency, misalignment at twice it radially and at once it axially, vanes passing, flow noise;
- mains hum at 100 and 300 Hz and the switching of the drive, 4 kHz with side bands;
- a spalled outer race: each ball that passes excites the structure's resonances; the impacts slip and are modulated
  (R. B. Randall and J. Antoni, Mechanical Systems and Signal Processing 25 (2011) 485-520; P. D. McFadden and
  J. D. Smith, Journal of Sound and Vibration 96 (1984) 69-82, for the load that turns with the shaft);
- cavitation: collapsing bubbles, noise above 1 kHz in irregular bursts, without tones (C. E. Brennen, "Hydrodynamics
  of pumps", 1994, chapter 6).
"""

from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo_line.physics.bearing import BEARING_6205
from demo_line.physics.spectra import G_M_S2, JITTER, RATE_HZ, RATED_RPM, ComplexArray, FloatArray, constants, shapes_at

RATED_W = 2200.0
VANES = 6
SLIP = 0.008
"""Largest mean slip: the balls pass up to this much slower than the geometry says."""
_MAINS_HZ = 50.0
_SWITCHING_HZ = 4000.0
_MOTOR_SLIP = 1.02
_TURN_MODULATION, _CAGE_MODULATION, _SCATTER = 0.25, 0.15, 0.12
_MEAN_SQUARE_IMPACT = 1.0 + (_TURN_MODULATION**2 + _CAGE_MODULATION**2) / 2.0 + _SCATTER**2
_OVERSAMPLING = 8
_BURSTS_PER_S, _BURST_S = 60.0, 0.006

Axis = Literal["radial", "axial"]


@dataclass(frozen=True, slots=True)
class PumpCondition:
    """What shakes the pump at one moment.

    Attributes:
        speed_rpm: of the shaft.
        power_w: electrical power of the pump; the load.
        outer_race, imbalance, misalignment: severities, 0 healthy to 1 functional failure.
        cavitation: how far it is developed, 0 none to 1 fully; it follows from the suction, not from the fault alone.
    """

    speed_rpm: float
    power_w: float
    outer_race: float = 0.0
    imbalance: float = 0.0
    misalignment: float = 0.0
    cavitation: float = 0.0


class Pump(Protocol):
    """What the state of a unit with a pump tells; wear is that of the drive-end bearing's outer race."""

    shaft_speed_rpm: float
    power_w: float
    wear: float
    misalignment: float
    cavitation: float


def condition_of(pump: Pump) -> PumpCondition:
    """What shakes the pump of a unit, e.g. of MIX-10."""
    return PumpCondition(
        pump.shaft_speed_rpm, pump.power_w, pump.wear, misalignment=pump.misalignment, cavitation=pump.cavitation
    )


class Levels(NamedTuple):
    """Strength of each source: RMS velocity in mm/s (10-1,000 Hz) or RMS acceleration in g (1-5 kHz, names in _g)."""

    once: float
    twice: float
    vanes: float
    hum: float
    flow: float
    rumble: float
    floor_g: float
    switching_g: float
    bearing_g: float
    cavitation_g: float
    sensor_g: float


class Features(NamedTuple):
    """What a vibration sensor reports of a second.

    Attributes:
        velocity_mm_s: RMS velocity, 10-1,000 Hz.
        hf_g: RMS acceleration, 1-5 kHz.
        envelope_g: root of the line at the outer race's frequency in the spectrum of the squared envelope (1-5 kHz).
    """

    velocity_mm_s: float
    hf_g: float
    envelope_g: float


def levels(condition: PumpCondition, axis: Axis = "radial") -> Levels:
    """Strength of every source; design values of this project, chosen so that a healthy pump at its duty shows.

    About 0.8 mm/s and 0.27 g, and one at the end of its bearing's life 5 mm/s and 3 g. Unbalance and flow grow with
    the square of the speed, impacts with its power of 1.5 (rate times force).
    """
    turn = condition.speed_rpm / RATED_RPM
    load = min(condition.power_w / RATED_W, 1.5)
    square, impact = turn * turn, turn * sqrt(turn) if turn > 0.0 else 0.0
    energised = 1.0 if turn > 0.02 else 0.0
    radial = axis == "radial"
    once = (
        0.45 + 3.5 * condition.imbalance if radial else 0.45 + 0.6 * condition.imbalance + 3.0 * condition.misalignment
    )
    twice = 0.18 + 2.8 * condition.misalignment if radial else 0.12 + 0.8 * condition.misalignment
    return Levels(
        once=once * square,
        twice=twice * square,
        vanes=(0.15 + 0.35 * load) * square,
        hum=0.12 * energised,
        flow=(0.20 + 0.60 * load) * square,
        rumble=1.2 * condition.cavitation * square,
        floor_g=(0.14 + 0.20 * load) * impact,
        switching_g=0.03 * energised,
        bearing_g=3.0 * condition.outer_race**1.5 * impact,
        cavitation_g=1.3 * condition.cavitation * square,
        sensor_g=0.003,
    )


def features(condition: PumpCondition, axis: Axis = "radial") -> Features:
    """Features of the waveform in closed form: mean squares of independent sources add up.

    The line of the squared envelope is 4 times the mean square of the impacts, times what their decay, their slip and
    a window leave of it; noise of mean square s2 in a bandwidth B scatters it by 4 s2 / sqrt(B T).
    """
    s = levels(condition, axis)
    c = constants()
    noise_g2 = s.floor_g**2 + s.cavitation_g**2 + s.sensor_g**2
    velocity2 = s.once**2 + s.twice**2 + s.vanes**2 + s.hum**2 + s.flow**2 + s.rumble**2
    velocity2 += c.floor_velocity2 * s.floor_g**2 + c.bearing_velocity2 * s.bearing_g**2
    velocity2 += c.cavitation_velocity2 * s.cavitation_g**2 + c.sensor_velocity2 * s.sensor_g**2
    hf2 = noise_g2 + s.switching_g**2 + s.bearing_g**2 + c.flow_hf2 * (s.flow**2 + s.rumble**2)
    line2 = (4.0 * c.envelope_line * s.bearing_g**2) ** 2 + (c.envelope_noise * noise_g2) ** 2
    return Features(sqrt(velocity2), sqrt(hf2), sqrt(sqrt(line2)))


def synthesise(
    condition: PumpCondition,
    generator: Generator,
    *,
    axis: Axis = "radial",
    rate_hz: int = RATE_HZ,
    duration_s: float = 1.0,
) -> NDArray[np.float32]:
    """Acceleration of the pump's drive-end bearing housing in g, shape (rate_hz * duration_s,), without mean value.

    Args:
        condition: state of the pump, constant over the block.
        generator: phases, slip and noise; equal generators give equal waveforms.
        axis: direction of the sensor.
        rate_hz: samples a second, at least 12,800.
        duration_s: length of the block.
    """
    count = round(rate_hz * duration_s)
    strength = levels(condition, axis)
    spectrum = _noise(strength, generator, rate_hz, count)
    if strength.bearing_g > 0.0:
        spectrum += strength.bearing_g * _impacts(condition, generator, rate_hz, count)
    signal = np.fft.irfft(spectrum, count)
    signal += _tones(condition, strength, generator, rate_hz, count)
    if strength.cavitation_g > 0.0:
        signal += strength.cavitation_g * _cavitation(generator, rate_hz, count)
    samples: NDArray[np.float32] = (signal - signal.mean()).astype(np.float32)
    return samples


def _tones(condition: PumpCondition, s: Levels, generator: Generator, rate_hz: int, count: int) -> FloatArray:
    """Turning, vanes, hum and the drive's switching, with phases of their own."""
    shaft_hz = condition.speed_rpm / 60.0
    drive_hz = shaft_hz * _MOTOR_SLIP
    moving = ((shaft_hz, s.once), (2.0 * shaft_hz, s.twice), (VANES * shaft_hz, s.vanes))
    hum = ((2.0 * _MAINS_HZ, s.hum * sqrt(0.9)), (6.0 * _MAINS_HZ, s.hum * sqrt(0.1)))
    tones = [(hz, 2e-3 * pi * hz / G_M_S2 * mm_s) for hz, mm_s in (*moving, *hum)]
    side = s.switching_g / sqrt(2.0)
    tones += [(_SWITCHING_HZ - 2.0 * drive_hz, side), (_SWITCHING_HZ + 2.0 * drive_hz, side)]
    turns = np.arange(count) * (2.0 * pi / rate_hz)
    total = np.zeros(count)
    for (hz, rms_g), phase in zip(tones, generator.uniform(0.0, 2.0 * pi, len(tones)), strict=True):
        total += sqrt(2.0) * rms_g * np.cos(hz * turns + phase)
    return total


def _noise(s: Levels, generator: Generator, rate_hz: int, count: int) -> ComplexArray:
    """Spectrum of flow noise, the floor of the structure and the sensor's own noise, each of its shape."""
    shapes = shapes_at(rate_hz, count)
    density = (s.flow**2 + s.rumble**2) * shapes.flow + s.floor_g**2 * shapes.floor + s.sensor_g**2 * shapes.sensor
    return _random_phases(generator, rate_hz, count, density)


def _random_phases(generator: Generator, rate_hz: int, count: int, density: FloatArray) -> ComplexArray:
    """Spectrum of Gaussian noise whose one-sided density is given in g2/Hz at the frequencies of `rfft`."""
    parts = generator.standard_normal((2, density.size))
    spectrum: ComplexArray = np.sqrt(density * (rate_hz * count / 4.0)) * (parts[0] + 1j * parts[1])
    return spectrum


def _impacts(condition: PumpCondition, generator: Generator, rate_hz: int, count: int) -> ComplexArray:
    """Spectrum of the structure's answer to the balls passing the spall, of RMS 1 g in 1-5 kHz.

    Impact times are a random walk round the slipping ball-pass period. The load turns with the shaft and differs from
    ball to ball with the cage, so impacts are modulated by both. They lie on a finer grid than the samples.
    """
    shaft_hz = condition.speed_rpm / 60.0
    rate = shaft_hz * BEARING_6205.outer_race * (1.0 - SLIP * generator.random())
    duration_s = count / rate_hz
    draws = generator.standard_normal((2, int(duration_s * rate * 1.1) + 8))
    times_s = np.cumsum((1.0 + JITTER * draws[0]) / rate) - generator.random() / rate
    within = (times_s >= 0.0) & (times_s < duration_s)
    times_s, scatter = times_s[within], draws[1][within]
    phases = generator.uniform(0.0, 2.0 * pi, 2)
    strength = 1.0 + _TURN_MODULATION * np.cos(2.0 * pi * shaft_hz * times_s + phases[0])
    strength += _CAGE_MODULATION * np.cos(2.0 * pi * shaft_hz * BEARING_6205.cage * times_s + phases[1])
    strength += _SCATTER * scatter
    fine = count * _OVERSAMPLING
    places = np.minimum((times_s * (rate_hz * _OVERSAMPLING)).astype(np.int64), fine - 1)
    comb = np.bincount(places, weights=strength, minlength=fine)
    # An impact of unit strength has unit energy in the band: divided by the impacts a second it is a mean square.
    scale = rate_hz / sqrt(rate * _MEAN_SQUARE_IMPACT)
    spectrum: ComplexArray = np.fft.rfft(comb)[: count // 2 + 1] * (shapes_at(rate_hz, count).impact * scale)
    return spectrum


def _cavitation(generator: Generator, rate_hz: int, count: int) -> FloatArray:
    """Noise of RMS 1 g in 1-5 kHz whose strength jumps with bursts of collapsing bubbles at random times."""
    noise = np.fft.irfft(_random_phases(generator, rate_hz, count, shapes_at(rate_hz, count).cavitation), count)
    starts = generator.random(count) < _BURSTS_PER_S / rate_hz
    bursts = np.where(starts, generator.exponential(1.0, count), 0.0)
    span = round(4.0 * _BURST_S * rate_hz)
    decay = np.exp(-np.arange(span) / (_BURST_S * rate_hz))
    fall = np.fft.irfft(np.fft.rfft(bursts) * np.fft.rfft(decay, count), count)
    # A rush of bubbles with bursts on top; the mean square of shot noise follows from Campbell's theorem.
    mean = _BURSTS_PER_S * _BURST_S
    mean_square = 1.0 + 2.0 * mean + mean**2 + _BURSTS_PER_S * _BURST_S
    modulated: FloatArray = noise * (1.0 + fall) / sqrt(mean_square)
    return modulated
