"""One day of the shipped line, from the Monday of its plan at six, shared by several tests because it takes a while."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from demo_line.line import Line, LineState, load_definition
from demo_line.runs.recorder import Columns
from demo_line.runs.simulation import DAY_S, Simulation, Solver
from demo_line.sensors import Floats
from demo_line.signals import Channel, DataType
from tests.alarm_watch import AlarmWatch

SEED = 1
_HOUR_S = 3600.0


@dataclass
class Day:
    """What a day gave.

    Attributes:
        line: the line.
        first, last: true value of every numeric signal and hidden quantity after the first and the last step, by name.
        means: their means over the day.
        alarms: those that came into sight.
    """

    line: Line
    first: dict[str, float]
    last: dict[str, float]
    means: dict[str, float]
    alarms: list[str]

    def grown(self, name: str) -> float:
        """What a total has grown by."""
        return self.last[name] - self.first[name]


def numeric_channels(line: Line) -> list[Channel]:
    """Every signal and hidden quantity that is a number, each name once."""
    found: dict[str, Channel] = {}
    for unit_id, unit in line.units.items():
        for signal in (*unit.signals, *unit.truth):
            if signal.datatype is not DataType.STRING:
                channel = Channel(unit_id, signal)
                found.setdefault(channel.name, channel)
    return list(found.values())


def a_day(solver: Solver, look: Callable[[LineState], Any] = lambda _state: None, seed: int = SEED) -> Day:
    """Run the shipped line for a day; `look` sees the state after every step."""
    line = Line(load_definition())
    simulation = Simulation(line, seed, solver=solver)
    columns = Columns(numeric_channels(line), {})
    names = [channel.name for channel in columns.channels]
    alarms = AlarmWatch(columns.channels, seed)
    totals, count = np.zeros(len(names)), 0
    first = last = totals

    def observe(state: LineState) -> None:
        columns.append(state.units)
        look(state)

    for hour in range(round(DAY_S / _HOUR_S)):
        simulation.advance(_HOUR_S, observe)
        values = columns.take()
        first, last = values[0].copy() if hour == 0 else first, values[-1].copy()
        totals, count = totals + values.sum(axis=0), count + len(values)
        alarms.see(values, simulation.elapsed_s, solver.step_s)
        simulation.state.around.events.clear()
        simulation.state.around.bottles.clear()

    def named(row: Floats) -> dict[str, float]:
        return dict(zip(names, row.tolist(), strict=True))

    return Day(line, named(first), named(last), named(totals / count), list(alarms.raised.values()))
