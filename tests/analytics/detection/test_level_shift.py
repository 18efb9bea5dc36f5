"""Lasting shifts of level, drift, noise and recovery."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.detection.level_shift import LevelShiftScorer
from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.levels import dominant_level

Floats = NDArray[np.float64]
TRAINED = 300


def recording(rows: int, seed: int = 1) -> Floats:
    """Return three signals with noise about 10, 5 and 50."""
    return np.random.default_rng(seed).normal([10.0, 5.0, 50.0], [0.1, 0.05, 0.5], (rows, 3))


def scores(rows: Floats, **options: Any) -> Floats:
    return LevelShiftScorer(**options).fit(rows[:TRAINED]).score_samples(rows[TRAINED:])


def test_a_fall_is_found_soon_and_its_end_too() -> None:
    """A level that falls by a twentieth is reported within 20 rows, and no longer 30 rows after its return."""
    rows = recording(900)
    rows[500:700, 0] -= 0.5
    alarms = scores(rows) >= 1.0
    assert not alarms[:200].any()
    assert alarms[220:400].all()
    assert not alarms[430:].any()


def test_the_signal_that_shifted_contributes_most() -> None:
    """The contributions of a row add up to one and name the signal that shifted."""
    rows = recording(600)
    rows[450:, 1] += 0.5
    shares = LevelShiftScorer().fit(rows[:TRAINED]).contributions(rows[TRAINED:])
    assert np.allclose(shares.sum(axis=1), 1.0)
    assert (shares[200:].argmax(axis=1) == 1).all()


def test_slow_drift_is_no_fault() -> None:
    """A level that creeps by a tenth over 3,000 rows is followed and not reported."""
    rows = recording(TRAINED + 3000)
    rows[TRAINED:, 2] += np.linspace(0.0, 2.0, 3000)
    assert (scores(rows) < 1.0).all()


def test_a_harmless_direction_counts_less() -> None:
    """Where a rise has no weight, a rise is not reported and a fall of the same size is."""
    rows = recording(600)
    rows[450:, 0] += 0.6
    assert (scores(rows, rise=0.0) < 1.0).all()
    assert (scores(rows, fall=0.0) >= 1.0).any()


def test_nothing_looks_ahead() -> None:
    """Scores of the first rows are bit for bit the same whatever follows them."""
    rows = recording(800)
    rows[500:600, 0] -= 1.0
    whole = scores(rows)
    for end in (301, 520, 640):
        assert np.array_equal(scores(rows[:end]), whole[: end - TRAINED])


def test_missing_values_are_not_made_up() -> None:
    """A row without any value has no score, and one signal missing does not silence the others."""
    rows = recording(700)
    rows[400] = np.nan
    rows[450:, 2] = np.nan
    rows[500:, 0] -= 0.5
    found = scores(rows)
    assert np.isnan(found[100])
    assert np.isfinite(np.delete(found, 100)).all()
    assert (found[250:] >= 1.0).all()
    with pytest.raises(UnusableInputError, match="row 100"):
        LevelShiftScorer().fit(rows[:TRAINED]).predict(rows[TRAINED:])


def test_a_start_up_among_the_training_rows_does_no_harm() -> None:
    """Two fifths of training rows at standstill leave the learnt level where the machine ran."""
    values = recording(400)[:, 0]
    values[:160] = 0.0
    level = dominant_level(values)
    assert level.mean == pytest.approx(10.0, abs=0.05)
    assert level.noise == pytest.approx(0.1, rel=0.3)
    assert level.share == pytest.approx(0.6)


def test_a_coarse_resolution_is_no_lack_of_noise() -> None:
    """A level between two steps of a coarse sensor is found with the noise that the steps make."""
    values = np.random.default_rng(2).choice([32.0, 33.0], 400, p=[0.8, 0.2])
    level = dominant_level(values)
    assert level.mean == pytest.approx(32.2, abs=0.1)
    assert level.noise == pytest.approx(0.4, rel=0.2)


def test_what_cannot_be_learnt_is_refused() -> None:
    """Too few rows, no moving signal at all, and rows of another width are errors that say what is needed."""
    with pytest.raises(NotEnoughDataError, match="at least 100 rows"):
        LevelShiftScorer().fit(recording(50))
    with pytest.raises(NotEnoughDataError, match="no signal moves"):
        LevelShiftScorer().fit(np.zeros((200, 2)))
    with pytest.raises(UnusableInputError, match="3 signals"):
        LevelShiftScorer().fit(recording(200)).score_samples(np.zeros((3, 2)))
