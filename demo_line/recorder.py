"""What a run leaves behind, in blocks of columns: readings of all sensors, the hidden truth, events and bottles.

A recorder looks at the line after every step, keeps plain numbers, and hands over a block of columns now and then; so
memory stays flat however long the run is. Where the columns go (a file, a test) is the caller's choice.
"""

import dis
from collections.abc import Callable, Sequence
from enum import StrEnum
from math import floor
from operator import attrgetter
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from demo_line.clock import NS_PER_S
from demo_line.line import Line, LineState
from demo_line.measurement import channels_of
from demo_line.sensors import MEAN_PARTS, Floats, Mask, Sensed, Sensors, check_effects, severity_names
from demo_line.signals import Channel, DataType

Read = Callable[[Any], Any]


class Resolution(StrEnum):
    """Seconds between two rows, spelt as on the command line."""

    SECOND = "1s"
    TEN_SECONDS = "10s"
    MINUTE = "1min"

    @property
    def seconds(self) -> int:
        """Its length."""
        return {"1s": 1, "10s": 10, "1min": 60}[self.value]


class Texts(dict[str, int]):
    """Numbers for the texts of a column, so that rows consist of numbers only: the first text is 0, and so on."""

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number


class Columns:
    """Reads chosen signals of all units into rows of numbers, as fast as Python can; keeps them until asked.

    Args:
        channels: which; texts become numbers through `texts`.
        texts: numbers of the texts of each text channel, by channel name.
        more: how many numbers the caller adds to each row.
    """

    def __init__(self, channels: Sequence[Channel], texts: dict[str, Texts], more: int = 0) -> None:
        plain: dict[str, dict[int, str]] = {}
        called: list[tuple[int, str, Read]] = []
        for number, (unit_id, read, name) in enumerate((c.unit_id, c.signal.value, c.name) for c in channels):
            if channels[number].signal.datatype is DataType.STRING:
                called.append((number, unit_id, _numbered(read, texts.setdefault(name, Texts()))))
            elif path := attribute_path(read):
                plain.setdefault(unit_id, {})[number] = path
            else:
                called.append((number, unit_id, read))
        # One call in C reads all plain attributes of a unit; a lone one would not come as a tuple.
        self._plain = [(unit_id, attrgetter(*paths.values())) for unit_id, paths in plain.items() if len(paths) > 1]
        lone = [
            (number, unit_id, attrgetter(path))
            for unit_id, paths in plain.items()
            if len(paths) == 1
            for number, path in paths.items()
        ]
        self._called = [(unit_id, read) for _, unit_id, read in called + lone]
        order = [number for paths in plain.values() if len(paths) > 1 for number in paths]
        order += [number for number, _, _ in called + lone]
        self._places = [*np.argsort(order).tolist(), *range(len(order), len(order) + more)]
        self._pack = Struct(f"{len(self._places)}d").pack
        self._rows: list[bytes] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, units: dict[str, Any], more: Sequence[float] = ()) -> None:
        """Keep the true values of now, and what the caller adds."""
        row: list[Any] = []
        for unit_id, get in self._plain:
            row += get(units[unit_id])
        row += [read(units[unit_id]) for unit_id, read in self._called]
        row += more
        self._rows.append(self._pack(*row))

    def take(self) -> Floats:
        """All rows as a new array, rows x (channels and what was added); none are left."""
        values = np.frombuffer(b"".join(self._rows), np.float64).reshape(len(self._rows), -1)[:, self._places]
        self._rows.clear()
        return values


def _numbered(read: Read, texts: Texts) -> Read:
    return lambda state: texts[read(state)]


def attribute_path(read: Read) -> str | None:
    """Path of the attribute that a function like `lambda s: s.packml.starved` reads; None where it does more."""
    code = getattr(read, "__code__", None)
    if code is None or code.co_argcount != 1:
        return None
    path: list[str] = []
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_ATTR":
            path.append(str(instruction.argval))
        elif not instruction.opname.startswith(("RESUME", "LOAD_FAST", "RETURN_VALUE")):
            return None
    return ".".join(path) or None


class Block(NamedTuple):
    """Rows that belong together.

    Attributes:
        time_ns: end of each row's interval, UTC nanoseconds since 1970.
        values: rows x channels; NaN where no reading came.
        bad: rows x channels; where a sensor is dead and says so.
    """

    time_ns: NDArray[np.int64]
    values: Floats
    bad: Mask


class Recorder:
    """Turns the states of a run into readings of all channels at one resolution.

    Analogue readings of an interval are averaged; states, counters and totals are those at its end. A sensor that is
    read less often than that leaves NaN between. Neither the length of a block nor a snapshot changes a value.

    Args:
        line: the line.
        seed: of the run; the sensors' noise follows from it.
        start_ns: UTC nanoseconds since 1970 of the simulated second 0.
        resolution: length of the interval of a row.
        take: receives the blocks.
        block_rows: rows of a block, or fewer when the length of the steps changes.

    Raises SensorError for a sensor effect on a channel that is not there.
    """

    def __init__(
        self,
        line: Line,
        seed: int,
        start_ns: int,
        resolution: Resolution,
        take: Callable[[Block], None],
        block_rows: int = 1800,
    ) -> None:
        self.channels = channels_of(line)
        self.texts: dict[str, Texts] = {}
        check_effects(self.channels, line.faults)
        self._start_ns, self._interval_s, self._take, self._block_rows = start_ns, resolution.seconds, take, block_rows
        self._means = [i for i, channel in enumerate(self.channels) if channel.signal.averaged]
        # Measured ones first, because only they have noise, a range and a resolution.
        others = [i for i, channel in enumerate(self.channels) if not channel.signal.averaged]
        self._lasts = sorted(others, key=lambda i: self.channels[i].signal.datatype is not DataType.DOUBLE)
        means, lasts = [self.channels[i] for i in self._means], [self.channels[i] for i in self._lasts]
        self.mean_sensors, self.last_sensors = Sensors(means, seed, line.faults), Sensors(lasts, seed, line.faults)
        self._severities = severity_names(line.faults)
        self._steps = Columns(means, self.texts, len(self._severities))
        self._rows = Columns(lasts, self.texts, len(self._severities))
        self._step_s = self._end_s = 0.0

    def observe(self, state: LineState) -> None:
        """Look at the state after a step."""
        around, units = state.around, state.units
        if around.dt_s != self._step_s:
            self.flush()
            self._step_s = around.dt_s
        severity = [around.severity[name] for name in self._severities]
        self._steps.append(units, severity)
        self._end_s = around.elapsed_s
        if self._end_s % self._interval_s == 0.0:
            self._rows.append(units, severity)
            if len(self._rows) >= self._block_rows:
                self.flush()

    def flush(self) -> None:
        """Hand over what there is; an interval that is not over is left out."""
        if not len(self._rows):
            return
        step_s, interval_s = self._step_s, max(self._interval_s, self._step_s)
        last_row = floor(self._end_s / interval_s)
        row_ends = np.arange(last_row - len(self._rows) + 1, last_row + 1) * interval_s
        time_ns = (self._start_ns + row_ends * NS_PER_S).astype(np.int64)
        steps = self._steps.take()
        last_step = round(self._end_s / step_s)
        numbers = np.arange(last_step - len(steps) + 1, last_step + 1)
        within = numbers * step_s <= row_ends[-1]
        means = self._means_of(steps[within], numbers[within], interval_s)
        rows = self._rows.take()
        lasts = self._sensed(self.last_sensors, rows, np.rint(row_ends / step_s).astype(np.int64))
        shape = (len(rows), len(self.channels))
        block = Block(time_ns, np.empty(shape, np.float64), np.empty(shape, np.bool_))
        for (values, bad), columns in ((means, self._means), (lasts, self._lasts)):
            block.values[:, columns] = values
            block.bad[:, columns] = bad
        self._take(block)

    def _sensed(self, sensors: Sensors, rows: Floats, steps: NDArray[np.int64]) -> Sensed:
        count = len(sensors.names)
        sensed = sensors.sense(rows[:, :count], rows[:, count:], steps, self._step_s)
        sensors.omit(sensed.values, steps, self._step_s)
        return sensed

    def _means_of(self, rows: Floats, steps: NDArray[np.int64], interval_s: float) -> Sensed:
        """Readings of the analogue channels, averaged over the intervals; bad where no other reading came."""
        values, bad = self._sensed(self.mean_sensors, rows, steps)
        if interval_s == self._step_s:
            return Sensed(values, bad)
        ends = np.ceil(steps * (self._step_s / interval_s) - 1e-9)
        firsts = np.flatnonzero(np.diff(ends, prepend=-1.0))
        there = np.isfinite(values)
        counts = np.add.reduceat(there, firsts, axis=0, dtype=np.int64)
        sums = np.add.reduceat(np.where(there, values, 0.0), firsts, axis=0)
        with np.errstate(invalid="ignore"):
            means = sums / counts
        self.mean_sensors.round(means, MEAN_PARTS)
        return Sensed(means, np.logical_or.reduceat(bad, firsts, axis=0) & (counts == 0))
