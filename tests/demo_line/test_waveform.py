"""The pump's vibration: waveform and features from one state, and what a diagnosis can find in them."""

import time

import numpy as np
import pytest
from numpy.random import default_rng
from numpy.typing import NDArray

from demo_line.physics.bearing import BEARING_6205
from demo_line.physics.spectra import RATE_HZ
from demo_line.physics.vibration import acceleration_rms, envelope_spectrum, measure, shaft_hz
from demo_line.physics.waveform import Axis, Features, PumpCondition, features, synthesise

HEALTHY = PumpCondition(2800.0, 1400.0)
WORN = PumpCondition(2800.0, 1400.0, outer_race=0.2)
CAVITATING = PumpCondition(2800.0, 1400.0, cavitation=0.6)


def waveform(condition: PumpCondition, seed: int = 1) -> NDArray[np.float32]:
    return synthesise(condition, default_rng(seed))


def ball_pass_hz(condition: PumpCondition) -> float:
    return condition.speed_rpm / 60.0 * 3.585


def strongest_line(condition: PumpCondition, seed: int) -> tuple[float, float]:
    """Order of the strongest line of the envelope between 0.7 and 1.3 ball passes, and how far it stands out there."""
    hz, amplitude = envelope_spectrum(waveform(condition, seed), RATE_HZ)
    wanted = ball_pass_hz(condition)
    near = (hz > 0.7 * wanted) & (hz < 1.3 * wanted)
    place = int(amplitude[near].argmax())
    return float(hz[near][place]) / (condition.speed_rpm / 60.0), float(
        amplitude[near][place] / np.median(amplitude[near])
    )


def stands_out(condition: PumpCondition, seed: int) -> float:
    """How far the strongest line within 2 % of the ball-pass frequency stands out of the median round it."""
    hz, amplitude = envelope_spectrum(waveform(condition, seed), RATE_HZ)
    wanted = ball_pass_hz(condition)
    near, at = np.abs(hz / wanted - 1.0) < 0.3, np.abs(hz / wanted - 1.0) <= 0.02
    return float(amplitude[at].max() / np.median(amplitude[near]))


def test_the_orders_of_a_6205_follow_from_its_geometry() -> None:
    """The published orders of the bearing come out of balls and diameters."""
    orders = (BEARING_6205.outer_race, BEARING_6205.inner_race, BEARING_6205.ball_spin, BEARING_6205.cage)
    assert orders == pytest.approx((3.585, 5.415, 2.357, 0.398), abs=5e-4)


@pytest.mark.parametrize("speed_rpm", [1500.0, 2300.0, 2900.0])
@pytest.mark.parametrize("severity", [0.15, 0.4, 1.0])
def test_a_worn_bearing_shows_at_3_585_times_the_shaft_speed(speed_rpm: float, severity: float) -> None:
    """The strongest line of the envelope lies within 2 % of the ball-pass frequency, at every speed and seed."""
    for seed in range(10):
        order, height = strongest_line(PumpCondition(speed_rpm, 1400.0, outer_race=severity), seed)
        assert order == pytest.approx(3.585, rel=0.02)
        assert height > 6.0


@pytest.mark.parametrize("condition", [HEALTHY, CAVITATING, PumpCondition(2800.0, 1400.0, cavitation=1.0)])
def test_there_is_no_such_line_without_a_worn_bearing(condition: PumpCondition) -> None:
    """A healthy pump and a cavitating one have no line of the outer race: it does not stand out of the noise."""
    heights = [stands_out(condition, seed) for seed in range(30)]
    assert max(heights) < 5.0
    assert min(stands_out(WORN, seed) for seed in range(30)) > 6.0


def test_cavitation_is_broadband_and_gone_at_low_speed() -> None:
    """Cavitation raises 1-5 kHz without a line of its own, in bursts, and falls with the square of the speed."""
    noisy, quiet = waveform(CAVITATING), waveform(HEALTHY)
    assert acceleration_rms(noisy, RATE_HZ, (1000, 5000)) > 2.0 * acceleration_rms(quiet, RATE_HZ, (1000, 5000))
    power = np.abs(np.fft.rfft(noisy)[1000:3900]) ** 2
    smooth = np.convolve(power, np.ones(101) / 101, "same")
    assert (power / smooth)[60:-60].max() < 16.0, "exponentially scattered lines of pure noise stay below that"
    strength = np.sqrt((noisy.reshape(-1, 64).astype(float) ** 2).mean(axis=1))
    steady = np.sqrt((quiet.reshape(-1, 64).astype(float) ** 2).mean(axis=1))
    assert strength.std() / strength.mean() > 1.5 * steady.std() / steady.mean()
    slow = PumpCondition(900.0, 100.0, cavitation=0.6)
    assert features(slow).hf_g < 0.15


@pytest.mark.parametrize(
    "condition",
    [
        HEALTHY,
        WORN,
        CAVITATING,
        PumpCondition(2800.0, 1400.0, outer_race=1.0),
        PumpCondition(2800.0, 1400.0, misalignment=0.7),
        PumpCondition(2800.0, 1400.0, imbalance=0.5),
        PumpCondition(1500.0, 400.0, outer_race=0.5),
        PumpCondition(0.0, 35.0),
    ],
)
@pytest.mark.parametrize("axis", ["radial", "axial"])
def test_features_agree_with_the_waveform(condition: PumpCondition, axis: Axis) -> None:
    """What is reported without a waveform is what a sensor computes from one: 8 % velocity and HF, 25 % envelope."""
    measured = [
        measure(synthesise(condition, default_rng(seed), axis=axis), RATE_HZ, max(ball_pass_hz(condition), 10.0))
        for seed in range(12)
    ]
    mean = Features(*(float(x) for x in np.mean(measured, axis=0)))
    closed = features(condition, axis)
    assert mean.velocity_mm_s == pytest.approx(closed.velocity_mm_s, rel=0.08)
    assert mean.hf_g == pytest.approx(closed.hf_g, rel=0.08)
    if condition.speed_rpm > 0.0:
        assert mean.envelope_g == pytest.approx(closed.envelope_g, rel=0.25)


def test_a_healthy_pump_is_in_its_normal_range() -> None:
    """At every duty of production 0.5-1.5 mm/s and 0.2-0.4 g; the waveform has no mean value."""
    for speed_rpm, power_w in ((2600.0, 1000.0), (2800.0, 1400.0), (2900.0, 1700.0)):
        found = features(PumpCondition(speed_rpm, power_w))
        assert 0.5 < found.velocity_mm_s < 1.5
        assert 0.2 < found.hf_g < 0.4
    assert abs(float(waveform(HEALTHY).mean())) < 1e-4


def test_wear_shows_first_in_the_envelope_then_in_hf_then_in_velocity() -> None:
    """The severities at which a feature has risen by half follow in that order, and none of them ever falls."""
    severities = np.linspace(0.0, 1.0, 101)
    found = np.array([features(PumpCondition(2800.0, 1400.0, outer_race=s)) for s in severities])
    assert (np.diff(found, axis=0) >= 0.0).all()
    velocity, hf, envelope = ((found / found[0] > 1.5).argmax(axis=0) / 100.0).tolist()
    assert 0.0 < envelope < hf < velocity < 0.5
    assert found[-1][0] > 2.8


def test_misalignment_shows_at_twice_the_speed_and_axially_at_once() -> None:
    """Radially the second harmonic dominates, axially the first."""
    bent = PumpCondition(3000.0, 1400.0, misalignment=0.7)
    expected: tuple[tuple[Axis, int], ...] = (("radial", 2), ("axial", 1))
    for axis, order in expected:
        spectrum = np.abs(np.fft.rfft(synthesise(bent, default_rng(3), axis=axis)))
        velocity = spectrum[1:320] / np.arange(1, 320)
        assert int(velocity.argmax()) + 1 == 50 * order


def test_a_sensor_finds_the_speed_of_the_shaft_by_itself() -> None:
    """Within 0.7 % in either direction, 0 at rest, nothing where cavitation hides the shaft; never a wrong speed."""
    axes: tuple[Axis, ...] = ("radial", "axial")
    for axis in axes:
        for seed in range(15):
            for speed_rpm in (2300.0, 2900.0):
                found = shaft_hz(synthesise(PumpCondition(speed_rpm, 1400.0), default_rng(seed), axis=axis), RATE_HZ)
                assert found is not None
                assert 60.0 * found == pytest.approx(speed_rpm, rel=0.007)
            assert shaft_hz(synthesise(PumpCondition(0.0, 35.0), default_rng(seed), axis=axis), RATE_HZ) == 0.0
            hidden = shaft_hz(synthesise(CAVITATING, default_rng(seed), axis=axis), RATE_HZ)
            assert hidden is None or 60.0 * hidden == pytest.approx(2800.0, rel=0.01)


def test_equal_seeds_give_equal_waveforms() -> None:
    """The waveform is a function of condition and generator."""
    assert np.array_equal(waveform(WORN, 5), waveform(WORN, 5))
    assert not np.array_equal(waveform(WORN, 5), waveform(WORN, 6))


def test_a_second_of_signal_costs_little() -> None:
    """At most 30 ms of processor time a second of signal, and few microseconds the features."""
    condition = PumpCondition(2800.0, 1400.0, outer_race=0.3, cavitation=0.3)
    waveform(condition)
    began = time.process_time()
    for seed in range(10):
        waveform(condition, seed)
    assert (time.process_time() - began) / 10 < 0.030
    began = time.process_time()
    for _ in range(1000):
        features(condition)
    assert (time.process_time() - began) / 1000 < 50e-6
