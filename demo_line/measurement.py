"""The sensor layer: what the instruments show of the true state, with noise, resolution, range and quality."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import isnan
from typing import NamedTuple

import numpy as np

from demo_line.fault import Fault
from demo_line.line import Line, LineState
from demo_line.sensors import Sensors, check_effects
from demo_line.signals import Channel, DataType, Value

__all__ = ["Channel", "Instruments", "Offer", "Quality", "channels_of"]


class Quality(StrEnum):
    """Quality of a measured value, spelt as in the journal."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Offer(NamedTuple):
    """One value as it is offered to others.

    Attributes:
        node: number of the node (OPC UA) or leaf (MQTT) at the server that offers it.
        time_ns: source time, UTC nanoseconds since 1970.
        value: None exactly where the quality is bad.
        quality: good, uncertain or bad.
    """

    node: int
    time_ns: int
    value: Value | None
    quality: Quality


def channels_of(line: Line) -> tuple[Channel, ...]:
    """All instruments of a line in a fixed order; their place in it is their number."""
    return tuple(Channel(unit_id, signal) for unit_id, unit in line.units.items() for signal in unit.signals)


class Instruments:
    """The instruments of a line; remembers what each showed last and which of them have failed.

    Args:
        channels: the instruments, as `channels_of` gives them.
        seed: of the run; the sensors' noise follows from it.
        faults: of the line, by name; their effects on readings are applied.

    Raises SensorError for a sensor effect on a channel that is not there.
    """

    def __init__(self, channels: Iterable[Channel], seed: int, faults: Mapping[str, Fault]) -> None:
        self.channels = tuple(channels)
        check_effects(self.channels, faults)
        self._numbers = {channel.name: number for number, channel in enumerate(self.channels)}
        self._measured = [
            i for i, channel in enumerate(self.channels) if channel.signal.datatype is not DataType.STRING
        ]
        self._sensors = Sensors([self.channels[i] for i in self._measured], seed, faults)
        self._status: dict[int, Quality] = {}
        self._shown: dict[int, tuple[Value | None, Quality]] = {}
        self._next_s = [float("-inf")] * len(self.channels)

    def set_status(self, name: str, quality: Quality) -> None:
        """Let an instrument fail (`BAD`, `UNCERTAIN`) or recover (`GOOD`); raises KeyError for an unknown name."""
        if name not in self._numbers:
            raise KeyError(f"no instrument is called {name!r}; names look like {self.channels[0].name!r}")
        number = self._numbers[name]
        self._status[number] = quality
        self._next_s[number] = float("-inf")

    def measure(self, state: LineState, time_ns: int) -> list[Offer]:
        """Read the instruments whose period is over or, for those that report changes, whose value has changed.

        An instrument whose quality has changed is read at once.
        """
        readings = self._read(state)
        offers: list[Offer] = []
        for number, channel in enumerate(self.channels):
            reading = readings[number]
            if reading is None:
                continue
            value, quality = reading
            period_s = channel.signal.period_s
            shown = self._shown.get(number)
            changed = shown is None or shown[1] is not quality
            if period_s > 0.0 and state.elapsed_s < self._next_s[number] and not changed:
                continue
            if period_s == 0.0 and shown == reading:
                continue
            self._shown[number] = reading
            self._next_s[number] = state.elapsed_s + period_s - 1e-6
            offers.append(Offer(number, time_ns, value, quality))
        return offers

    def _read(self, state: LineState) -> list[tuple[Value | None, Quality] | None]:
        """What each instrument shows now; None where it does not report."""
        around, units = state.around, state.units
        true: list[Value] = [channel.signal.value(units[channel.unit_id]) for channel in self.channels]
        numbers = np.array([[true[i] for i in self._measured]], np.float64)
        severity = np.array([[around.severity[name] for name in self._sensors.severity_names]], np.float64)
        step = np.array([round(around.elapsed_s / around.dt_s)])
        values, bad = self._sensors.sense(numbers, severity, step, around.dt_s)
        readings: list[tuple[Value | None, Quality] | None] = [(value, Quality.GOOD) for value in true]
        for i, value, is_bad in zip(self._measured, values[0].tolist(), bad[0].tolist(), strict=True):
            if is_bad:
                readings[i] = (None, Quality.BAD)
            elif isnan(value):
                readings[i] = None
            else:
                readings[i] = (_typed(self.channels[i].signal.datatype, value), Quality.GOOD)
        for number, quality in self._status.items():
            reading = readings[number]
            if quality is Quality.BAD:
                readings[number] = (None, quality)
            elif reading is not None and reading[1] is Quality.GOOD:
                readings[number] = (reading[0], quality)
        return readings


def _typed(datatype: DataType, value: float) -> Value:
    """A reading in the type of its signal."""
    if datatype is DataType.DOUBLE:
        return value
    return bool(value) if datatype is DataType.BOOLEAN else round(value)
