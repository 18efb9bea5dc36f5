"""A window: what the signals of a line did over a span, as columns on one time grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Signals of one or more work units on one grid of n instants.

    Attributes:
        time_ns: int64[n], UTC nanoseconds, strictly increasing; the end of the interval that a value stands for.
        step_s: nominal distance of two instants, in seconds; a longer distance is a gap.
        numbers: float64[n] by signal name (`MIX-10.power_w`), in the signal's unit; NaN where there is no good value.
            Booleans are 0 and 1.
        texts: n texts by signal name, None where there is none.
        bad: bool[n] by signal name, where the source itself says that the reading is bad; a signal that is not here
            was never bad.
    """

    time_ns: NDArray[np.int64]
    step_s: float
    numbers: Mapping[str, NDArray[np.float64]]
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    bad: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.time_ns)

    def number(self, name: str) -> NDArray[np.float64]:
        """Return a signal, float64[n]; all NaN where the window does not have it."""
        found = self.numbers.get(name)
        return np.full(len(self), np.nan) if found is None else found

    def between(self, start_ns: int, end_ns: int) -> "Window":
        """Return the rows with start_ns <= time < end_ns, without copying numbers."""
        first, last = np.searchsorted(self.time_ns, [start_ns, end_ns]).tolist()
        return Window(
            self.time_ns[first:last],
            self.step_s,
            {name: column[first:last] for name, column in self.numbers.items()},
            {name: column[first:last] for name, column in self.texts.items()},
            {name: column[first:last] for name, column in self.bad.items()},
        )

    def units(self) -> list[str]:
        """Return the work units that have a signal here, in order of appearance."""
        return unit_ids([*self.numbers, *self.texts])


def unit_ids(names: Iterable[str]) -> list[str]:
    """Return the work units of signal names, each once, in order of appearance."""
    return list(dict.fromkeys(name.partition(".")[0] for name in names))
