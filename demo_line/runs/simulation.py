"""A run of the line on simulated time: fine or coarse steps, faults, snapshots. It reads no clock and no files."""

import zlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from math import floor, inf, isfinite
from typing import NamedTuple

from numpy.random import default_rng

from demo_line.clock import NS_PER_S
from demo_line.line import Line, LineError, LineState
from demo_line.packml import Command
from demo_line.runs import snapshot

DAY_S = 86_400.0

_ONSETS = zlib.crc32(b"onsets")

Observe = Callable[[LineState], None]
"""What looks at the state after each step, e.g. a recorder."""


class Solver(StrEnum):
    """How the line is computed: one physics, two step lengths."""

    FINE = "fine"
    COARSE = "coarse"

    @property
    def step_s(self) -> float:
        """Length of its step in seconds."""
        return 1.0 if self is Solver.FINE else 60.0


class PlannedFault(NamedTuple):
    """A fault that a run is to have.

    Attributes:
        name: its name or code.
        onset_s: simulated second at which it begins; None = drawn from the seed, in the first half of the run.
    """

    name: str
    onset_s: float | None = None


class Simulation:
    """One run of a line.

    Steps begin at whole multiples of their length, so the same seed gives the same run however it is asked to advance.

    Args:
        line: the line; it holds no state and may serve several simulations.
        seed: equal seeds give equal runs.
        start_ns: UTC nanoseconds since 1970 of the simulated second 0, a whole second; None = as the line's plan says.
        solver: length of the steps; it can be changed at any time.
    """

    def __init__(self, line: Line, seed: int, start_ns: int | None = None, solver: Solver = Solver.FINE) -> None:
        self.line = line
        self.seed = seed
        self.solver = solver
        self.state = line.start(seed, start_ns)
        self._target_s = 0.0

    @property
    def start_ns(self) -> int:
        """UTC nanoseconds since 1970 of the simulated second 0."""
        return self.state.around.plan.start_ns

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds since the start, at the end of the last step."""
        return self.state.around.elapsed_s

    @property
    def time_ns(self) -> int:
        """UTC nanoseconds since 1970 at the end of the last step."""
        return self.start_ns + round(self.elapsed_s * NS_PER_S)

    @property
    def target_s(self) -> float:
        """Simulated second up to which time has passed; less than a step ahead of `elapsed_s`."""
        return self._target_s

    def plan_faults(self, faults: Iterable[PlannedFault], run_s: float) -> None:
        """Let faults begin later in this run.

        Args:
            faults: which and when.
            run_s: length of the run; a fault without an onset begins in its first half.

        Raises LineError for an unknown name, for a fault that is named twice and for an onset that is before now or
        not within the run, as it would never be seen.
        """
        named: set[str] = set()
        for planned in faults:
            name = self.line.fault(planned.name).name
            if name in named:
                raise LineError(f"fault {name} is named twice, but it can begin only once; name it once")
            named.add(name)
            onset_s = planned.onset_s
            if onset_s is None:
                generator = default_rng([self.seed, _ONSETS, zlib.crc32(name.encode())])
                onset_s = floor(float(generator.random()) * 0.5 * run_s)
            if not self.elapsed_s <= onset_s < run_s:
                raise LineError(
                    f"fault {name} cannot begin on day {onset_s / DAY_S:g}, the run goes from day "
                    f"{self.elapsed_s / DAY_S:g} to {run_s / DAY_S:g}; give an onset within it or a longer run"
                )
            self.line.add_fault(self.state, name, onset_s)

    def command(self, unit_id: str, command: Command) -> None:
        """Give an operator's PackML command; raises LineError or ValueError as `Line.command` does."""
        self.line.command(self.state, unit_id, command)

    def advance(self, seconds: float, observe: Observe | None = None) -> None:
        """Let time pass; a rest shorter than a step is kept for the next call.

        Args:
            seconds: simulated seconds, 0 or more.
            observe: is called after every step.
        """
        if not 0.0 <= seconds < inf:
            raise ValueError(f"{seconds:g} s cannot pass: give 0 or more, or restore a snapshot to go back")
        self._target_s += seconds
        self._run(observe)

    def advance_to(self, elapsed_s: float, observe: Observe | None = None) -> None:
        """Let time pass until a simulated second; raises ValueError if that is over or no time."""
        if not isfinite(elapsed_s):
            raise ValueError(f"{elapsed_s:g} s is no time of a run; give seconds since its start")
        if elapsed_s < self._target_s:
            raise ValueError(f"{elapsed_s:g} s is over, it is {self._target_s:g} s; restore a snapshot to go back")
        self._target_s = elapsed_s
        self._run(observe)

    def _run(self, observe: Observe | None) -> None:
        line_step, state, around = self.line.step, self.state, self.state.around
        while (step_s := self._step_s(around.elapsed_s)) is not None:
            line_step(state, step_s)
            if observe is not None:
                observe(state)

    def _step_s(self, elapsed_s: float) -> float | None:
        """Length of the next step; None when what is left is shorter. Coarse steps begin at whole minutes."""
        step_s = self.solver.step_s
        if step_s > 1.0 and elapsed_s % step_s:
            step_s = 1.0
        return step_s if elapsed_s + step_s <= self._target_s + 1e-6 else None

    def snapshot(self) -> bytes:
        """Everything the run remembers; `restore` goes on equally."""
        content = {
            "seed": self.seed,
            "solver": self.solver,
            "target_s": self._target_s,
            "state": self.state,
        }
        return snapshot.pack(self.line, content)

    def restore(self, saved: bytes) -> None:
        """Go on from a snapshot of the same line; raises SnapshotError for any other bytes and changes nothing then."""
        content = snapshot.unpack(self.line, saved)
        self.seed = content["seed"]
        self.solver = content["solver"]
        self._target_s = content["target_s"]
        self.state = content["state"]
