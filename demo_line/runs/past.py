"""How a line that serves gets its past: made by a process of its own at the first start, then gone on from.

For as long as that takes, some tens of seconds, the line runs from its design point; then it takes over the state in
which its history ends, so that counters, stock, orders and temperatures go on where the stored values end.
"""

import asyncio
import logging
import sys
from dataclasses import fields
from pathlib import Path

from demo_line.clock import NS_PER_S
from demo_line.config import ServeConfig
from demo_line.line import Line, LineState
from demo_line.process import wait_until
from demo_line.runs.history_plan import SNAPSHOT, HistoryPlan, plan_history
from demo_line.runs.simulation import DAY_S, Simulation, Solver
from demo_line.runs.snapshot import SnapshotError

_log = logging.getLogger(__name__)

_FINE_S = 900.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 600.0


class Past:
    """The making of a history beside a line that serves.

    Args:
        config: of the line that serves.
        folder: where the history goes.
        plan: as `plan_history` gave it.
        pause_s: before the first new attempt; each further one comes after twice the pause, at most ten minutes.
    """

    def __init__(self, config: ServeConfig, folder: Path, plan: HistoryPlan, pause_s: float = _FIRST_PAUSE_S) -> None:
        self.plan = plan
        self._pause_s = pause_s
        self._folder = folder
        self._command = [
            *(sys.executable, "-m", "demo_line", "history", "--out", str(folder), "--exit-with-parent"),
            *("--seed", str(plan.seed), "--days", str(plan.days), "--fine-hours", str(plan.fine_hours)),
        ]
        if config.line.definition is not None:
            self._command += ["--definition", str(config.line.definition)]
        for server in config.opcua[:1]:
            self._command += ["--namespace", server.namespace_uri]
        self._snapshot: bytes | None = None

    async def make(self, stop: asyncio.Event) -> None:
        """Run the process until it has made the history or `stop` is set; what goes wrong is logged and tried again."""
        pause_s = self._pause_s
        while not stop.is_set():
            trouble = await self._attempt(stop)
            if trouble is None:
                self._snapshot = (self._folder / SNAPSHOT).read_bytes()
                return
            if stop.is_set():
                return
            _log.warning("the history could not be made (%s); it is tried again in %.0f s", trouble, pause_s)
            if await wait_until(stop, pause_s):
                return
            pause_s = min(2.0 * pause_s, _LONGEST_PAUSE_S)

    async def _attempt(self, stop: asyncio.Event) -> str | None:
        """Run the process to its end; return why it did not make the history, None where it did."""
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.PIPE)
        except OSError as error:
            return str(error)
        waiting = asyncio.ensure_future(process.wait())
        while not waiting.done() and not await wait_until(stop, 0.2):
            pass
        if process.stdin is not None:
            process.stdin.close()
        code = await waiting
        return None if code == 0 else f"its process ended with code {code}"

    def take(self) -> bytes | None:
        """State of the line at the end of its history, once; None while there is none."""
        snapshot, self._snapshot = self._snapshot, None
        return snapshot


def past_of(config: ServeConfig, line: Line, now_ns: int) -> Past | None:
    """The history that is still to be made; None where none is wanted or it is complete."""
    history = config.history
    if history is None or history.days == 0.0:
        return None
    plan = plan_history(history.folder, line, config.line.seed, now_ns, history.days, history.fine_hours)
    return None if plan is None else Past(config, history.folder, plan)


def go_on(line: Line, state: LineState, past: Past, snapshot: bytes, at_ns: int, step_s: float) -> bool:
    """Let a running line go on from the end of its history, as of a time; faults that it has meanwhile stay.

    Args:
        line: the line.
        state: its state, replaced in place.
        past: what the snapshot belongs to.
        snapshot: state at the end of the history.
        at_ns: time of the last step that was served.
        step_s: length of a step.

    Returns:
        False, and the state is as it was, where the history ended more than a day ago or cannot be read.
    """
    behind_s = (at_ns - past.plan.until_ns) / NS_PER_S
    if not 0.0 <= behind_s <= DAY_S:
        _log.warning("the history ended %.1f h ago; the line goes on without it", behind_s / 3600.0)
        return False
    simulation = Simulation(line, past.plan.seed, past.plan.start_ns)
    try:
        simulation.restore(snapshot)
    except SnapshotError as error:
        _log.warning("the end of the history cannot be used: %s", error)
        return False
    then = simulation.state
    line.go_live(then)
    target_s = then.elapsed_s + behind_s
    if behind_s > 2.0 * _FINE_S:
        simulation.solver = Solver.COARSE
        simulation.advance_to((target_s - _FINE_S) // 60.0 * 60.0)
    while then.elapsed_s + step_s <= target_s + 1e-6:
        line.step(then, step_s)
    for name, condition in state.conditions.items():
        condition.onset_s += then.elapsed_s - state.elapsed_s
        then.conditions[name] = condition
        then.around.severity[name] = condition.severity
    for field in fields(LineState):
        setattr(state, field.name, getattr(then, field.name))
    return True
