"""The hidden truth of a run, recorded apart from the signals: what a method may not see, and is judged by."""

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from demo_line.line import Line, LineState
from demo_line.measurement import Channel
from demo_line.runs.recorder import Columns, Texts
from demo_line.sensors import Floats

INTERVAL_S = 60.0
"""The truth changes slowly: a row a minute in both solvers, at any resolution of the signals."""


@dataclass(slots=True)
class Episode:
    """One appearance of a fault in a run.

    Attributes:
        name: of the fault.
        onset_s: simulated second of its onset.
        life_h: hours from onset to functional failure at normal duty.
        failed_s: when it reached severity 1; None = it did not.
        ended_s: when it was cured; None = it was not.
        severity: the last one.
    """

    name: str
    onset_s: float
    life_h: float
    failed_s: float | None = None
    ended_s: float | None = None
    severity: float = 0.0


class TruthRecorder:
    """Keeps a row of hidden quantities a minute, and the episodes of all faults.

    Columns: `severity.<fault>` and `remaining_h.<fault>` (true remaining life under the current duty; NaN while there
    is none) of every fault of the line, `<unit>.energy_wh` since the start, and the units' own truth, `<unit>.<name>`.
    """

    def __init__(self, line: Line) -> None:
        self.texts: dict[str, Texts] = {}
        self._faults = tuple(line.faults)
        self._consumers = [unit_id for unit_id, unit in line.units.items() if unit.power_w is not None]
        channels = [Channel(unit_id, signal) for unit_id, unit in line.units.items() for signal in unit.truth]
        more = 2 * len(self._faults) + len(self._consumers)
        self._columns = Columns(channels, self.texts, more)
        self.channels = self._columns.channels
        self.names = (
            *(channel.name for channel in self.channels),
            *(f"severity.{name}" for name in self._faults),
            *(f"remaining_h.{name}" for name in self._faults),
            *(f"{unit_id}.energy_wh" for unit_id in self._consumers),
        )
        self._times: list[float] = []
        self.episodes: list[Episode] = []
        self._open: dict[str, Episode] = {}

    def __len__(self) -> int:
        return len(self._times)

    def observe(self, state: LineState) -> None:
        """Look at the state after a step."""
        elapsed_s = state.around.elapsed_s
        if elapsed_s % INTERVAL_S:
            return
        self._follow(state)
        severity, conditions = state.around.severity, state.conditions
        more = [severity[name] for name in self._faults]
        more += [self._remaining_h(conditions.get(name), elapsed_s) for name in self._faults]
        more += [state.energy_ws[unit_id] / 3600.0 for unit_id in self._consumers]
        self._columns.append(state.units, more)
        self._times.append(elapsed_s)

    @staticmethod
    def _remaining_h(condition: Any, elapsed_s: float) -> float:
        if condition is None or elapsed_s < condition.onset_s:
            return float("nan")
        remaining_h: float = condition.remaining_h()
        return remaining_h if isfinite(remaining_h) else float("nan")

    def _follow(self, state: LineState) -> None:
        elapsed_s = state.around.elapsed_s
        for name in [name for name in self._open if name not in state.conditions]:
            self._open.pop(name).ended_s = elapsed_s
        for name, condition in state.conditions.items():
            if condition.onset_s == inf:
                continue
            episode = self._open.get(name)
            if episode is None or episode.onset_s != condition.onset_s:
                if episode is not None:
                    episode.ended_s = elapsed_s
                episode = self._open[name] = Episode(name, condition.onset_s, condition.life_h)
                self.episodes.append(episode)
            episode.severity = condition.severity
            if condition.severity >= 1.0 and episode.failed_s is None:
                episode.failed_s = elapsed_s

    def take(self) -> tuple[list[float], Floats]:
        """Times in simulated seconds and rows x `names`; none are left."""
        times = list(self._times)
        self._times.clear()
        return times, self._columns.take()
