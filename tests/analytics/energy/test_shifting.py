"""Shifting of loads on hourly prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.energy.cycles import compare, measure_cycles
from analytics.energy.shifting import shift_load
from analytics.errors import UnusableInputError


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.0, 100.0), min_size=48, max_size=48),
    st.lists(st.floats(-0.1, 0.5), min_size=48, max_size=48),
    st.floats(0.0, 1.0),
)
def test_a_schedule_keeps_every_condition_and_never_costs_more(
    load: list[float], price: list[float], shiftable: float
) -> None:
    """Each day keeps its energy, each hour its unshiftable part and the cap, and the cost does not rise."""
    load_kwh, price_per_kwh, day = np.array(load), np.array(price), np.repeat([0, 1], 24)
    shift = shift_load(load_kwh, price_per_kwh, day, shiftable=shiftable)
    slack = 1e-6 * (1.0 + np.max(load_kwh))
    for one in (0, 1):
        assert np.sum(shift.shifted_kwh[day == one]) == pytest.approx(np.sum(load_kwh[day == one]), abs=24 * slack)
    assert np.all(shift.shifted_kwh >= (1.0 - shiftable) * load_kwh - slack)
    assert np.all(shift.shifted_kwh <= np.max(load_kwh) + slack)
    before, after = shift.totals(price_per_kwh)
    assert after <= before + 48 * slack


def test_the_cheapest_hour_fills_up_to_the_cap() -> None:
    """A hand-made day: 10 % of the dear hour goes to the cheap one as far as the cap lets it."""
    load, price, day = np.array([10.0, 10.0, 10.0]), np.array([0.1, 0.2, 0.3]), np.zeros(3, int)
    assert shift_load(load, price, day, shiftable=0.1, max_kwh=12.0).shifted_kwh == pytest.approx([12.0, 9.0, 9.0])
    assert shift_load(load, price, day, shiftable=0.1, max_kwh=11.5).shifted_kwh == pytest.approx([11.5, 9.5, 9.0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shiftable": 1.5}, "shiftable: is 1.5"),
        ({"max_kwh": 5.0}, "hour 0: is 10.0 kWh, above the cap of 5.0 kWh"),
        ({"load_kwh": np.array([10.0, np.nan])}, "load, hour 1: has no value"),
        ({"load_kwh": np.array([10.0, -1.0])}, "load, hour 1: is -1.0 kWh"),
        ({"price_per_kwh": np.array([np.inf, 1.0])}, "prices, hour 0: has no value"),
    ],
)
def test_unusable_input_is_named(change: dict[str, object], words: str) -> None:
    """A missing or impossible value is refused with its place, value and remedy."""
    good: dict[str, object] = {"load_kwh": np.full(2, 10.0), "price_per_kwh": np.ones(2), "shiftable": 0.1}
    given_ = good | change
    load, price = given_.pop("load_kwh"), given_.pop("price_per_kwh")
    with pytest.raises(UnusableInputError, match=words):
        shift_load(load, price, np.zeros(2, int), **given_)  # type: ignore[arg-type]


def test_energy_of_cycles_is_integrated_within_each_cycle() -> None:
    """Power over time within a cycle counts, the pause between two cycles does not."""
    cycles = measure_cycles(
        np.array([4, 4, 4, 9, 9]), np.array([0.0, 1.0, 3.0, 0.0, 2.0]), np.array([1.0, 3.0, 3.0, 5.0, 5.0])
    )
    assert cycles.energy.tolist() == [8.0, 10.0]
    assert cycles.duration_s.tolist() == [3.0, 2.0]


def test_the_interval_of_a_change_holds_the_truth_and_repeats() -> None:
    """The change of two means lies in its interval, which the seed fixes."""
    draws = np.random.default_rng(2)
    before, after = draws.normal(100.0, 5.0, 80), draws.normal(75.0, 5.0, 80)
    found = compare(before, after, seed=1, what=lambda old, new: 100.0 * (new / old - 1.0))
    assert found.low < -25.0 < found.high
    assert found.high - found.low < 4.0
    assert found == compare(before, after, seed=1, what=lambda old, new: 100.0 * (new / old - 1.0))
