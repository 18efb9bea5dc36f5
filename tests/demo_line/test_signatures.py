"""Every fault's signature on the whole line, and the reading that separates it from its twin."""

import copy
from collections.abc import Iterator
from functools import cache

import pytest

from demo_line.fault import Kind
from demo_line.line import Line, LineState, discover_faults, load_definition
from demo_line.measurement import Instruments, channels_of
from demo_line.plan import Phase
from tests.demo_line.signatures import SIGNATURES, TWINS, Signature, When

FAULTS = discover_faults()
SEED = 3
BEGINS_H = {When.DAY: 0.0, When.NIGHT: 14.5, When.CLEANING: 15.5, When.CHANGEOVER: 0.0, When.REFILL: 0.0}
"""Hours after six on Monday morning."""
BEFORE_MIN = {When.DAY: 30, When.NIGHT: 270, When.CLEANING: 28, When.CHANGEOVER: 20, When.REFILL: 150}
SETTLE_MIN = {When.DAY: 45, When.NIGHT: 15, When.CLEANING: 2, When.CHANGEOVER: 10, When.REFILL: 1}
LOOK_MIN = {When.DAY: 60, When.NIGHT: 30, When.CLEANING: 75, When.CHANGEOVER: 120, When.REFILL: 90}
CHANNELS = {
    channel for signature in SIGNATURES.values() for channel in (*signature.moves, *signature.stays, *signature.silent)
}
HIDDEN = {channel for signature in SIGNATURES.values() for channel in signature.truth}
SEPARATING = {channel for channel, _ in TWINS.values()}


@cache
def line_for(when: When) -> Line:
    """The shipped line with one order for the whole day, or with many short ones."""
    definition = load_definition()
    plan = {"order_pallets": 3.0 if when is When.CHANGEOVER else 100.0, "order_spread": 0.0}
    return Line(definition.model_copy(update={"plan": definition.plan.model_copy(update=plan)}))


@cache
def before(when: When) -> LineState:
    """The healthy line shortly before the hour in question."""
    line = line_for(when)
    state = line.start(SEED, line.definition.plan.start_ns + round(BEGINS_H[when] * 3600e9))
    for _ in range(BEFORE_MIN[when]):
        line.step(state, 60.0)
    return state


@cache
def look(when: When, fault: str, severity: float, at_once: bool) -> dict[str, float]:
    """Mean of every reading and hidden quantity of the tables; a channel that gave no good reading is missing."""
    line, state = line_for(when), copy.deepcopy(before(when))
    if fault:
        state.around.severity[fault] = severity
    for _ in range(0 if at_once else SETTLE_MIN[when]):
        line.step(state, 60.0)
    wanted = CHANNELS | SEPARATING
    instruments = Instruments([channel for channel in channels_of(line) if channel.name in wanted], SEED, line.faults)
    readings: dict[str, list[float]] = {}
    for _ in range(LOOK_MIN[when]):
        line.step(state, 60.0)
        for name, value in (*_shown(state, instruments), *_hidden(line, state)):
            readings.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in readings.items()}


def _shown(state: LineState, instruments: Instruments) -> Iterator[tuple[str, float]]:
    for offer in instruments.measure(state, 0):
        if isinstance(offer.value, float | int):
            yield instruments.channels[offer.node].name, float(offer.value)


def _hidden(line: Line, state: LineState) -> Iterator[tuple[str, float]]:
    for unit_id, unit in line.units.items():
        for signal in unit.truth:
            name = f"{unit_id}.{signal.name}"
            if name in HIDDEN and name not in CHANNELS:
                yield name, float(signal.value(state.units[unit_id]))


def change(name: str, channel: str, signature: Signature) -> float:
    """How much the fault moves the mean of a channel."""
    healthy = look(signature.when, "", 0.0, signature.at_once)
    return look(signature.when, name, signature.severity, signature.at_once)[channel] - healthy[channel]


def test_every_fault_has_a_signature() -> None:
    """The table names every fault of the line and no other, and every twin has its separating reading."""
    assert set(SIGNATURES) == set(FAULTS)
    pairs = {(fault.twin_of, name) for name, fault in FAULTS.items() if fault.twin_of}
    # What separates a cold store that is needed is its cycling, which a mean does not show.
    assert pairs - set(TWINS) == {("night_baseload", "cold_store_needed")}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_fault_moves_what_its_signature_says_and_nothing_else_of_it(name: str) -> None:
    """Readings move in the direction of the table, by at least its amount; those named as unmoved stay."""
    signature = SIGNATURES[name]
    wrong = []
    for channel, least in (signature.moves | signature.truth).items():
        moved = change(name, channel, signature)
        if moved / least < 1.0:
            wrong.append(f"{channel} moves by {moved:.3g} instead of at least {least:g}")
    for channel, most in signature.stays.items():
        moved = change(name, channel, signature)
        if abs(moved) > most:
            wrong.append(f"{channel} moves by {moved:.3g} instead of at most {most:g}")
    seen = look(signature.when, name, signature.severity, signature.at_once)
    wrong += [f"{channel} still gives readings" for channel in signature.silent if channel in seen]
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize(("fault", "twin"), TWINS)
def test_a_twin_differs_where_the_table_says(fault: str, twin: str) -> None:
    """The one reading that separates them moves differently, by at least the amount of the table."""
    channel, least = TWINS[fault, twin]
    difference = change(fault, channel, SIGNATURES[fault]) - change(twin, channel, SIGNATURES[twin])
    assert difference / least >= 1.0, f"{channel} differs by {difference:.3g}"


def test_the_hours_are_what_they_are_meant_to_be() -> None:
    """The line produces by day, sleeps at night, and is about to be cleaned in the evening."""
    assert before(When.DAY).around.plan.phase is Phase.PRODUCTION
    assert before(When.NIGHT).around.plan.phase is Phase.OFF
    assert before(When.CLEANING).around.plan.phase is Phase.PRODUCTION
    assert any(fault.kind is Kind.TWIN for fault in FAULTS.values())
