"""The process units of the line with a consumer in place of the filler, so that what is drawn is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demo_line.draws import Draws
from demo_line.line import Line, LineDefinition, LineState, discover_units
from demo_line.plan import Phase
from demo_line.unit import Parameters, Surroundings, UnitType

BOUNDARY = {
    "ambient_degc": 24.0,
    "mains_on": 1.0,
    "supply_voltage_share": 1.0,
    "raw_water_degc": 13.0,
    "chilled_supply_degc": 2.0,
    "concentrate_in_stock_l": 1e5,
}
PROCESS = ("MIX-10", "PAS-20", "TNK-25", "CIP-93", "WAT-94")


class ConsumerParameters(Parameters):
    draw_l_h: float = 1500.0


@dataclass(slots=True)
class ConsumerState:
    drawn_l: float = 0.0


def _step(p: ConsumerParameters, s: ConsumerState, around: Surroundings, _draws: Draws) -> None:
    wanted_l = p.draw_l_h * around.dt_s / 3600.0 if around.plan.run else 0.0
    taken_l = min(wanted_l, around.supplies["buffer_available_l"])
    s.drawn_l += taken_l
    around.supplies["filler_intake_l"] = taken_l


CONSUMER = UnitType(
    unit_id="CONSUMER",
    title="Takes product as a filler does",
    parameters=ConsumerParameters,
    initial=lambda _p: ConsumerState(),
    step=_step,
    signals=(),
    reads=("buffer_available_l",),
    supplies=("filler_intake_l",),
)


def process_line(
    draw_l_h: float = 1500.0, parameters: dict[str, dict[str, Any]] | None = None, **boundary: float
) -> Line:
    """Line of the process units; the consumer draws `draw_l_h` in production."""
    definition = LineDefinition(
        name="process",
        units=("CONSUMER", *PROCESS),
        boundary={**BOUNDARY, **boundary},
        parameters={"CONSUMER": {"draw_l_h": draw_l_h}, **(parameters or {})},
    )
    return Line(definition, {**discover_units(), "CONSUMER": CONSUMER})


def started(
    line: Line, phase: Phase = Phase.PRODUCTION, seed: int = 1, severity: Mapping[str, float] | None = None
) -> LineState:
    """State that stays in a phase, with faults at given severities."""
    state = line.start(seed)
    state.around.plan.forced = phase
    for name, value in (severity or {}).items():
        state.around.severity[line.fault(name).name] = value
    return state


def run(line: Line, state: LineState, seconds: float, dt_s: float = 60.0) -> None:
    """Let time pass."""
    for _ in range(round(seconds / dt_s)):
        line.step(state, dt_s)


def settled(hours: float = 3.0, draw_l_h: float = 1500.0, **severity: float) -> dict[str, Any]:
    """States of the units after some hours of production at given severities."""
    line = process_line(draw_l_h)
    state = started(line, severity=severity)
    run(line, state, hours * 3600.0)
    return state.units
