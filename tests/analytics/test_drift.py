"""The drift watch: silent on more of the same, loud on another population, and never an error."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from analytics.drift import CHANGED, compare, reference
from analytics.window import Window


def window(values: NDArray[np.float64]) -> Window:
    return Window(np.arange(1, len(values) + 1, dtype=np.int64), 60.0, {"MIX-10.power_w": values})


def test_more_of_the_same_is_no_drift_and_a_shift_is() -> None:
    """Fresh draws of one population stay far below the limit, draws shifted by one standard deviation far above."""
    draws = np.random.default_rng(3)
    then = reference(window(draws.normal(1500, 20, 5_000)), ["MIX-10.power_w"])
    same = compare(then, window(draws.normal(1500, 20, 5_000)))
    shifted = compare(then, window(draws.normal(1520, 20, 5_000)))
    assert same.index["MIX-10.power_w"] < 0.05
    assert (same.changed, same.share) == ((), 0.0)
    assert shifted.index["MIX-10.power_w"] > CHANGED
    assert (shifted.changed, shifted.share) == (("MIX-10.power_w",), 1.0)


@given(arrays(np.float64, st.integers(0, 700)), arrays(np.float64, st.integers(0, 700)))
def test_whatever_the_values_it_answers(before: NDArray[np.float64], after: NDArray[np.float64]) -> None:
    """Constant, missing, infinite or too few values give an index that is finite and not negative, or none."""
    drift = compare(reference(window(before), ["MIX-10.power_w", "NO-1.signal"]), window(after))
    assert all(np.isfinite(value) and value >= -1e-12 for value in drift.index.values())
