"""The rolling window equals what the whole past gives at once, whatever comes in which portions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from analytics.live_window import LiveWindow, hold_time_s
from analytics.window import Window
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Samples
from tests.contract.rows import Row, samples_of

STEP_NS = 60_000_000_000
NUMBERS = {"MIX-10.flow": 4, "MIX-10.level": 7}
T0 = 1_000 * STEP_NS

values = st.one_of(st.none(), st.floats(-100, 100))
readings = st.lists(st.tuples(st.sampled_from([4, 7, 9]), st.integers(0, 59 * 60), values), max_size=80)


def samples(rows: list[tuple[int, int, float | None]], from_s: int = 0, to_s: int = 10**6) -> Samples:
    """Rows (series, seconds since T0, value); None = bad."""
    made: list[Row] = [
        (series, T0 + at_s * 10**9, value, Quality.BAD if value is None else Quality.GOOD, Origin.SIMULATED)
        for series, at_s, value in rows
        if from_s <= at_s < to_s
    ]
    return samples_of(made) if made else Samples.empty()


def reference(rows: list[tuple[int, int, float | None]], number: int, count: int, hold: int) -> NDArray[np.float64]:
    """Row by row: mean of the good readings, nothing where all are bad, else the last row for at most `hold` rows."""
    column, last, age = np.full(count, np.nan), np.nan, hold + 1
    for row in range(count):
        here = [value for series, at_s, value in rows if series == number and at_s // 60 == row]
        good = [value for value in here if value is not None]
        age = 0 if here else age + 1
        last = float(np.mean(good)) if good else np.nan if here else last
        column[row] = last if age <= hold else np.nan
    return column


@settings(deadline=None)
@given(readings, st.lists(st.integers(1, 3_600), max_size=6))
def test_portions_give_what_the_whole_gives(rows: list[tuple[int, int, float | None]], cuts: list[int]) -> None:
    """Reading on from any instant, the newest row again each time, leads to the same values as one reading."""
    live = LiveWindow(NUMBERS, {"MIX-10.flow": 300}, STEP_NS, 60)
    begin_s = 0
    for end_s in [*sorted(set(cuts)), 3_600]:
        live.add(samples(rows, begin_s, end_s), T0 + begin_s * 10**9, T0 + end_s * 10**9)
        begin_s = end_s // 60 * 60
    window = live.window()
    assert window.time_ns[-1] == live.end_ns == T0 + 60 * STEP_NS
    for name, hold in (("MIX-10.flow", 5), ("MIX-10.level", 10**6)):
        np.testing.assert_allclose(window.number(name), reference(rows, NUMBERS[name], 60, hold), atol=1e-9)


def test_it_rolls_and_forgets() -> None:
    """Hours of minutes through a window of ten rows leave the last ten, a jump into the future nothing."""
    live = LiveWindow(NUMBERS, {}, STEP_NS, 10)
    for minute in range(200):
        rows: list[tuple[int, int, float | None]] = [(4, minute * 60 + 5, float(minute))]
        live.add(samples(rows), T0 + minute * STEP_NS, T0 + (minute + 1) * STEP_NS)
    assert live.window().number("MIX-10.flow").tolist() == list(range(190, 200))
    far = 100_000
    live.add(samples([(7, far * 60, 1.0)]), T0 + far * STEP_NS, T0 + (far + 1) * STEP_NS)
    assert live.window().time_ns[-1] == T0 + (far + 1) * STEP_NS
    assert not np.isfinite(live.window().number("MIX-10.flow")).any()


def test_it_goes_on_from_a_stored_past() -> None:
    """Values of the past are kept, the last one is carried on until the signal reports again, and bad ones are bad."""
    time_ns = T0 + (np.arange(20, dtype=np.int64) + 1) * STEP_NS
    past = Window(time_ns, 60.0, {"MIX-10.flow": np.arange(20.0)}, {}, {"MIX-10.level": np.ones(20, np.bool_)})
    live = LiveWindow(NUMBERS, {}, STEP_NS, 8)
    live.put(past)
    live.add(samples([(7, 21 * 60, 3.0)]), T0 + 20 * STEP_NS, T0 + 22 * STEP_NS)
    window = live.window()
    assert window.number("MIX-10.flow").tolist() == [14, 15, 16, 17, 18, 19, 19, 19]
    np.testing.assert_array_equal(window.number("MIX-10.level"), [np.nan] * 7 + [3.0])
    assert window.bad["MIX-10.level"].tolist() == [True] * 7 + [False]


def test_silence_is_judged_by_the_report_rule() -> None:
    """A signal that reports every minute counts for three; what names no interval counts for two hours."""
    assert hold_time_s('{"max_interval_s":60.0}') == 180
    assert hold_time_s('{"max_interval_s":600}') == 1800
    assert hold_time_s("") == hold_time_s("no json") == hold_time_s("[]") == 7200
