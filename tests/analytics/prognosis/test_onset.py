import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import UnusableInputError
from analytics.prognosis.onset import OnsetRule


def life(seed: int = 0) -> np.ndarray:
    """Running-in from twice the level, 400 quiet measurements, then a rise to eight times."""
    running_in = 0.5 * (1.0 + np.exp(-np.arange(200) / 40.0))
    level = np.concatenate([running_in, np.full(400, 0.5), 0.5 * np.exp(np.arange(50) / 24.0)])
    return level * np.random.default_rng(seed).normal(1.0, 0.05, level.size)


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 20))
def test_onset_is_found_in_the_rise_whatever_the_level(scale: float, seed: int) -> None:
    """The alarm comes in the rise, not in running-in, and does not depend on the unit of the level."""
    found = OnsetRule().find(scale * life(seed))
    assert found is not None
    assert 620 <= found.place <= 635
    assert found.ratio > 3.0


@pytest.mark.parametrize("end", [0, 30, 100, 615, 640])
def test_an_alarm_needs_nothing_that_comes_later(end: int) -> None:
    """Ratios up to a measurement are the same to the last bit when the life is cut there."""
    rule = OnsetRule()
    assert np.array_equal(rule.ratios(life()[:end]), rule.ratios(life())[:end], equal_nan=True) or end < rule.baseline
    found = rule.find(life()[:end])
    assert (found is not None) == (end == 640)


def test_one_shock_or_a_gap_is_no_onset() -> None:
    """A single measurement at fifty times the level raises no alarm, nor do missing ones."""
    level = life()[:600]
    level[400] *= 50.0
    level[450:520] = np.nan
    assert OnsetRule().find(level) is None


def test_levels_below_zero_are_refused() -> None:
    """A level is a magnitude; a negative one means another column."""
    with pytest.raises(UnusableInputError, match="none below zero"):
        OnsetRule().find(-life())
