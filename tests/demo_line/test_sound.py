"""The pump's sound: a WAV file from the same model as its vibration."""

import io
import wave

import numpy as np
import pytest
from numpy.random import default_rng
from numpy.typing import NDArray

from demo_line.physics.sound import RateHz, pressure_pa, wav
from demo_line.physics.vibration import envelope_spectrum
from demo_line.physics.waveform import PumpCondition

HEALTHY = PumpCondition(2800.0, 1400.0)
WORN = PumpCondition(2800.0, 1500.0, outer_race=0.6)
CAVITATING = PumpCondition(2800.0, 1400.0, cavitation=1.0)


def samples_of(content: bytes, rate_hz: int) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate_hz)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.mark.parametrize("rate_hz", [22_050, 44_100])
def test_the_file_is_a_wav_of_16_bits(rate_hz: RateHz) -> None:
    """Every player reads it: one channel, 16 bits, the asked rate and length, without clicks at its ends."""
    samples = samples_of(wav(WORN, default_rng(1), rate_hz=rate_hz, duration_s=2.0), rate_hz)
    assert samples.size == 2 * rate_hz
    assert samples[0] == samples[-1] == 0
    assert np.abs(samples).max() < 32_767


def test_a_damaged_pump_is_louder_by_what_the_ear_notices() -> None:
    """Healthy about 65 dB, worn and cavitating at least 5 dB more, in Pa and in the file alike."""
    levels, peaks = [], []
    for condition in (HEALTHY, WORN, CAVITATING):
        sound = pressure_pa(condition, default_rng(1), 22_050, 2.0)
        levels.append(20.0 * np.log10(float(sound.std()) / 20e-6))
        peaks.append(float(samples_of(wav(condition, default_rng(1), duration_s=2.0), 22_050).std()))
    assert levels[0] == pytest.approx(65.0, abs=2.0)
    assert min(levels[1:]) > levels[0] + 5.0
    assert min(peaks[1:]) > 1.5 * peaks[0]


def test_the_rattle_of_a_worn_bearing_is_in_the_sound() -> None:
    """The envelope of the sound has its strongest line at 3.585 times the shaft speed."""
    samples = samples_of(wav(WORN, default_rng(2)), 22_050).astype(np.float32)
    hz, amplitude = envelope_spectrum(samples, 22_050, (2500.0, 4500.0))
    near = (hz > 100.0) & (hz < 300.0)
    assert hz[near][amplitude[near].argmax()] == pytest.approx(3.585 * 2800.0 / 60.0, rel=0.02)


def test_equal_conditions_and_seeds_give_equal_files() -> None:
    """The file is a function of condition and generator alone."""
    assert wav(WORN, default_rng(4), duration_s=1.0) == wav(WORN, default_rng(4), duration_s=1.0)
    assert wav(WORN, default_rng(4), duration_s=1.0) != wav(WORN, default_rng(5), duration_s=1.0)
