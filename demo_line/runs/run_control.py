"""Control of a simulated run for people: pause, single steps, speed, going back, acts that going back repeats.

Pure: the caller says how much real time has passed.
"""

from collections.abc import Callable
from functools import partial
from math import inf, isfinite
from typing import NamedTuple

from demo_line.runs.simulation import Observe, Simulation, Solver

Act = Callable[[Simulation], object]
"""What somebody does to the line, e.g. `lambda run: run.command("MIX-10", Command.STOP)`; it must be repeatable."""


class _Saved(NamedTuple):
    """A snapshot and how many acts it contains."""

    elapsed_s: float
    acts: int
    content: bytes


class _Done(NamedTuple):
    elapsed_s: float
    act: Act


class RunControl:
    """A simulation with pause, speed and rewind.

    Args:
        simulation: the run; from now on its time moves only through this object.
        speed: simulated seconds a real second, 0 or more.
        keep_every_s: simulated seconds between the snapshots that are taken by themselves.
        keep: how many of them; when there are more, every second one is given up.
        fine_before_s: how long before the target of a `seek` the solver becomes fine.
    """

    def __init__(
        self,
        simulation: Simulation,
        speed: float = 1.0,
        keep_every_s: float = 3600.0,
        keep: int = 64,
        fine_before_s: float = 900.0,
    ) -> None:
        self.simulation = simulation
        self.set_speed(speed)
        self.paused = True
        self._keep_every_s, self._keep, self._fine_before_s = keep_every_s, keep, fine_before_s
        self._saved: list[_Saved] = []
        self._done: list[_Done] = []
        self._save()

    def start(self) -> None:
        """Let time pass."""
        self.paused = False

    def pause(self) -> None:
        """Let no time pass."""
        self.paused = True

    def set_speed(self, speed: float) -> None:
        """Let so many simulated seconds pass a real second; raises ValueError for less than 0 or no number."""
        if not 0.0 <= speed < inf:
            raise ValueError(f"speed {speed:g}: give 0 or more simulated seconds a second, or seek to go back")
        self._speed = speed

    @property
    def speed(self) -> float:
        """Simulated seconds a real second."""
        return self._speed

    def pass_time(self, real_s: float, observe: Observe | None = None) -> None:
        """Advance by real seconds times speed, unless paused; raises ValueError for less than 0 or no number."""
        if not 0.0 <= real_s < inf:
            raise ValueError(f"{real_s:g} s cannot pass: give 0 or more real seconds")
        if not self.paused:
            self._advance(self.simulation.target_s + real_s * self.speed, observe)

    def step(self, count: int = 1, observe: Observe | None = None) -> None:
        """Advance by so many steps of the solver, also while paused; raises ValueError for less than one."""
        if count < 1:
            raise ValueError(f"{count} steps cannot be taken: give 1 or more, or seek to go back")
        self._advance(self.simulation.elapsed_s + count * self.simulation.solver.step_s, observe)

    def act(self, act: Act) -> None:
        """Do something to the line now; going back to a later time does it again at this one."""
        act(self.simulation)
        self._done.append(_Done(self.simulation.elapsed_s, act))

    def seek(self, elapsed_s: float, observe: Observe | None = None) -> None:
        """Go to a simulated second, forwards or back.

        Forwards in coarse steps until `fine_before_s` before it, then in the present solver's. Back from the last
        snapshot before it, with what was done in between; what was done then or later is forgotten.

        Raises ValueError for a time before the first snapshot or no time at all.
        """
        if not isfinite(elapsed_s):
            raise ValueError(f"{elapsed_s:g} s is no time of a run; give seconds since its start")
        if elapsed_s < self.simulation.elapsed_s:
            self._rewind(elapsed_s, observe)
            return
        solver = self.simulation.solver
        far_s = elapsed_s - self._fine_before_s
        if solver is Solver.FINE and far_s > self.simulation.elapsed_s:
            self.act(partial(_use, Solver.COARSE))
            self._advance(far_s, observe)
            self.act(partial(_use, solver))
        self._advance(elapsed_s, observe)

    def snapshot(self) -> bytes:
        """Everything the run remembers."""
        return self.simulation.snapshot()

    def restore(self, saved: bytes) -> None:
        """Go on from a snapshot; times before it are forgotten. Raises SnapshotError as `Simulation.restore` does."""
        self.simulation.restore(saved)
        self._saved.clear()
        self._done.clear()
        self._save()

    def _rewind(self, elapsed_s: float, observe: Observe | None) -> None:
        usable = [saved for saved in self._saved if saved.elapsed_s <= elapsed_s]
        if not usable:
            raise ValueError(f"{elapsed_s:g} s is before the first snapshot at {self._saved[0].elapsed_s:g} s")
        # Of several at that very moment the first, which contains least of what was done then.
        saved = next((item for item in usable if item.elapsed_s == elapsed_s), usable[-1])
        done = [item for item in self._done[saved.acts :] if item.elapsed_s < elapsed_s]
        self.simulation.restore(saved.content)
        del self._done[saved.acts :]
        self._saved = [item for item in usable if item.acts <= saved.acts]
        for item in done:
            self._advance(item.elapsed_s, observe)
            self.act(item.act)
        self._advance(elapsed_s, observe)

    def _advance(self, target_s: float, observe: Observe | None) -> None:
        simulation = self.simulation
        while (due_s := self._saved[-1].elapsed_s + self._keep_every_s) <= target_s:
            simulation.advance_to(max(due_s, simulation.target_s), observe)
            self._save()
        simulation.advance_to(max(target_s, simulation.target_s), observe)

    def _save(self) -> None:
        self._saved.append(_Saved(self.simulation.elapsed_s, len(self._done), self.simulation.snapshot()))
        if len(self._saved) > self._keep:
            self._saved = [*self._saved[:-1:2], self._saved[-1]]


def _use(solver: Solver, simulation: Simulation) -> None:
    simulation.solver = solver
