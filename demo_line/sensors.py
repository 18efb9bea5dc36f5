"""What sensors make of true values: noise, range, resolution and the effects of sensor faults, for many steps at once.

One rule serves the live line (a block of one step) and recorded runs (blocks of thousands). Noise is a function of
seed, channel and number of the step, so neither the length of a block, nor a snapshot, nor another channel changes it.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from demo_line.fault import Fault, SensorEffect
from demo_line.signals import Channel, DataType, Signal

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SPIKE_SHARE = 0.02
"""Share of the readings that a spiking sensor of severity 1 falsifies."""

MEAN_PARTS = 10.0
"""Means are written with a tenth of the sensor's resolution."""

_NORMALS, _SPIKES = 0, 1
_BLOCK = 1024


class SensorError(ValueError):
    """A sensor effect or a simulated value makes no sense; the text names the channel and the remedy."""


class _Streams:
    """Random numbers of one purpose: element (step, channel) of an endless table, drawn a block of steps at a time."""

    def __init__(self, seed: int, purpose: int, names: Sequence[str]) -> None:
        self._bits = [Philox(np.random.SeedSequence([seed, purpose, zlib.crc32(name.encode())])) for name in names]
        self._uniform = purpose == _SPIKES
        self._number = -1
        self._table: Floats = np.empty((0, len(names)))

    def rows(self, steps: NDArray[np.int64]) -> Floats:
        """Rows of the table for steps in ascending order."""
        if int(steps[0]) // _BLOCK == int(steps[-1]) // _BLOCK:
            return self._rows(steps)
        borders = np.flatnonzero(np.diff(steps // _BLOCK)) + 1
        return np.concatenate([self._rows(part) for part in np.split(steps, borders)])

    def _rows(self, steps: NDArray[np.int64]) -> Floats:
        number = int(steps[0]) // _BLOCK
        if number != self._number:
            self._draw(number)
        return self._table[steps % _BLOCK]

    def _draw(self, number: int) -> None:
        table = np.empty((len(self._bits), _BLOCK))
        for row, bits in zip(table, self._bits, strict=True):
            # A counter-based generator starts anywhere: the second word of its counter numbers the blocks.
            at: dict[str, Any] = dict(bits.state)
            at.update(state={"counter": np.array((0, number, 0, 0), np.uint64), "key": at["state"]["key"]})
            at.update(buffer_pos=4, has_uint32=0)  # nothing left over from another block
            bits.state = at  # type: ignore[assignment]
            generator = Generator(bits)
            if self._uniform:
                generator.random(out=row)
            else:
                generator.standard_normal(out=row)
        self._number, self._table = number, np.ascontiguousarray(table.T)


def is_read(period_s: float, elapsed_s: float, step_s: float) -> bool:
    """Whether a sensor is read at the end of a step, or its period goes on."""
    return elapsed_s % period_s < step_s - 1e-6


def severity_names(faults: Mapping[str, Fault]) -> tuple[str, ...]:
    """Names of the faults that falsify readings."""
    return tuple(name for name, fault in faults.items() if fault.sensor)


def check_effects(channels: Sequence[Channel], faults: Mapping[str, Fault]) -> None:
    """Raise SensorError for a sensor effect on a channel that is not there or is no number."""
    known = {channel.name for channel in channels if channel.signal.datatype is not DataType.STRING}
    for name, fault in faults.items():
        for effect in fault.sensor:
            if effect.channel not in known:
                raise SensorError(
                    f"fault {name}: its sensor effect is on {effect.channel!r}, which is no numerical signal of this "
                    "line; correct the channel in its file in demo_line/faults"
                )


class Sensed(NamedTuple):
    """Readings of a block.

    Attributes:
        values: steps x channels; NaN where a sensor gives no reading.
        bad: where a reading came, but without a value (a dead sensor); elsewhere NaN means that none came.
    """

    values: Floats
    bad: Mask


@dataclass(frozen=True, slots=True)
class _Effect:
    """One effect on one column; `fault` is the column of its severity."""

    column: int
    fault: int
    spike: int
    effect: SensorEffect


class Sensors:
    """The sensors of some channels.

    Args:
        channels: whose columns `sense` gets, in this order.
        seed: of the run; noise of its own for every channel.
        faults: of the line, by name; those with effects on these channels matter.
    """

    def __init__(self, channels: Sequence[Channel], seed: int, faults: Mapping[str, Fault]) -> None:
        self.names = tuple(channel.name for channel in channels)
        signals = [channel.signal for channel in channels]
        self.severity_names = severity_names(faults)
        self._effects = tuple(self._effects_of(faults))
        self._noisy = [i for i, signal in enumerate(signals) if signal.noise > 0.0]
        self._sigma = np.array([signals[i].noise for i in self._noisy])
        self._normals = _Streams(seed, _NORMALS, [self.names[column] for column in self._noisy])
        spiking = [self.names[item.column] for item in self._effects if item.effect.kind == "spikes"]
        self._uniforms = _Streams(seed, _SPIKES, spiking)
        self._period_s = np.array([signal.period_s for signal in signals])
        self._low = np.array([-np.inf if signal.low is None else signal.low for signal in signals])
        self._high = np.array([np.inf if signal.high is None else signal.high for signal in signals])
        self._rounded, self._up, self._down = _resolution_of(signals)
        self._held: dict[int, float] = {}

    def _effects_of(self, faults: Mapping[str, Fault]) -> Iterator[_Effect]:
        spikes = 0
        for number, name in enumerate(self.severity_names):
            for effect in faults[name].sensor:
                if effect.channel in self.names:
                    yield _Effect(self.names.index(effect.channel), number, spikes, effect)
                    spikes += effect.kind == "spikes"

    @property
    def memory(self) -> dict[int, float]:
        """Values at which stuck sensors stand, by column: what a snapshot needs beside the line's state."""
        return dict(self._held)

    @memory.setter
    def memory(self, held: Mapping[int, float]) -> None:
        self._held = dict(held)

    def sense(self, true: Floats, severity: Floats, steps: NDArray[np.int64], step_s: float) -> Sensed:
        """Readings at some steps.

        A sensor that is read several times in a step gives the mean of these readings.

        Args:
            true: steps x channels, true values; changed in place.
            severity: steps x `severity_names`.
            steps: number of each step since the run's start (elapsed time / length of a step), ascending.
            step_s: length of a step in seconds.

        Raises SensorError for a true value that is no finite number.
        """
        self._check(true)
        values = true
        readings = np.maximum(step_s / np.maximum(self._period_s, 1e-9), 1.0)
        readings[self._period_s <= 0.0] = 1.0
        if self._noisy:
            values[:, self._noisy] += self._normals.rows(steps) * (self._sigma / np.sqrt(readings[self._noisy]))
        active = [item for item in self._effects if severity[:, item.fault].any() or item.column in self._held]
        for item in active:
            self._disturb(values, severity, item, steps, float(readings[item.column]))
        np.clip(values, self._low, self._high, out=values)
        for item in active:
            if item.effect.kind == "scale":  # wrong conversion behind the instrument, so its range does not hold it
                values[:, item.column] *= 1.0 + severity[:, item.fault] * (item.effect.amount - 1.0)
        self.round(values, np.where(readings > 1.0, MEAN_PARTS, 1.0))
        bad = np.zeros(values.shape, np.bool_)
        for item in active:
            self._silence(values, bad, severity[:, item.fault], item)
        return Sensed(values, bad)

    def round(self, values: Floats, parts: Floats | float) -> None:
        """Round steps x channels in place to the sensors' resolution, or to so many parts of it."""
        up = self._up * (parts if isinstance(parts, float) else parts[self._rounded])
        rounded = values[:, self._rounded]
        rounded *= up / self._down
        np.rint(rounded, out=rounded)
        rounded *= self._down
        rounded /= up
        values[:, self._rounded] = rounded

    def _check(self, true: Floats) -> None:
        if not np.isfinite(true).all():
            step, column = np.argwhere(~np.isfinite(true))[0]
            raise SensorError(
                f"{self.names[column]}: the simulated value is {true[step, column]}; the unit's step has an error"
            )

    def _disturb(
        self, values: Floats, severity: Floats, item: _Effect, steps: NDArray[np.int64], readings: float
    ) -> None:
        column, share, amount = values[:, item.column], severity[:, item.fault], item.effect.amount
        if item.effect.kind == "offset":
            column += share * amount
        elif item.effect.kind == "spikes" and readings == 1.0:
            drawn = self._uniforms.rows(steps)[:, item.spike]
            column += np.where(drawn < SPIKE_SHARE * share, amount, 0.0)
        elif item.effect.kind == "spikes":
            column += SPIKE_SHARE * share * amount

    def _silence(self, values: Floats, bad: Mask, share: Floats, item: _Effect) -> None:
        column, kind = values[:, item.column], item.effect.kind
        if kind == "stuck":
            self._hold(column, share, item.column)
        elif kind in ("dead", "stale"):
            gone = share >= 1.0
            column[gone] = np.nan
            if kind == "dead":
                bad[gone, item.column] = True

    def _hold(self, column: Floats, share: Floats, number: int) -> None:
        """Repeat the reading of the onset as long as the severity is above 0."""
        for first, last in _runs(share > 0.0):
            if first > 0 or number not in self._held:
                self._held[number] = float(column[first])
            column[first:last] = self._held[number]
        if not share[-1] > 0.0:
            self._held.pop(number, None)


def _runs(mask: Mask) -> list[tuple[int, int]]:
    """First and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _resolution_of(signals: Sequence[Signal[Any]]) -> tuple[list[int], Floats, Floats]:
    """Columns with a resolution, and that resolution as down / up; so 0.1 gives the nearest number to each decimal."""
    rounded = [i for i, signal in enumerate(signals) if signal.datatype is DataType.DOUBLE and signal.resolution > 0.0]
    up, down = [], []
    for i in rounded:
        parts = round(1.0 / signals[i].resolution)
        exact = parts >= 1 and abs(parts * signals[i].resolution - 1.0) < 1e-9
        up.append(float(parts) if exact else 1.0)
        down.append(1.0 if exact else signals[i].resolution)
    return rounded, np.array(up), np.array(down)
