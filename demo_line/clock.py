"""Pacing of a simulation on wall-clock time: which steps are due, without inventing time.

Pure: the time is an argument.
"""

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Due:
    """Steps that are due now.

    Attributes:
        times_ns: source times of the steps, on the grid, oldest first.
        jumped_ns: how far the grid was moved because the clock jumped or the process stood still; 0 = it went on as it
            was.
    """

    times_ns: tuple[int, ...]
    jumped_ns: int = 0


class Grid:
    """Wall-clock times at multiples of the step.

    A late step catches up; a jump of the clock is followed, never filled with invented steps.

    Args:
        step_ns: length of a step, in nanoseconds.
        start_ns: wall-clock time at the start; the first step is at the multiple of the step at or before it.
        longest_catch_up_ns: standing still longer than this (suspended laptop) is a gap, not something to catch up.
    """

    def __init__(self, step_ns: int, start_ns: int, longest_catch_up_ns: int = 60 * NS_PER_S) -> None:
        self.step_ns = step_ns
        self._longest_ns = longest_catch_up_ns
        self._next_ns = start_ns // step_ns * step_ns

    @property
    def next_ns(self) -> int:
        """Wall-clock time at which the next step is due."""
        return self._next_ns

    def due(self, now_ns: int) -> Due:
        """All steps whose time has come; moves on behind them."""
        behind_ns = now_ns - self._next_ns
        jumped_ns = 0
        if behind_ns > self._longest_ns or behind_ns < -(2 * self.step_ns + NS_PER_S):
            moved_to = now_ns // self.step_ns * self.step_ns
            jumped_ns, self._next_ns = moved_to - self._next_ns, moved_to
        times = tuple(range(self._next_ns, now_ns + 1, self.step_ns))
        self._next_ns += len(times) * self.step_ns
        return Due(times, jumped_ns)
