"""The assessor says what it knows of a unit, and why it does not know the rest."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.assessment import Assessment
from analytics.assessor import Assessor
from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.window import Window
from tests.analytics.plants import PUMP, START_NS, changed, pump_window

LEARNT = Assessor(PUMP).fit(pump_window(6.0))


def _pump(found: list[Assessment]) -> Assessment:
    return next(each for each in found if each.unit_id == "P-1")


def test_a_healthy_pump_is_healthy() -> None:
    """A window like the history gives a health near one, no alarm and no cause."""
    found = _pump(LEARNT.assess(pump_window(1.5, seed=1)))
    assert found.health_index == 1.0
    assert found.anomaly_score is not None
    assert found.anomaly_score < 0.6
    assert not found.diagnoses
    assert not found.sensors
    assert found.remaining_life is None


def test_a_growing_envelope_is_a_bearing_with_a_remaining_life() -> None:
    """An envelope that grows at still suction names the bearing, with evidence, part and an interval."""
    window = pump_window(3.0, seed=2)
    grown = window.number("P-1.envelope_g") + np.linspace(0.0, 1.0, len(window)) ** 3
    found = _pump(LEARNT.assess(changed(window, envelope_g=grown)))
    assert found.diagnoses[0].mechanism == "bearing_outer_race"
    assert found.diagnoses[0].part == "bearing 6205"
    assert found.diagnoses[0].probability > 0.8
    assert found.diagnoses[0].evidence[0].supports
    assert sum(each.probability for each in found.diagnoses) == pytest.approx(1.0)
    assert found.contributions[0].name == "P-1.envelope"
    life = found.remaining_life
    assert life is not None
    assert 0.0 <= life.low_h <= life.median_h <= life.high_h
    assert found.health_index is not None
    assert found.health_index < 0.9


def test_a_suction_in_kilopascal_is_an_instrument_and_no_machine() -> None:
    """A reading a hundred times too large is reported as a swapped unit, and nothing is concluded from it."""
    window = pump_window(1.5, seed=3)
    swapped = window.number("P-1.suction_bar").copy()
    swapped[500:] *= 100.0
    found = _pump(LEARNT.assess(changed(window, suction_bar=swapped)))
    assert [each.kind for each in found.sensors] == ["unit_swap"]
    assert not found.diagnoses


def test_a_frozen_reading_is_stuck() -> None:
    """A reading that repeats itself while the pump works is reported as stuck."""
    window = pump_window(1.6, seed=4)
    frozen = window.number("P-1.envelope_g").copy()
    frozen[1500:] = frozen[1500]
    found = _pump(LEARNT.assess(changed(window, envelope_g=frozen)))
    assert [each.kind for each in found.sensors] == ["stuck"]


def test_a_reading_that_stops_is_stale_and_one_called_bad_is_dead() -> None:
    """Silence without a word is stale; silence that the source calls bad is dead."""
    window = pump_window(1.5, seed=5)
    silent = window.number("P-1.envelope_g").copy()
    silent[-30:] = np.nan
    quiet = changed(window, envelope_g=silent)
    assert [each.kind for each in _pump(LEARNT.assess(quiet)).sensors] == ["stale"]
    said = Window(quiet.time_ns, 60.0, quiet.numbers, {}, {"P-1.envelope_g": np.isnan(silent)})
    assert [each.kind for each in _pump(LEARNT.assess(said)).sensors] == ["dead"]


def test_an_undescribed_unit_and_a_missing_signal_are_said() -> None:
    """A unit without indicators is unknown with a reason, and so is one whose signals are not there."""
    found = LEARNT.assess(Window(pump_window(1.0).time_ns, 60.0, {}))
    assert {each.health_index for each in found} == {None}
    assert all(each.reason for each in found)
    assert "P-1.envelope_g" in _pump(found).reason


def test_too_little_history_is_refused_with_a_remedy() -> None:
    """An hour of history is refused; an untrained assessor refuses to judge."""
    with pytest.raises(NotEnoughDataError, match="healthy history"):
        Assessor(PUMP).fit(pump_window(0.04))
    with pytest.raises(UnusableInputError, match="fit"):
        Assessor(PUMP).assess(pump_window(1.0))


def test_what_was_learnt_survives_a_file(tmp_path: Path) -> None:
    """An assessor read from its file judges exactly as the one that was written."""
    window = pump_window(1.0, seed=6)
    LEARNT.save(tmp_path / "plant.skops")
    again = Assessor.load(PUMP, tmp_path / "plant.skops")
    assert again.assess(window) == LEARNT.assess(window)


def test_later_rows_change_no_earlier_judgement() -> None:
    """A judgement of a row is the same whether or not later rows are there."""
    window = pump_window(3.0, seed=7)
    grown = changed(window, envelope_g=window.number("P-1.envelope_g") + np.linspace(0.0, 1.0, len(window)) ** 3)
    row = 2 * 1440
    first = grown.between(0, int(grown.time_ns[row]) + 1)
    assert LEARNT.judge(LEARNT.course(grown), row) == LEARNT.assess(first)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(0, 400),
    column=st.sampled_from(["envelope_g", "suction_bar", "speed_rpm", "state_current"]),
    value=st.sampled_from([np.nan, 0.0, 1e12, -1e12, np.inf]),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 5),
)
def test_broken_windows_are_judged_or_said_unknown(
    rows: int, column: str, value: float, share: float, seed: int
) -> None:
    """Gaps, constants, infinities and nearly empty windows never raise, and never give a health without a ground."""
    window = pump_window(0.3, seed)
    window = window.between(START_NS, START_NS + rows * 60_000_000_000)
    broken = window.number(f"P-1.{column}").copy()
    broken[np.random.default_rng(seed).random(len(broken)) < share] = value
    for each in LEARNT.assess(changed(window, **{column: broken})):
        assert (each.health_index is None) == (each.anomaly_score is None)
        if each.health_index is None:
            assert each.reason
        else:
            assert 0.0 <= each.health_index <= 1.0
