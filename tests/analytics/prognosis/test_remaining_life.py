import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.features.cycles import CycleFeatures, FloatArray, Runs, slope, smoothed
from analytics.prognosis.conformal import LocalQuantiles
from analytics.prognosis.remaining_life import RemainingLifeRegressor


def fleet(lives: list[int], seed: int = 0, conditions: int = 1) -> Runs:
    """Units whose three sensors leave their normal exponentially, one of them the other way in every second unit."""
    rng = np.random.default_rng(seed)
    settings, sensors = [], []
    for number, life in enumerate(lives):
        wear = np.exp(-np.arange(life, 0.0, -1.0) / 30.0)
        condition = rng.integers(0, conditions, life)
        mode = 1.0 if number % 2 else -1.0
        clean = np.column_stack([4.0 * wear, mode * 6.0 * wear, -2.0 * wear, np.zeros(life)])
        settings.append(np.column_stack([condition, np.zeros(life)]))
        sensors.append(100.0 * condition[:, np.newaxis] + clean + rng.normal(0.0, [0.5, 0.5, 0.5, 0.0], clean.shape))
    unit = np.repeat(np.arange(len(lives)), lives)
    return Runs(unit, np.vstack(settings).astype(float), np.vstack(sensors))


def lives(count: int, seed: int) -> list[int]:
    drawn: list[int] = np.random.default_rng(seed).integers(150, 260, count).tolist()
    return drawn


def test_remaining_life_is_predicted_with_an_interval_that_holds() -> None:
    """Units that were never seen are predicted far better than by their mean, and nine in ten lie in the interval."""
    train, test = fleet(lives(20, 1)), fleet(lives(20, 2), seed=3)
    features = CycleFeatures().fit(train)
    regressor = RemainingLifeRegressor(rows=2500).fit(features.transform(train), train.remaining(), train.unit)
    asked = test.remaining() < 100
    values, truth = features.transform(test)[asked], test.remaining()[asked]
    error = regressor.predict(values) - truth
    low, high = regressor.predict_interval(values)
    assert np.sqrt((error**2).mean()) < 0.5 * truth.std()
    assert 0.8 < ((low <= truth) & (truth <= high)).mean() <= 1.0
    assert (low <= high).all()


def test_features_know_nothing_of_later_cycles() -> None:
    """Features of a cycle are equal to the last bit when the unit is cut after it."""
    runs = fleet(lives(8, 1))
    features = CycleFeatures().fit(runs)
    whole = features.transform(runs)[:90]
    cut = Runs(runs.unit[:90], runs.settings[:90], runs.sensors[:90])
    assert np.array_equal(features.transform(cut), whole)


def test_operating_conditions_do_not_hide_wear() -> None:
    """Under conditions that shift every sensor by hundreds of its noise, wear still orders the cycles."""
    runs = fleet(lives(12, 1), conditions=6)
    fused = CycleFeatures().fit(runs).transform(runs)[:, 0]
    late, early = runs.remaining() < 10, runs.remaining() > 100
    assert fused[late].max() < np.quantile(fused[early], 0.1)


def test_a_sensor_that_fails_both_ways_counts() -> None:
    """A sensor that rises with one failure and falls with another, so that its mean stays, is not thrown away."""
    runs = fleet(lives(12, 1))
    quiet = runs.sensors.copy()
    quiet[:, [0, 2]] = 0.0
    fused = CycleFeatures().fit(Runs(runs.unit, runs.settings, quiet))
    assert np.abs(fused.transform(Runs(runs.unit, runs.settings, quiet))).max() > 1.0


def test_unusable_fleets_are_refused() -> None:
    """Too few units, units in pieces, missing values and sensors without wear are refused in words."""
    runs = fleet(lives(8, 1))
    with pytest.raises(NotEnoughDataError, match="6 units that ran to their end"):
        CycleFeatures().fit(fleet(lives(3, 1)))
    with pytest.raises(UnusableInputError, match="rows of one unit lie apart"):
        Runs(np.array([1, 2, 1]), np.zeros((3, 1)), np.zeros((3, 1)))
    with pytest.raises(UnusableInputError, match="no numbers"):
        Runs(runs.unit, runs.settings, np.where(runs.sensors > 3.0, np.nan, runs.sensors))
    noise = np.random.default_rng(0).normal(size=runs.sensors.shape)
    with pytest.raises(UnusableInputError, match="no sensor changes"):
        CycleFeatures().fit(Runs(runs.unit, runs.settings, noise))
    with pytest.raises(NotEnoughDataError, match="2 units"):
        RemainingLifeRegressor().fit(np.zeros((200, 2)), np.tile(np.arange(99.0, -1.0, -1.0), 2))


@given(width=st.integers(3, 30), rise=st.floats(-5.0, 5.0))
def test_the_slope_of_a_ramp(width: int, rise: float) -> None:
    """The slope of a ramp is its rise a row as soon as the window is full, and smoothing keeps a constant."""
    ramp: FloatArray = rise * np.arange(40.0)[:, np.newaxis]
    assert slope(ramp, width)[width - 1 :] == pytest.approx(rise, abs=1e-6)
    assert smoothed(np.full((40, 1), rise), width) == pytest.approx(rise)


def test_quantiles_follow_the_size_of_errors() -> None:
    """Where errors grow with the prediction, so do the quantiles; too few held-out predictions are refused."""
    rng = np.random.default_rng(0)
    predictions = rng.uniform(1.0, 100.0, 5000)
    quantiles = LocalQuantiles.of(predictions + rng.normal(0.0, predictions / 10.0), predictions)
    near, far = quantiles.residual(np.array([20.0, 80.0]), 0.95)
    assert near == pytest.approx(1.645 * 2.0, rel=0.3)
    assert far == pytest.approx(1.645 * 8.0, rel=0.3)
    with pytest.raises(NotEnoughDataError, match="50 are needed"):
        LocalQuantiles.of(predictions[:10], predictions[:10])
