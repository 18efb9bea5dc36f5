"""What a microphone beside the pump hears, from the same waveform as the vibration sensors, as a WAV file."""

import io
import wave
from math import pi, sqrt
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo_line.physics.spectra import G_M_S2, FloatArray, frequencies
from demo_line.physics.waveform import PumpCondition, synthesise

_AIR_KG_M3 = 1.2
_RADIUS_M, _DISTANCE_M, _SOUND_M_S = 0.12, 0.5, 343.0
_ROOM_PA = 0.02
"""RMS pressure of the hall's noise, 60 dB."""
_FULL_SCALE_PA = 0.9
"""RMS-safe full scale of the recorder, the same for healthy and damaged pumps, so that louder stays louder."""

RateHz = Literal[22_050, 44_100]


def pressure_pa(condition: PumpCondition, generator: Generator, rate_hz: RateHz, duration_s: float) -> FloatArray:
    """Sound pressure half a metre from the pump in Pa, shape (rate_hz * duration_s,), the hall's noise included.

    The housing radiates like a pulsating sphere of radius a = 12 cm whose surface has the velocity v: p = rho c v
    j k a / (1 + j k a) times a / r (L. L. Beranek, "Acoustics", 1986, chapter 4), so pressure follows acceleration up
    to 450 Hz and velocity above. The hall's noise falls with frequency as 1 / f above 100 Hz.
    """
    count = round(rate_hz * duration_s)
    acceleration = np.fft.rfft(synthesise(condition, generator, rate_hz=rate_hz, duration_s=duration_s))
    size = frequencies(count, rate_hz) * (2.0 * pi * _RADIUS_M / _SOUND_M_S)
    radiated = acceleration * (G_M_S2 * _AIR_KG_M3 * _RADIUS_M**2 / _DISTANCE_M) / (1.0 + 1j * size)
    return np.fft.irfft(radiated, count) + _room(generator, rate_hz, count)


def _room(generator: Generator, rate_hz: int, count: int) -> FloatArray:
    hz = frequencies(count, rate_hz)
    shape = 1.0 / np.sqrt(1.0 + (hz / 100.0) ** 2)
    parts = generator.standard_normal((2, hz.size))
    noise = np.fft.irfft((parts[0] + 1j * parts[1]) * shape, count)
    scaled: FloatArray = noise * (_ROOM_PA / sqrt(float((noise**2).mean())))
    return scaled


def wav(condition: PumpCondition, generator: Generator, *, rate_hz: RateHz = 22_050, duration_s: float = 4.0) -> bytes:
    """A mono WAV file of 16 bits a sample; equal conditions and generators give equal bytes.

    Full scale is 0.9 Pa for every condition; what is louder is limited softly, as a recorder does.
    """
    pressure = pressure_pa(condition, generator, rate_hz, duration_s) / _FULL_SCALE_PA
    fade = np.minimum(np.arange(pressure.size), np.arange(pressure.size)[::-1]) / (0.02 * rate_hz)
    samples: NDArray[np.int16] = (np.tanh(pressure) * np.minimum(fade, 1.0) * 32_767.0).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
