"""What a run leaves behind, in blocks of columns: readings of all sensors, the hidden truth, events and bottles.

A recorder looks at the line after every step, keeps plain numbers, and hands over a block of columns now and then; so
memory stays flat however long the run is. Where the columns go (a file, a test) is the caller's choice.
"""

import dis
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from demo_line.sensors import MEAN_PARTS, Floats, Mask, Sensed, Sensors, check_effects, is_read, severity_names
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
        channels: the same, in the order of the columns of `take`.
    """

    def __init__(self, channels: Iterable[Channel], texts: dict[str, Texts], more: int = 0) -> None:
        self.channels = tuple(channels)
        reads = [(place, channel, _numbered(channel, texts)) for place, channel in enumerate(self.channels)]
        # Whole numbers stand first: a row is packed faster when it need not turn them into floats.
        self._whole = _Half([item for item in reads if item[1].signal.datatype is not DataType.DOUBLE])
        self._rest = _Half([item for item in reads if item[1].signal.datatype is DataType.DOUBLE])
        whole, rest = self._whole.width, self._rest.width + more
        self._pack, self._width = Struct(f"{whole}q{rest}d").pack, whole + rest
        columns = self._whole.columns | {place: whole + column for place, column in self._rest.columns.items()}
        self._columns = [*(columns[place] for place in range(len(reads))), *range(whole + rest - more, whole + rest)]
        self._rows: list[bytes] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, units: dict[str, Any], more: Sequence[float] = ()) -> None:
        """Keep the true values of now, and what the caller adds."""
        self._rows.append(self._pack(*self._whole.read(units), *self._rest.read(units), *more))

    def take(self) -> Floats:
        """All rows as a new array, rows x (channels and what was added); none are left."""
        values = np.frombuffer(bytearray().join(self._rows), np.float64).reshape(len(self._rows), self._width)
        self._rows.clear()
        whole = self._whole.width
        values[:, :whole] = values[:, :whole].view(np.int64)
        return values[:, self._columns]


class _Half:
    """The whole numbers of a row, or the others: which attributes and functions are read, each of them once.

    Attributes:
        columns: place of each channel in what `read` gives, by its number.
        width: how many numbers that are.
    """

    def __init__(self, reads: Iterable[tuple[int, Channel, Read]]) -> None:
        paths: dict[str, dict[str, list[int]]] = {}
        functions: list[tuple[str, Read, list[int]]] = []
        for place, channel, read in reads:
            path = attribute_path(read)
            if path is None:
                functions.append((channel.unit_id, read, [place]))
            else:
                paths.setdefault(channel.unit_id, {}).setdefault(path, []).append(place)
        several = {unit_id: found for unit_id, found in paths.items() if len(found) > 1}
        for unit_id, found in paths.items():
            if len(found) == 1:  # `attrgetter` would not give a tuple
                functions += [(unit_id, attrgetter(path), places) for path, places in found.items()]
        # One call in C reads all plain attributes of a unit.
        self._attributes = [(unit_id, attrgetter(*found)) for unit_id, found in several.items()]
        self._functions = [(unit_id, read) for unit_id, read, _ in functions]
        groups = [places for found in several.values() for places in found.values()]
        groups += [places for _, _, places in functions]
        self.columns = {place: column for column, places in enumerate(groups) for place in places}
        self.width = len(groups)

    def read(self, units: dict[str, Any]) -> list[Any]:
        """The numbers now."""
        row: list[Any] = []
        for unit_id, get in self._attributes:
            row += get(units[unit_id])
        row += [read(units[unit_id]) for unit_id, read in self._functions]
        return row


def _numbered(channel: Channel, texts: dict[str, Texts]) -> Read:
    """What reads the channel as a number."""
    read: Read = channel.signal.value
    if channel.signal.datatype is not DataType.STRING:
        return read
    numbers = texts.setdefault(channel.name, Texts())
    if isinstance(read, Word):
        numbers.update({word: number for number, word in enumerate(read.words)})
        return read.number
    path = attribute_path(read)
    word: Read = read if path is None else attrgetter(path)
    return lambda state: numbers[word(state)]


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


class _Group:
    """Channels that are read at the same steps and treated alike.

    Args:
        line: the line.
        seed: of the run.
        channels: of the group, by their number.
        averaged: whether an interval shows their mean.
        period_s: seconds between two readings; 0 = a reading whenever one is wanted.
        texts: numbers of the texts of each text channel.
    """

    def __init__(
        self,
        line: Line,
        seed: int,
        channels: Mapping[int, Channel],
        averaged: bool,
        period_s: float,
        texts: dict[str, Texts],
    ) -> None:
        self.averaged, self.period_s = averaged, period_s
        self.places = list(channels)
        self.sensors = Sensors(list(channels.values()), seed, line.faults)
        self.rows = Columns(channels.values(), texts, 1 + len(self.sensors.severity_names))

    def take(self, end_s: float, step_s: float) -> tuple[Floats, Sensed]:
        """Simulated seconds and readings of the steps up to a second; none are left."""
        rows = self.rows.take()
        count = len(self.places)
        rows = rows[rows[:, count] <= end_s]
        elapsed_s = rows[:, count].copy()
        if not len(rows):
            return elapsed_s, Sensed(rows[:, :count], np.zeros((0, count), np.bool_))
        steps = np.rint(elapsed_s / step_s).astype(np.int64)
        return elapsed_s, self.sensors.sense(rows[:, :count], rows[:, count + 1 :], steps, step_s)


class Recorder:
    """Turns the states of a run into readings of all channels at one resolution.

    Analogue readings of an interval are averaged; states, counters and totals are those at its end. A sensor that is
    read less often than that leaves NaN between; it is looked at only when it is read. Neither the length of a block
    nor a snapshot changes a value.

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
        groups: dict[tuple[bool, float], dict[int, Channel]] = {}
        for place, channel in enumerate(self.channels):
            groups.setdefault(self._reading_of(channel), {})[place] = channel
        self._groups = [_Group(line, seed, channels, *reading, self.texts) for reading, channels in groups.items()]
        self._count = 0
        self._step_s = self._end_s = 0.0

    def _reading_of(self, channel: Channel) -> tuple[bool, float]:
        """Whether an interval shows the mean of its readings, and how long one waits for the next."""
        averaged, period_s = channel.signal.averaged, channel.signal.period_s
        always = period_s <= 1.0 or (not averaged and self._interval_s % period_s == 0.0)
        return averaged, 0.0 if always else period_s

    @property
    def memory(self) -> dict[str, float]:
        """Values at which stuck sensors stand, by channel."""
        return {
            group.sensors.names[column]: value
            for group in self._groups
            for column, value in group.sensors.memory.items()
        }

    def observe(self, state: LineState) -> None:
        """Look at the state after a step."""
        around, units = state.around, state.units
        if around.dt_s != self._step_s:
            self.flush()
            self._step_s = around.dt_s
        elapsed_s = around.elapsed_s
        row_ends = elapsed_s % self._interval_s == 0.0
        more = [elapsed_s, *(around.severity[name] for name in self._severities)]
        for group in self._groups:
            due = row_ends or group.averaged
            if due and (group.period_s == 0.0 or is_read(group.period_s, elapsed_s, self._step_s)):
                group.rows.append(units, more)
        if row_ends:
            self._end_s = elapsed_s
            self._count += 1
            if self._count >= self._block_rows:
                self.flush()

    def flush(self) -> None:
        """Hand over what there is; an interval that is not over is left out."""
        if not self._count:
            return
        interval_s = max(self._interval_s, self._step_s)
        last_row = floor(self._end_s / interval_s)
        first_row = last_row - self._count + 1
        row_ends = np.arange(first_row, last_row + 1) * interval_s
        time_ns = (self._start_ns + row_ends * NS_PER_S).astype(np.int64)
        shape = (len(self.channels), self._count)
        block = Block(time_ns, np.empty(shape), np.empty(shape, np.bool_))
        for group in self._groups:
            elapsed_s, sensed = group.take(self._end_s, self._step_s)
            rows = np.ceil(elapsed_s / interval_s - 1e-9).astype(np.int64) - first_row
            if group.averaged and interval_s > self._step_s:
                rows, sensed = _means(rows, sensed)
                group.sensors.round(sensed.values, MEAN_PARTS)
            values, bad = (
                np.full((self._count, len(group.places)), np.nan),
                np.zeros((self._count, len(group.places)), bool),
            )
            values[rows], bad[rows] = sensed
            block.values[group.places], block.bad[group.places] = values.T, bad.T
        self._count = 0
        self._take(block)


def _means(rows: NDArray[np.int64], sensed: Sensed) -> tuple[NDArray[np.int64], Sensed]:
    """Means of the readings of each row; bad where no other reading came."""
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    there = np.isfinite(sensed.values)
    counts = np.add.reduceat(there, firsts, axis=0, dtype=np.int64)
    sums = np.add.reduceat(np.where(there, sensed.values, 0.0), firsts, axis=0)
    with np.errstate(invalid="ignore"):
        means = sums / counts
    return rows[firsts], Sensed(means, np.logical_or.reduceat(sensed.bad, firsts, axis=0) & (counts == 0))
