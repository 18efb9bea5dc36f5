"""The sensor layer: what the instruments show of the true state, with noise, resolution, range and quality."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, NamedTuple

from numpy.random import Generator

from demo_line.line import Line, LineState
from demo_line.signals import DataType, Signal, Value


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


@dataclass(frozen=True, slots=True)
class Channel:
    """One instrument: a signal of one unit."""

    unit_id: str
    signal: Signal[Any]

    @property
    def name(self) -> str:
        """Stable name, e.g. `MIX-10.product_flow_l_h`."""
        return f"{self.unit_id}.{self.signal.name}"


def channels_of(line: Line) -> tuple[Channel, ...]:
    """All instruments of a line in a fixed order; their place in it is their number."""
    return tuple(Channel(unit_id, signal) for unit_id, unit in line.units.items() for signal in unit.signals)


class Instruments:
    """The instruments of a line; remembers what each showed last and which of them have failed.

    Args:
        channels: the instruments, as `channels_of` gives them.
        generator: source of the sensors' noise.
    """

    def __init__(self, channels: Iterable[Channel], generator: Generator) -> None:
        self.channels = tuple(channels)
        self._generator = generator
        self._numbers = {channel.name: number for number, channel in enumerate(self.channels)}
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
        """Read the instruments whose period is over or, for those that report changes.

        Whose value or quality has changed.
        """
        noise = self._generator.standard_normal(len(self.channels))
        offers: list[Offer] = []
        for number, channel in enumerate(self.channels):
            signal = channel.signal
            if signal.period_s > 0.0 and state.elapsed_s < self._next_s[number]:
                continue
            quality = self._status.get(number, Quality.GOOD)
            value = self._read(state.units, channel, float(noise[number])) if quality is not Quality.BAD else None
            if signal.period_s == 0.0 and self._shown.get(number) == (value, quality):
                continue
            self._shown[number] = (value, quality)
            self._next_s[number] = state.elapsed_s + signal.period_s - 1e-6
            offers.append(Offer(number, time_ns, value, quality))
        return offers

    @staticmethod
    def _read(units: Mapping[str, Any], channel: Channel, noise: float) -> Value:
        value: Value = channel.signal.value(units[channel.unit_id])
        return shown(channel.signal, value, noise) if channel.signal.datatype is DataType.DOUBLE else value


def shown(signal: Signal[Any], value: Value, noise: float) -> float:
    """What a sensor shows of a true value.

    Noise (in standard deviations) added, held in its range, rounded to its resolution.
    """
    result = float(value) + signal.noise * noise
    if not isfinite(result):
        raise ValueError(f"{signal.name}: the simulated value is {result}; the unit's step function has an error")
    if signal.low is not None:
        result = max(result, signal.low)
    if signal.high is not None:
        result = min(result, signal.high)
    if signal.resolution > 0.0:
        result = round(round(result / signal.resolution) * signal.resolution, 9)
    return result
