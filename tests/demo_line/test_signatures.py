"""Every fault's signature on the whole line, and the reading that separates it from its twin."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from math import inf

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


def _placed() -> tuple[dict[str, Signature], dict[tuple[str, str], tuple[str, float]]]:
    """The tables with the components that the seed has chosen."""
    places = Line(load_definition()).start(SEED).around.places

    def named(channel: str, fault: str) -> str:
        return channel.format(place=places[fault], other=2 if places[fault] == 1 else 1)

    def all_named(changes: dict[str, float], fault: str) -> dict[str, float]:
        return {named(channel, fault): change for channel, change in changes.items()}

    signatures = {
        name: replace(
            signature,
            moves=all_named(signature.moves, name),
            stays=all_named(signature.stays, name),
            truth=all_named(signature.truth, name),
            order=tuple((named(channel, name), least) for channel, least in signature.order),
        )
        for name, signature in SIGNATURES.items()
    }
    twins = {(fault, twin): (named(channel, fault), least) for (fault, twin), (channel, least) in TWINS.items()}
    return signatures, twins


PLACED, PLACED_TWINS = _placed()
NAMES = {
    *(channel for s in PLACED.values() for channel in (*s.moves, *s.stays, *s.truth, *s.silent)),
    *(channel for s in PLACED.values() for channel, _ in s.order),
    *(channel for channel, _ in PLACED_TWINS.values()),
}
"""All channels and hidden quantities of the tables."""

GROWTH = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 0.95)
"""Severities at which the order is looked at."""

WITHIN_MIN = 90
"""Minutes from the onset of a sudden fault within which everything of its order has moved."""


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
    instruments = watched(line)
    readings: dict[str, list[float]] = {}
    for _ in range(LOOK_MIN[when]):
        line.step(state, 60.0)
        for name, value in (*_shown(state, instruments), *_hidden(line, state)):
            readings.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in readings.items()}


def watched(line: Line) -> Instruments:
    """The instruments of the tables, and those whose readings a fault falsifies."""
    falsified = {effect.channel for fault in line.faults.values() for effect in fault.sensor}
    return Instruments([c for c in channels_of(line) if c.name in NAMES | falsified], SEED, line.faults)


def _shown(state: LineState, instruments: Instruments) -> Iterator[tuple[str, float]]:
    for offer in instruments.measure(state, 0):
        if isinstance(offer.value, float | int):
            yield instruments.channels[offer.node].name, float(offer.value)


def _hidden(line: Line, state: LineState) -> Iterator[tuple[str, float]]:
    shown = {channel.name for channel in channels_of(line)}
    for unit_id, unit in line.units.items():
        for signal in unit.truth:
            name = f"{unit_id}.{signal.name}"
            if name in NAMES and name not in shown:
                yield name, float(signal.value(state.units[unit_id]))


def change(name: str, channel: str, signature: Signature) -> float:
    """How much the fault moves the mean of a channel."""
    healthy = look(signature.when, "", 0.0, signature.at_once)
    return look(signature.when, name, signature.severity, signature.at_once)[channel] - healthy[channel]


def when_moved(name: str, signature: Signature) -> list[float]:
    """Severity, or minute after the onset of a sudden fault, at which each channel of its order has first moved."""
    if FAULTS[name].growth.law == "sudden":
        sound, sick = minutes(signature.when, ""), minutes(signature.when, name)
        moments: list[tuple[float, dict[str, float], dict[str, float]]] = list(
            zip(range(WITHIN_MIN), sound, sick, strict=True)
        )
    else:
        healthy = look(signature.when, "", 0.0, signature.at_once)
        moments = [(grown, healthy, look(signature.when, name, grown, signature.at_once)) for grown in GROWTH]
    return [
        next((at for at, sound, sick in moments if (sick[channel] - sound[channel]) / least >= 1.0), inf)
        for channel, least in signature.order
    ]


@cache
def minutes(when: When, fault: str) -> list[dict[str, float]]:
    """All readings minute by minute from the onset of a sudden fault on."""
    line, state = line_for(when), copy.deepcopy(before(when))
    if fault:
        state.around.severity[fault] = 1.0
    instruments, shown, seen = watched(line), dict[str, float](), []
    for _ in range(WITHIN_MIN):
        line.step(state, 60.0)
        shown.update((*_shown(state, instruments), *_hidden(line, state)))
        seen.append(dict(shown))
    return seen


@pytest.mark.parametrize("name", sorted(name for name, signature in SIGNATURES.items() if signature.order))
def test_readings_move_in_the_order_of_the_table(name: str) -> None:
    """What tells of a fault first does so first, and everything of its order moves in the end."""
    moved = when_moved(name, PLACED[name])
    assert moved == sorted(moved), moved
    assert moved[0] < moved[-1] < inf, moved


def test_every_fault_has_a_signature() -> None:
    """The table names every fault of the line and no other, and every twin has its separating reading."""
    assert set(SIGNATURES) == set(FAULTS)
    pairs = {(fault.twin_of, name) for name, fault in FAULTS.items() if fault.twin_of}
    # What separates a cold store that is needed is its cycling, which a mean does not show.
    assert pairs - set(TWINS) == {("night_baseload", "cold_store_needed")}


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_fault_moves_what_its_signature_says_and_nothing_else_of_it(name: str) -> None:
    """Readings move in the direction of the table, by at least its amount; those named as unmoved stay."""
    signature = PLACED[name]
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
    channel, least = PLACED_TWINS[fault, twin]
    difference = change(fault, channel, PLACED[fault]) - change(twin, channel, PLACED[twin])
    assert difference / least >= 1.0, f"{channel} differs by {difference:.3g}"


def test_the_hours_are_what_they_are_meant_to_be() -> None:
    """The line produces by day, sleeps at night, and is about to be cleaned in the evening."""
    assert before(When.DAY).around.plan.phase is Phase.PRODUCTION
    assert before(When.NIGHT).around.plan.phase is Phase.OFF
    assert before(When.CLEANING).around.plan.phase is Phase.PRODUCTION
    assert any(fault.kind is Kind.TWIN for fault in FAULTS.values())
