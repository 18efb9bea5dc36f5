"""The physics of the line: couplings, balances, healthy running."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from demo_line.line import Line, LineDefinition, LineState, load_definition
from demo_line.packml import Command, State


def run(
    line: Line, seconds: int, seed: int = 1, commands: Mapping[int, Mapping[str, Command]] | None = None
) -> list[LineState]:
    state, generators, states = line.initial, line.generators(seed), []
    for second in range(seconds):
        state = line.step(state, 1.0, generators, (commands or {}).get(second))
        states.append(state)
    return states


def shipped(**parameters: dict[str, Any]) -> Line:
    definition = load_definition()
    merged = {unit: {**definition.parameters.get(unit, {}), **values} for unit, values in parameters.items()}
    return Line(definition.model_copy(update={"parameters": {**definition.parameters, **merged}}))


def test_a_healthy_line_stays_healthy() -> None:
    """In six hours every value stays in its normal range, minor stops included.

    And the line makes nearly its rated output.
    """
    states = run(shipped(), 6 * 3600, seed=7)
    for state in states[60:]:
        mix, mono, ca = state.units["MIX-10"], state.units["MONO-30"], state.units["CA-90"]
        assert 20.0 <= mix.level_pct <= 95.0
        assert 10.0 <= mix.brix <= 12.0
        assert 35.0 <= mix.bearing_temperature_degc <= 60.0
        assert mono.packml.state is not State.SUSPENDED
        assert 6.49 <= ca.pressure_bar <= 7.51
        assert 75.0 <= ca.discharge_degc <= 95.0
        if mix.packml.state is State.EXECUTE and mono.packml.state is State.EXECUTE and mono.packml.in_state_s > 30.0:
            assert 0.1 <= mix.suction_bar <= 0.4
            assert 2.5 <= mix.discharge_bar <= 3.5
            assert 3.0 <= mix.current_a <= 5.0
            assert 0.5 <= mix.vibration_velocity_mm_s <= 1.5
            assert 0.2 <= mix.hf_acceleration_g <= 0.4
    last = states[-1].units["MONO-30"]
    assert 0.93 * 18_000 <= last.prod_processed_count <= 18_000
    assert last.prod_defective_count <= 0.005 * last.prod_processed_count
    assert last.minor_stop_count >= 3


def test_low_air_pressure_suspends_the_filler() -> None:
    """A compressor that was stopped by its operator takes the filler with it as soon as the receiver is empty.

    And gives it back after a start.
    """
    commands = {
        10: {"CA-90": Command.STOP}, 300: {"CA-90": Command.RESET}, 310: {"CA-90": Command.START},
    }  # fmt: skip
    states = run(shipped(**{"MONO-30": {"minor_stops_per_h": 0.0}}), 600, commands=commands)
    assert states[250].units["MONO-30"].packml.state is State.SUSPENDED
    assert states[-1].units["MONO-30"].packml.state is State.EXECUTE


def test_equal_seeds_give_equal_lines() -> None:
    """The course of the line is a function of definition and seed alone."""
    line = shipped()
    first, second, other = run(line, 900, seed=5)[-1], run(line, 900, seed=5)[-1], run(line, 900, seed=6)[-1]
    assert first == second
    assert first != other


def test_a_bad_valve_shows_on_every_12th_bottle() -> None:
    """Fill errors follow the valve number, so bottles 12 apart share them."""
    offsets = [0.0] * 12
    offsets[4] = -30.0
    line = shipped(
        **{"MONO-30": {"fill_valve_offsets_g": tuple(offsets), "minor_stops_per_h": 0.0, "reject_share": 0.0}}
    )
    last = run(line, 1440)[-1].units["MONO-30"]
    assert last.prod_defective_count == pytest.approx(last.prod_processed_count / 12, abs=1)


def test_a_step_does_not_change_the_state_it_was_given() -> None:
    """States are values: stepping twice from one state gives the same result with the same random numbers."""
    line = shipped()
    before = run(line, 30)[-1]
    copy = replace(before)
    assert line.step(before, 1.0, line.generators(9)) == line.step(copy, 1.0, line.generators(9))
    assert before == copy


def test_definition_without_supplier_is_refused() -> None:
    """A line whose unit reads what nobody supplies is not built; the error names unit, name and remedy."""
    with pytest.raises(ValueError, match=r"MONO-30 reads .*product_flow_l_h.*boundary"):
        Line(LineDefinition(name="x", units=("MONO-30",)))
