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
from demo_line.signals import Channel, DataType, Word

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
        channels: which.
        texts: numbers of the texts of each text channel, by channel name; filled here.
        more: how many numbers the caller adds to each row.

    Attributes:
        channels: the same in the order of the columns of `take`.
    """

    def __init__(self, channels: Sequence[Channel], texts: dict[str, Texts], more: int = 0) -> None:
        plain: dict[str, list[tuple[Channel, str]]] = {}
        called: list[tuple[Channel, Read]] = []
        for channel in channels:
            read = _numbered(channel, texts)
            path = attribute_path(read)
            if path is None:
                called.append((channel, read))
            else:
                plain.setdefault(channel.unit_id, []).append((channel, path))
        # One call in C reads all plain attributes of a unit; a lone one would not come as a tuple.
        called += [(pairs[0][0], attrgetter(pairs[0][1])) for pairs in plain.values() if len(pairs) == 1]
        several = {unit_id: pairs for unit_id, pairs in plain.items() if len(pairs) > 1}
        self._plain = [(unit_id, attrgetter(*(path for _, path in pairs))) for unit_id, pairs in several.items()]
        self._called = [(channel.unit_id, read) for channel, read in called]
        self.channels = [channel for pairs in several.values() for channel, _ in pairs]
        self.channels += [channel for channel, _ in called]
        self._width = len(self.channels) + more
        self._pack = Struct(f"{self._width}d").pack
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
        values = np.frombuffer(bytearray().join(self._rows), np.float64).reshape(len(self._rows), self._width)
        self._rows.clear()
        return values


def _numbered(channel: Channel, texts: dict[str, Texts]) -> Read:
    """What reads the channel as a number."""
    read: Read = channel.signal.value
    if channel.signal.datatype is not DataType.STRING:
        return read
    numbers = texts.setdefault(channel.name, Texts())
    if isinstance(read, Word):
        numbers.update({word: number for number, word in enumerate(read.words)})
        return read.number
    return lambda state: numbers[read(state)]


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
        values: channels x rows; NaN where no reading came.
        bad: channels x rows; where a sensor is dead and says so.
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
        self._severities = severity_names(line.faults)
        more = len(self._severities)
        self._steps = Columns([channel for channel in self.channels if channel.signal.averaged], self.texts, more)
        self._rows = Columns([channel for channel in self.channels if not channel.signal.averaged], self.texts, more)
        self.mean_sensors = Sensors(self._steps.channels, seed, line.faults)
        self.last_sensors = Sensors(self._rows.channels, seed, line.faults)
        places = {channel.name: place for place, channel in enumerate(self.channels)}
        self._mean_places = [places[name] for name in self.mean_sensors.names]
        self._last_places = [places[name] for name in self.last_sensors.names]
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
        shape = (len(self.channels), len(row_ends))
        block = Block(time_ns, np.empty(shape, np.float64), np.empty(shape, np.bool_))
        for (values, bad), places in ((means, self._mean_places), (lasts, self._last_places)):
            block.values[places] = values.T
            block.bad[places] = bad.T
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
