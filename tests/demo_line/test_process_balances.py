"""Product and water of the process units: nothing appears, nothing vanishes."""

from collections.abc import Iterator
from typing import Any

import pytest

from demo_line.line import Line, LineState, load_definition
from demo_line.plan import Phase
from tests.demo_line.process import PROCESS, process_line, started

DAY = (
    (Phase.WARM_UP, 1800.0),
    (Phase.PRODUCTION, 6 * 3600.0),
    (Phase.CHANGEOVER, 2700.0),
    (Phase.PRODUCTION, 5 * 3600.0),
    (Phase.CLEANING, 4500.0),
    (Phase.OFF, 3600.0),
)
"""A day with everything that moves product and water, the night shortened."""


def stock_l(units: dict[str, Any]) -> float:
    """Product in tanks, plates and pipes."""
    mix, pas, tnk = units["MIX-10"], units["PAS-20"], units["TNK-25"]
    return float(mix.volume_l + mix.parked_l + pas.content_l + tnk.volume_l + tnk.return_l)


def close(line: Line, state: LineState, first_l: float) -> None:
    """Raise unless product and water balance in the totals of the truth."""
    units = state.units
    mix, pas, tnk, cip, wat = (units[unit_id] for unit_id in PROCESS)
    made_l = mix.water_l + mix.concentrate_l
    lost_l = mix.lost_l + pas.lost_l + tnk.lost_l
    assert first_l + made_l == pytest.approx(tnk.drawn_l + lost_l + stock_l(units), abs=1e-6)
    assert mix.delivered_l == pytest.approx(pas.in_l, abs=1e-6)
    assert pas.forward_l == pytest.approx(tnk.received_l, abs=1e-6)
    assert tnk.drawn_l == pytest.approx(units["CONSUMER"].drawn_l, abs=1e-6)
    assert wat.water_l == pytest.approx(mix.water_l + cip.water_l + wat.hall_l, abs=1e-6)
    assert wat.drain_l == pytest.approx(cip.drained_l + wat.hall_l + lost_l, abs=1e-6)
    assert cip.water_l == pytest.approx(cip.drained_l + cip.tank_l + cip.reuse_l, abs=1e-6)


def steps(line: Line, state: LineState, dt_s: float) -> Iterator[None]:
    """Let the day pass."""
    for phase, seconds in DAY:
        state.around.plan.forced = phase
        state.around.plan.changeover_left_s = seconds if phase is Phase.CHANGEOVER else 0.0
        for _ in range(round(seconds / dt_s)):
            line.step(state, dt_s)
            yield


def test_product_and_water_close_over_a_day_of_minutes() -> None:
    """In = drawn + lost + what the tanks hold, to the millilitre, through changeover, cleaning and night."""
    line = process_line(1275.0, {"CIP-93": {"reuse_final_rinse": True}})
    state = started(line)
    first_l = stock_l(state.units)
    for _ in steps(line, state, 60.0):
        close(line, state, first_l)
    mix, pas, tnk = (state.units[unit_id] for unit_id in ("MIX-10", "PAS-20", "TNK-25"))
    assert tnk.drawn_l > 10_000.0
    assert tnk.returned_l > 100.0
    assert 30.0 < mix.lost_l + pas.lost_l + tnk.lost_l < 250.0
    assert state.units["CIP-93"].reuse_l > 0.0


def test_product_and_water_close_over_an_hour_of_seconds() -> None:
    """The same with steps of a second, across the begin of a changeover."""
    line = process_line(1275.0)
    state = started(line)
    first_l = stock_l(state.units)
    for second in range(3600):
        if second == 2700:
            state.around.plan.forced = Phase.CHANGEOVER
        line.step(state, 1.0)
        close(line, state, first_l)
    assert state.units["PAS-20"].lost_l > 30.0


def test_sugar_follows_the_recipe() -> None:
    """The blend stays within 0.15 degrees Brix of the recipe, and its concentrate balances."""
    line = process_line()
    state = started(line, seed=3)
    for _ in range(600):
        line.step(state, 60.0)
        assert state.units["MIX-10"].brix == pytest.approx(11.2, abs=0.15)
    mix = state.units["MIX-10"]
    assert mix.concentrate_l / (mix.water_l + mix.concentrate_l) == pytest.approx(mix.share, rel=0.02)


def test_without_concentrate_the_blend_tank_runs_empty_and_starves_the_line() -> None:
    """An empty store stops the make-up; MIX-10 and then PAS-20 are SUSPENDED as starved."""
    line = process_line(1500.0, concentrate_in_stock_l=0.0)
    state = started(line)
    for _ in range(60):
        line.step(state, 60.0)
    assert state.units["MIX-10"].packml.starved
    assert state.units["PAS-20"].packml.starved
    assert state.units["CONSUMER"].drawn_l < 650.0


@pytest.fixture(scope="module")
def two_days() -> tuple[float, LineState]:
    """Product in the shipped line at the start, and its state two days later."""
    line = Line(load_definition())
    state = line.start(4)
    first_l = held_l(line, state)
    for _ in range(2 * 1440):
        line.step(state, 60.0)
    return first_l, state


def held_l(line: Line, state: LineState) -> float:
    """Product in tanks, plates, pipes and the filler's bowl."""
    mm_per_l = line.parameters["MONO-30"].model_dump()["bowl_mm_per_l"]
    return stock_l(state.units) + float(state.units["MONO-30"].bowl_mm / mm_per_l)


def test_the_whole_line_closes_its_product_and_takes_1_5_l_of_water_a_litre(two_days: tuple[float, LineState]) -> None:
    """Over two days of the shipped line what was blended is in bottles, tanks, bowl or drain; every litre is metered.

    Water per litre of product stays near 1.5.
    """
    first_l, state = two_days
    mix, pas, tnk, cip, wat = (state.units[unit_id] for unit_id in PROCESS)
    mono = state.units["MONO-30"]
    made_l, lost_l = mix.water_l + mix.concentrate_l, mix.lost_l + pas.lost_l + tnk.lost_l
    last_l = held_l(Line(load_definition()), state)
    assert first_l + made_l == pytest.approx(mono.filled_total_l + mono.drained_total_l + lost_l + last_l, abs=1e-3)
    metered_l = mix.water_l + cip.water_l + wat.hall_l + mono.rinse_water_l
    assert wat.water_l == pytest.approx(metered_l, abs=1e-3)
    assert mono.filled_total_l > 20_000.0
    assert wat.water_l / mono.filled_total_l == pytest.approx(1.5, rel=0.08)
    assert pas.under_heated_l == 0.0


def test_no_more_heat_is_recovered_than_the_plant_gives_off(two_days: tuple[float, LineState]) -> None:
    """Over two days the blend water takes less than the heat that chiller and compressor reject."""
    state = two_days[1]
    rejected_kwh = (state.units["CH-91"].cold_ws + state.energy_ws["CH-91"] + state.energy_ws["CA-90"]) / 3.6e6
    recovered_kwh = state.units["MIX-10"].recovered_kj / 3600.0
    assert 100.0 < recovered_kwh < 0.5 * rejected_kwh


def test_a_run_begins_with_the_drink_of_its_first_order() -> None:
    """Whatever the first order is, the blend tank has its sugar content from the first step on."""
    line = Line(load_definition())
    seen = set()
    for seed in range(6):
        state = line.start(seed)
        line.step(state, 1.0)
        recipe = state.around.plan.recipe
        seen.add(recipe.name)
        assert state.units["MIX-10"].brix == pytest.approx(recipe.brix)
        assert state.around.supplies["blend_density_kg_l"] == pytest.approx(recipe.density_kg_l, rel=0.001)
    assert len(seen) > 1
