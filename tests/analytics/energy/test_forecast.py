"""Load forecasts: what they may know, how good their intervals are."""

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.energy.forecast import Horizon, LoadForecast
from analytics.errors import NotEnoughDataError

_STEP = np.timedelta64(3600, "s")
_HOLIDAY = date(2024, 4, 17)


def _load(days: int, seed: int = 1) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Hours of a plant that works on weekdays from 6 to 22, but not on the holiday, in runs of random strength."""
    start = np.datetime64("2024-01-01T00:00:00") + np.arange(days * 24) * _STEP
    draws = np.random.default_rng(seed)
    hour, number = np.arange(len(start)) % 24, np.arange(len(start)) // 24
    works = (hour >= 6) & (hour < 22) & (number % 7 < 5) & (start.astype("datetime64[D]") != np.datetime64(_HOLIDAY))
    strength = np.repeat(draws.uniform(20.0, 60.0, len(start) // 4), 4)
    return start, np.where(works, strength + draws.normal(0.0, 3.0, len(start)), 3.0) + draws.uniform(
        0.0, 1.0, len(start)
    )


@pytest.mark.parametrize("horizon", Horizon)
def test_what_comes_later_changes_no_forecast(horizon: Horizon) -> None:
    """A forecast is the same, to the last bit, whatever follows the interval (its day)."""
    start, energy = _load(84)
    first = 70 * 24
    model = LoadForecast(horizon).fit(start[:first], energy[:first])
    whole = model.predict(start, energy, first)
    spoilt = energy.copy()
    spoilt[first + 5 * 24 :] = 999.0
    same = model.predict(start, spoilt, first)
    upto = 5 * 24 + 1 if horizon is Horizon.NEXT_INTERVAL else 6 * 24
    for one, other in ((whole.central, same.central), (whole.low, same.low), (whole.high, same.high)):
        assert one[:upto].tobytes() == other[:upto].tobytes()


@pytest.mark.parametrize("horizon", Horizon)
def test_a_recording_that_is_cut_is_forecast_the_same_up_to_there(horizon: Horizon) -> None:
    """Wherever a recording ends, also within a day, the forecasts up to there are the same to the last bit."""
    start, energy = _load(77)
    first = 70 * 24
    model = LoadForecast(horizon).fit(start[:first], energy[:first])
    whole = model.predict(start, energy, first)
    for left in (1, 30, 5 * 24):
        cut = model.predict(start[: first + left], energy[: first + left], first)
        for one, other in ((whole.central, cut.central), (whole.low, cut.low), (whole.high, cut.high)):
            assert one[:left].tobytes() == other.tobytes()


def test_the_next_interval_is_forecast_better_than_by_the_last_one() -> None:
    """The error is at most four fifths of that of persistence, and about nine in ten intervals hold the truth."""
    start, energy = _load(140)
    first = 112 * 24
    found = LoadForecast(Horizon.NEXT_INTERVAL).fit(start[:first], energy[:first]).predict(start, energy, first)
    actual = energy[first:]
    ours = np.sqrt(np.mean((found.central - actual) ** 2))
    assert ours < 0.8 * np.sqrt(np.mean((energy[first - 1 : -1] - actual) ** 2))
    assert 0.8 <= np.mean((found.low <= actual) & (actual <= found.high)) <= 0.98


def test_a_holiday_is_known_ahead() -> None:
    """A forecast that is told of a holiday expects an idle day, one that is not told expects work."""
    start, energy = _load(112)
    holidays = {_HOLIDAY}
    first = int((np.datetime64(_HOLIDAY) - np.datetime64("2024-01-01")).astype(int)) * 24
    noon = slice(10, 16)
    told, untold = (
        LoadForecast(Horizon.NEXT_DAY, holidays=known).fit(start[:first], energy[:first]).predict(start, energy, first)
        for known in (holidays, set())
    )
    assert np.mean(told.central[noon]) < 0.5 * np.mean(untold.central[noon])


def test_too_short_a_past_is_refused() -> None:
    """Less than eight weeks teach no week."""
    start, energy = _load(30)
    with pytest.raises(NotEnoughDataError, match="30 days; needs 56"):
        LoadForecast(Horizon.NEXT_DAY).fit(start, energy)
