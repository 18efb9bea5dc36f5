import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.bearing import ORDERS_6205, BearingGeometry, Orders, bearing_orders
from analytics.features.envelope import envelope_spectrum, prewhitened
from analytics.features.kurtogram import select_band
from analytics.features.lines import electrical_lines, find_comb, gear_lines_hz, prominence
from analytics.features.order_tracking import order_spectrum
from analytics.features.spectrum import STANDARD_GRAVITY_M_S2, amplitude_spectrum, band_rms, velocity_rms_mm_s
from analytics.features.time_domain import time_domain
from tests.analytics.bearings import FloatArray, struck

RATE_HZ = 12_800


def sine(hz: float, amplitude: float = 1.0, seconds: float = 1.0) -> FloatArray:
    return amplitude * np.sin(2.0 * np.pi * hz * np.arange(int(RATE_HZ * seconds)) / RATE_HZ)


@given(hz=st.floats(20.0, 900.0), velocity_mm_s=st.floats(0.1, 50.0))
def test_velocity_of_a_sine(hz: float, velocity_mm_s: float) -> None:
    """A sine that moves so fast shows that RMS velocity, whatever its frequency."""
    amplitude_g = velocity_mm_s * np.sqrt(2.0) * 2.0 * np.pi * hz / 1000.0 / STANDARD_GRAVITY_M_S2
    assert velocity_rms_mm_s(sine(hz, amplitude_g), RATE_HZ) == pytest.approx(velocity_mm_s, rel=0.01)


def test_velocity_leaves_out_what_lies_beside_its_band() -> None:
    """Slow drift and high-frequency noise do not count as severity of vibration."""
    outside = sine(3.0, 0.5) + sine(3000.0, 5.0)
    assert velocity_rms_mm_s(outside, RATE_HZ) < 0.2


def test_levels_of_bands_add_up() -> None:
    """The squares of the levels of two bands add up to that of both."""
    signal = sine(200.0) + sine(2000.0, 2.0)
    low, high, both = (band_rms(signal, RATE_HZ, band) for band in ((100, 1000), (1001, 5000), (100, 5000)))
    assert low**2 + high**2 == pytest.approx(both**2)
    assert low == pytest.approx(np.sqrt(0.5), rel=1e-3)


def test_amplitude_of_a_line_is_read_at_its_frequency() -> None:
    """A sine of amplitude 3 shows as a line of height 3."""
    spectrum = amplitude_spectrum(sine(120.0, 3.0), RATE_HZ, padding=4)
    assert spectrum.at(np.array([120.0]))[0] == pytest.approx(3.0, rel=1e-3)
    assert spectrum.resolution_hz == pytest.approx(1.0)


def test_time_domain_of_a_sine() -> None:
    """Crest, kurtosis and shape of a sine are those of the textbook."""
    found = time_domain(sine(100.0, 2.0), RATE_HZ)
    assert found.rms == pytest.approx(np.sqrt(2.0))
    assert found.crest == pytest.approx(np.sqrt(2.0), rel=1e-3)
    assert found.kurtosis == pytest.approx(-1.5, abs=1e-3)
    assert found.shape == pytest.approx(np.pi / 2.0 / np.sqrt(2.0), rel=1e-3)


def test_a_still_signal_has_levels_of_zero() -> None:
    """A constant signal is no error: nothing moves, and no ratio is invented."""
    still = np.full(RATE_HZ, 0.3)
    assert time_domain(still, RATE_HZ).crest == 0.0
    assert velocity_rms_mm_s(still, RATE_HZ) == pytest.approx(0.0, abs=1e-9)
    assert not envelope_spectrum(prewhitened(still, RATE_HZ), RATE_HZ, (300, 6000)).amplitude.any()


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (np.array([1.0] * 10), "64 are needed"),
        (np.array([1.0, np.nan] * 100), "100 of 200 samples are no numbers"),
        (np.ones((100, 2)), "one axis"),
    ],
)
def test_unusable_signals_are_refused(signal: FloatArray, words: str) -> None:
    """A short signal, gaps and two axes are refused in words that name them."""
    with pytest.raises((NotEnoughDataError, UnusableInputError), match=words):
        amplitude_spectrum(signal, RATE_HZ)


def test_orders_of_a_6205() -> None:
    """The geometry of the 6205 gives the orders that its data sheet states."""
    found = bearing_orders(BearingGeometry(balls=9, ball_mm=7.94, pitch_mm=39.04))
    assert found.outer_race == pytest.approx(ORDERS_6205.outer_race, rel=2e-3)
    assert found.inner_race == pytest.approx(ORDERS_6205.inner_race, rel=2e-3)
    assert found.ball_spin == pytest.approx(ORDERS_6205.ball_spin, rel=2e-3)
    assert found.cage == pytest.approx(ORDERS_6205.cage, rel=2e-3)


@given(
    balls=st.integers(5, 30), share=st.floats(0.05, 0.6), pitch_mm=st.floats(5.0, 500.0), contact=st.floats(0.0, 40.0)
)
def test_orders_hang_together(balls: int, share: float, pitch_mm: float, contact: float) -> None:
    """Ball passes of both races add up to the number of balls, and the outer one is the cage times the balls."""
    found = bearing_orders(BearingGeometry(balls, share * pitch_mm, pitch_mm, contact))
    assert found.inner_race + found.outer_race == pytest.approx(balls)
    assert found.outer_race == pytest.approx(balls * found.cage)


def test_orders_that_no_bearing_has_are_refused() -> None:
    """Frequencies in Hz where orders are expected are refused."""
    with pytest.raises(UnusableInputError, match="multiples of the shaft frequency"):
        Orders(inner_race=107.0, outer_race=162.0, ball_spin=70.0, cage=12.0)


def test_the_band_that_is_struck_is_chosen() -> None:
    """The kurtogram finds the resonance that rings, not the strong shaft line."""
    band = select_band(struck(RATE_HZ, 1.0, 104.0, strength=8.0) + sine(29.5), RATE_HZ)
    assert band.low_hz < 0.27 * RATE_HZ < band.high_hz
    assert band.kurtosis > 1.0


def test_strikes_show_in_the_envelope_and_not_in_the_spectrum() -> None:
    """The line of the strikes stands out of the envelope spectrum with its harmonics."""
    signal = struck(RATE_HZ, 1.0, 104.0)
    slips = np.linspace(0.99, 1.01, 21)
    envelope = envelope_spectrum(signal, RATE_HZ, (2500, 5000)).up_to(1000.0)
    plain = amplitude_spectrum(signal, RATE_HZ, 4).up_to(1000.0)
    found = find_comb(prominence(envelope, 80.0), 104.0, (1, 2, 3), slips)
    assert found.ratio_log > 1.5
    assert found.fundamental_hz == pytest.approx(104.0, rel=0.005)
    assert find_comb(prominence(plain, 80.0), 104.0, (1, 2, 3), slips).ratio_log < 1.0


def test_prewhitening_finds_strikes_beside_a_strong_tone() -> None:
    """Without any choice of band, a tone ten times as strong does not hide the strikes."""
    signal = struck(RATE_HZ, 1.0, 104.0, strength=8.0) + sine(1200.0, 3.0) + sine(1250.0, 3.0)
    envelope = envelope_spectrum(prewhitened(signal, RATE_HZ), RATE_HZ, (300, 6000)).up_to(1000.0)
    assert find_comb(prominence(envelope, 80.0), 104.0, (1, 2, 3), np.array([1.0])).ratio_log > 1.5


def test_a_spectrum_too_coarse_for_lines_is_refused() -> None:
    """A window too short to see a line among its neighbours is refused and says how long it must be."""
    with pytest.raises(NotEnoughDataError, match="sample for at least"):
        prominence(envelope_spectrum(sine(100.0, seconds=0.05), RATE_HZ, (300, 6000)), 80.0)


def test_orders_stay_sharp_while_the_speed_changes() -> None:
    """A line at 3.5 times a speed that rises by a third is one line over turns."""
    speed = np.linspace(30.0, 40.0, 2 * RATE_HZ)
    signal = np.sin(2.0 * np.pi * 3.5 * np.cumsum(speed) / RATE_HZ)
    spectrum = order_spectrum(signal, RATE_HZ, speed)
    assert spectrum.hz[spectrum.amplitude.argmax()] == pytest.approx(3.5, abs=0.05)
    assert spectrum.amplitude.max() == pytest.approx(1.0, rel=0.1)
    with pytest.raises(NotEnoughDataError, match="turns"):
        order_spectrum(signal[:1000], RATE_HZ, speed[:1000])


def test_lines_of_gears_and_motors() -> None:
    """Meshing, sidebands, twice the supply and pole passes are where the textbook puts them."""
    assert gear_lines_hz(20, 10.0, harmonics=2, sidebands=1).tolist() == [[190, 200, 210], [390, 400, 410]]
    found = electrical_lines(50.0, poles=2, shaft_hz=48.5)
    assert (found.twice_supply_hz, found.slip_hz, found.pole_pass_hz) == (100.0, 1.5, 3.0)
    with pytest.raises(UnusableInputError, match="even number of poles"):
        electrical_lines(50.0, poles=3, shaft_hz=20.0)
