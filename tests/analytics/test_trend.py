"""Remaining life: the interval holds the truth for lives like those that are usual, and says nothing before."""

import numpy as np
import pytest

from analytics.diagnosis import all_mechanisms
from analytics.diagnosis.mechanism import Growth
from analytics.prognosis.trend import Damage, Outlook, caused, life_share, outlook

_LAWS = [
    Growth("d", "linear", typical_life_h=100.0, spread=0.25),
    Growth("d", "exponential", typical_life_h=100.0, spread=0.25),
    Growth("d", "linear", typical_life_h=100.0, spread=0.25, power=1.8, hidden_share=0.1),
]


def _deviation(used: np.ndarray[tuple[int], np.dtype[np.float64]], law: Growth) -> np.ndarray:
    """Deviation as a share of that at failure, when so much of the life is over."""
    shown = np.clip((used - law.hidden_share) / (1.0 - law.hidden_share), 0.0, None)
    damage = np.expm1(4.0 * shown) / np.expm1(4.0) if law.law == "exponential" else shown
    share: np.ndarray = damage**law.power
    return share


def _at(law: Growth, life_h: float, over: float, seed: int) -> Outlook | None:
    duty = np.arange(0.0, over * life_h, 1.0)
    share = _deviation(duty / life_h, law) + np.random.default_rng(seed).normal(0.0, 0.005, len(duty))
    return outlook(Damage(duty, share, 0.02, 0.0, over * life_h), law)


@pytest.mark.parametrize("law", _LAWS)
def test_the_interval_holds_the_truth(law: Growth) -> None:
    """Over lives that scatter as they usually do, nine of ten intervals hold the life that is left."""
    draws = np.random.default_rng(1)
    hits, count = 0, 0
    for seed in range(60):
        life_h = 100.0 * float(np.exp(draws.normal(0.0, 0.25)))
        over = float(draws.uniform(0.5, 0.95))
        found = _at(law, life_h, over, seed)
        if found is not None:
            count += 1
            hits += found.low_h <= (1.0 - over) * life_h <= found.high_h
    assert count > 50
    assert hits / count >= 0.85


@pytest.mark.parametrize("law", _LAWS)
def test_a_share_is_read_back(law: Growth) -> None:
    """The share of the life follows from the deviation that it causes."""
    used = np.linspace(0.2, 1.0, 9)
    assert life_share(_deviation(used, law), law) == pytest.approx(used, abs=1e-9)


def test_nothing_is_said_of_damage_that_is_not_seen() -> None:
    """Below its limit, or without a sample, a deviation gives no remaining life."""
    flat = Damage(np.arange(50.0), np.full(50, 0.01), 0.02, 0.0, 50.0)
    assert outlook(flat, _LAWS[0]) is None
    assert outlook(Damage(np.zeros(0), np.zeros(0), 0.02, 0.0, 0.0), _LAWS[0]) is None


def test_a_machine_that_stands_lives_on() -> None:
    """Without duty no calendar hour wears."""
    assert Outlook(1.0, 2.0, 3.0).in_calendar(0.0).low_h == float("inf")
    assert Outlook(1.0, 2.0, 3.0).in_calendar(0.5).median_h == 4.0


def test_a_background_is_taken_out_in_squares() -> None:
    """What adds to a background in squares is found again: 3 beside 4 shows as 5, one above the background."""
    law = Growth("d", "linear", typical_life_h=1.0, background=4.0)
    assert caused(np.array([1.0]), law) == pytest.approx([3.0])


def test_every_rule_has_a_plausible_life() -> None:
    """Lives and spreads of the rules are positive."""
    for mechanism in all_mechanisms():
        if mechanism.growth is not None:
            assert mechanism.growth.typical_life_h > 0.0
            assert 0.0 < mechanism.growth.spread < 1.0
