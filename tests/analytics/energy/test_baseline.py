"""Energy baselines: what is learnt, what is claimed, what is refused."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.energy.baseline import Days, EnergyBaseline, complete_days
from analytics.energy.calendar_baseline import CalendarBaseline
from analytics.energy.guideline14 import Resolution, judge
from analytics.errors import NotEnoughDataError


def _weather(days: int, seed: int) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Days from 1 January on and the temperature of each hour, with seasons, nights and weather."""
    draws = np.random.default_rng(seed)
    hour = np.arange(days * 24)
    day = np.datetime64("2023-01-01") + hour // 24
    season = 10.0 - 12.0 * np.cos(2 * np.pi * hour / 8766)
    return day, season - 4.0 * np.cos(2 * np.pi * hour / 24) + np.repeat(draws.normal(0.0, 3.0, days), 24)


def _meter(temperature: NDArray[np.float64], seed: int, scale: float = 1.0) -> NDArray[np.float64]:
    noise = np.repeat(np.random.default_rng(seed).normal(0.0, 0.3, len(temperature) // 24), 24)
    return scale * (2.0 + 0.2 * np.maximum(15.0 - temperature, 0.0) + 0.4 * np.maximum(temperature - 20.0, 0.0)) + noise


def _year_and_next(seed: int, scale: float) -> tuple[Days, Days]:
    day, temperature = _weather(730, seed)
    energy = _meter(temperature, seed + 1000)
    energy[365 * 24 :] = _meter(temperature, seed + 1000, scale)[365 * 24 :]
    days = complete_days(day, energy, temperature)
    half = np.datetime64("2024-01-01")
    return days.between(days.day[0], half), days.between(half, days.day[-1] + 1)


def test_a_known_saving_lies_in_its_interval_as_often_as_it_says() -> None:
    """Of forty meters with a true saving of 10 %, the 90 % interval misses at most eight."""
    missed = 0
    for seed in range(40):
        before, after = _year_and_next(seed, scale=0.9)
        baseline = EnergyBaseline().fit(before)
        saving = baseline.saving(after)
        assert baseline.fit_.accepted
        missed += not saving.low_pct <= 10.0 <= saving.high_pct
    assert missed <= 8  # binomial(40, 0.1): P(more than 8) = 1.6 %


def test_balance_points_and_slopes_are_found() -> None:
    """The temperatures at which heating and cooling begin are found within a kelvin, the slopes within a tenth."""
    before, _ = _year_and_next(1, scale=1.0)
    baseline = EnergyBaseline().fit(before)
    assert baseline.heating_balance_ == pytest.approx(15.0, abs=1.5)
    assert baseline.cooling_balance_ == pytest.approx(20.0, abs=1.5)
    assert baseline.coefficients_[1:] == pytest.approx([0.2, 0.4], rel=0.15)


def test_a_meter_without_weather_gets_no_weather_terms() -> None:
    """Where energy does not follow the temperature, the baseline is the mean alone."""
    day, temperature = _weather(365, 3)
    flat = 5.0 + np.random.default_rng(4).normal(0.0, 0.5, len(day))
    baseline = EnergyBaseline().fit(complete_days(day, flat, temperature))
    assert (baseline.heating_balance_, baseline.cooling_balance_) == (None, None)
    assert baseline.coefficients_ == pytest.approx([5.0], abs=0.05)


def test_too_short_a_baseline_is_refused() -> None:
    """A baseline that has not seen all seasons is refused with the number of days it has."""
    day, temperature = _weather(120, 5)
    with pytest.raises(NotEnoughDataError, match="120 complete days"):
        EnergyBaseline().fit(complete_days(day, _meter(temperature, 6), temperature))


def test_days_of_the_clock_change_count_and_days_with_holes_do_not() -> None:
    """A day of 23 or 25 hours is whole; a day that lacks an hour or a temperature is left out."""
    hours = [24, 23, 25, 22, 24, 24]
    day = np.repeat(np.datetime64("2024-03-29") + np.arange(6), hours)
    energy, temperature = np.ones(len(day)), np.full(len(day), 10.0)
    energy[-1], temperature[-30] = np.nan, np.nan
    days = complete_days(day, energy, temperature)
    assert days.day.tolist() == [*day[[0, 24, 47]].tolist()]
    assert days.energy_kwh.tolist() == [24.0, 23.0, 25.0]
    assert days.hours.tolist() == [24.0, 23.0, 25.0]
    assert days.below(12.0).tolist() == [48.0, 46.0, 50.0]


def test_fit_figures_follow_their_definition() -> None:
    """CV(RMSE) and NMBE divide by what is free and by the mean; the reasons name figure and limit."""
    measured, modelled = np.array([10.0, 20.0, 30.0, 40.0]), np.array([10.0, 10.0, 30.0, 40.0])
    fit = judge(measured, modelled, parameters=2, resolution=Resolution.HOURLY)
    assert fit.cv_rmse_pct == pytest.approx(100.0 * np.sqrt(100.0 / 2.0) / 25.0)
    assert fit.nmbe_pct == pytest.approx(100.0 * 10.0 / (2.0 * 25.0))
    assert fit.reasons() == ["NMBE is +20.0 %, but Guideline 14 allows at most 10 % at hourly intervals"]
    assert not judge(measured, modelled, parameters=4, resolution=Resolution.HOURLY).accepted


def test_a_plant_that_the_calendar_does_not_explain_is_refused() -> None:
    """A load that depends on what nobody recorded fails Guideline 14, one that follows the calendar passes it."""
    hour = np.datetime64("2024-01-01T00") + np.arange(168 * 20)
    draws = np.random.default_rng(7)
    regular = np.asarray(np.where(np.arange(len(hour)) % 24 > 6, 15.0, 10.0), dtype=np.float64)
    erratic = np.asarray(regular * draws.integers(0, 2, len(hour)), dtype=np.float64)
    steady = np.asarray(regular + draws.normal(0.0, 1.0, len(hour)), dtype=np.float64)
    for energy, accepted in ((steady, True), (erratic, False)):
        baseline = CalendarBaseline().fit(hour[: 168 * 12], energy[: 168 * 12])
        assert baseline.judge(hour[168 * 12 :], energy[168 * 12 :]).accepted is accepted
    with pytest.raises(NotEnoughDataError, match="8 whole weeks"):
        CalendarBaseline().fit(hour[: 168 * 7], regular[: 168 * 7])
