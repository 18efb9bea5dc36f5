"""Drives of a cyclic machine against what normal cycles did."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.detection.cycle_twin import CHANNELS, CycleTwinScorer
from analytics.errors import NotEnoughDataError, UnusableInputError

Floats = NDArray[np.float64]


def cycles(numbers: range, seed: int = 0) -> Floats:
    """Return cycles of two drives: both move there and back, power follows voltage."""
    random = np.random.default_rng(seed)
    parts = []
    for number in numbers:
        time = np.arange(0.0, 6.0, 0.1) + random.normal(0.0, 0.005)
        drives = []
        for travel, shift in ((100.0, 0.0), (400.0, 0.7)):
            position = travel * np.sin(np.pi * time / 6.0 + shift) + random.normal(0.0, 0.3, len(time))
            voltage = 50.0 * np.cos(np.pi * time / 6.0 + shift)
            power = 20.0 * np.abs(voltage) + random.normal(0.0, 20.0, len(time))
            drives += [position, voltage, power]
        parts.append(np.column_stack([np.full(len(time), float(number)), time, *drives]))
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def scorer() -> CycleTwinScorer:
    return CycleTwinScorer().fit(cycles(range(20)))


def test_normal_cycles_that_were_never_seen_stay_quiet(scorer: CycleTwinScorer) -> None:
    """Of new normal rows hardly any passes one and a half of what a normal row exceeds once in a hundred."""
    assert float((scorer.score_samples(cycles(range(20, 30), seed=5)) > 1.5).mean()) < 0.02


def test_friction_shows_in_the_power_of_its_drive(scorer: CycleTwinScorer) -> None:
    """A drive that takes a third more power at the same movement is found there, by its power, and nowhere else."""
    rows = cycles(range(20, 21), seed=5)
    rows[10:25, 7] *= 1.33
    found = scorer.channel_scores(rows)
    assert (found[12:23, 1, CHANNELS.index("power")] > 1.5).all()
    assert found[:, 0].max() < 1.7
    assert found[35:].max() < 1.7


def test_a_drive_that_sticks_shows_in_its_position(scorer: CycleTwinScorer) -> None:
    """A position that stays where it was while the cycle goes on is found on the drive that sticks."""
    rows = cycles(range(20, 21), seed=5)
    rows[15:25, 2] = rows[15, 2]
    found = scorer.channel_scores(rows)[20:24]
    assert (found.max(axis=2).argmax(axis=1) == 0).all()
    assert (found[:, 0, CHANNELS.index("position")] > 1.5).all()


def test_what_cannot_be_judged_is_refused(scorer: CycleTwinScorer) -> None:
    """Too few cycles, a missing value and another number of drives are errors that say so."""
    with pytest.raises(NotEnoughDataError, match="at least 5"):
        CycleTwinScorer().fit(cycles(range(4)))
    holed = cycles(range(1))
    holed[7, 3] = np.nan
    with pytest.raises(UnusableInputError, match="row 7"):
        scorer.score_samples(holed)
    with pytest.raises(UnusableInputError, match="8 columns"):
        scorer.score_samples(cycles(range(1))[:, :5])
