"""Values of many metrics turned into messages for the log: the hot path of an edge node. No I/O, no clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from edge_agent.sparkplug.log_row import AliasKey, NewRow
from edge_agent.sparkplug.metric import DataType, Property, Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import MAX_MESSAGE_BYTES, PayloadError
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.unique_times import DUPLICATE, LATEST_NS, MAX_OFFSET, SeriesTimes, TimeState
from edge_agent.sparkplug.wire import (
    DOUBLE_KEY,
    NS_PER_MS,
    metric_field,
    metric_start,
    pack_double,
    payload_time,
    properties_field,
    value_writer,
    varint,
    write_null,
)

MAX_VALUES = 500
"""Most values of one message."""
_LIMIT_BYTES = MAX_MESSAGE_BYTES - 200  # for payload time, Delivery/lsn and seq
_GROWTH_BYTES = 3  # a metric that is resent grows by is_historical, and so may its length
_SHORT = [bytes((0x12, length)) for length in range(128)]
_GOOD, _STALE = Quality.GOOD, Quality.STALE


ReportedValue = tuple[int, int, Value, Quality]
"""A value to be published: number that EdgeNode.declare gave, UTC ns, value (None if BAD or STALE), quality."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A metric as births declare it; properties without origin (see edge_agent.sparkplug.properties)."""

    device_id: str
    metric: str
    datatype: DataType
    origin: Origin
    properties: Mapping[str, Property] = field(default_factory=dict)

    @property
    def key(self) -> AliasKey:
        """What its alias stands for."""
        return AliasKey(self.device_id, self.metric, self.datatype, self.origin)


class Device:
    """A device and the message that is being filled for it."""

    __slots__ = ("chunks", "first_ns", "last_ns", "lines", "n_stale", "name", "size")

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[str, Line] = {}
        self.n_stale = 0
        self.begin()

    def begin(self) -> None:
        """Start an empty message."""
        self.chunks: list[bytes] = []
        self.size = 0
        self.first_ns = 1 << 63
        self.last_ns = 0

    @property
    def available(self) -> bool:
        """Whether any of its metrics is not stale."""
        return self.n_stale < len(self.lines) or not self.lines

    def row(self, now_ns: int) -> NewRow:
        """Return the message filled so far and start the next."""
        payload = payload_time(now_ns) + b"".join(self.chunks)
        first_ns = max(0, self.first_ns - MAX_OFFSET)  # a source time may lie that much before the one that was sent
        row = NewRow(self.name, now_ns, first_ns, self.last_ns, len(self.chunks), payload)
        self.begin()
        return row


class Line:
    """One metric in use: how its values are written, and the last one."""

    __slots__ = ("alias", "current", "declaration", "device", "is_double", "own_clock", "retired", "series", "stale",
                 "start", "times", "write")  # fmt: skip

    def __init__(self, declaration: Declaration, device: Device, alias: int, series: int, times: SeriesTimes) -> None:
        self.declaration = declaration
        self.device = device
        self.alias = alias
        self.series = series
        self.times = times
        self.own_clock = declaration.origin is Origin.REPLAYED
        self.start = metric_start(alias, declaration.datatype)
        self.is_double = declaration.datatype is DataType.DOUBLE
        self.write: Callable[[Value], bytes] = value_writer(declaration.datatype)
        self.current: tuple[int, Value, Quality] | None = None
        self.stale = False
        self.retired = False


class Refused(NamedTuple):
    """A value that cannot be sent: too large, or no free time near its own."""

    line: Line
    time_ns: int
    value: Value
    quality: Quality
    reason: str


@dataclass(slots=True)
class EncoderCounts:
    """Values since the start: taken, identical to the one before, sent as BAD because they did not fit their type."""

    values: int = 0
    duplicates: int = 0
    misfits: int = 0


class Encoder:
    """Turns values into messages of at most MAX_MESSAGE_BYTES and MAX_VALUES, one device each."""

    def __init__(self, remembered: Mapping[int, TimeState]) -> None:
        self.devices: dict[str, Device] = {}
        self.counts = EncoderCounts()
        self.last_misfit = ""
        self._remembered = dict(remembered)
        self._times: dict[int, SeriesTimes] = {}
        self._lines: dict[int, Line] = {}
        self._touched: set[Line] = set()
        self._revived: set[str] = set()

    def add(self, number: int, declaration: Declaration, alias: int, series: int) -> Line:
        """Make a metric known, or its declaration new; another type or origin of it retires the former alias."""
        device = self.devices.setdefault(declaration.device_id, Device(declaration.device_id))
        line = self._lines.get(number)
        if line is None:
            line = self._lines[number] = Line(declaration, device, alias, series, self.times(series))
        line.declaration = declaration
        former = device.lines.get(declaration.metric)
        if former is not None and former is not line:
            self._set_stale(former, stale=False)
            former.retired = True
        device.lines[declaration.metric] = line
        if line.retired:
            line.retired = line.stale = False
        return line

    def times(self, series: int) -> SeriesTimes:
        """Return the times of a series, as they are remembered."""
        times = self._times.get(series)
        if times is None:
            times = self._times[series] = SeriesTimes(self._remembered.pop(series, None))
        return times

    def device_of(self, number: int) -> Device:
        """Return the device of a metric."""
        return self._lines[number].device

    def encode(self, values: Sequence[ReportedValue], now_ns: int) -> tuple[list[NewRow], list[Refused]]:
        """Write values into messages; returns them, and the values that cannot be sent."""
        rows: list[NewRow] = []
        refused: list[Refused] = []
        filled: list[Device] = []
        touch = self._touched.add
        lines = self._lines
        stamp_ns, stamp, extra, rest = -1, b"", b"", 0
        self.counts.values += len(values)
        for number, time_ns, value, quality in values:
            line = lines[number]
            if quality is _STALE:
                sent_ns = line.times.mark(time_ns, keep_clock=line.own_clock)
            else:
                sent_ns = line.times.accept(time_ns, value, quality)
            if line.stale is not (quality is _STALE):
                self._set_stale(line, stale=quality is _STALE)
            if sent_ns < 0:
                self._not_sent(line, time_ns, value, quality, sent_ns, refused)
                continue
            if sent_ns != stamp_ns:
                millisecond, rest = divmod(sent_ns, NS_PER_MS)
                stamp_ns, stamp = sent_ns, varint(millisecond)
                extra = properties_field(rest, _GOOD)
            if quality is _GOOD and line.is_double and type(value) is float and isfinite(value):
                body = line.start + stamp + pack_double(DOUBLE_KEY, value) + extra
            else:
                body, value, quality = self._body(line, stamp, rest, value, quality)
            line.current = (sent_ns, value, quality)
            touch(line)
            device = line.device
            chunk = _SHORT[len(body)] + body if len(body) < 128 else metric_field(body)
            size = device.size + len(chunk) + _GROWTH_BYTES
            if size > _LIMIT_BYTES or len(device.chunks) >= MAX_VALUES:
                size -= device.size
                if size > _LIMIT_BYTES:
                    refused.append(Refused(line, sent_ns, value, quality, f"larger than {_LIMIT_BYTES} bytes"))
                    continue
                rows.append(device.row(now_ns))
            if not device.chunks:
                filled.append(device)
            device.chunks.append(chunk)
            device.size = size
            if sent_ns != device.last_ns:
                device.first_ns = min(device.first_ns, sent_ns)
                device.last_ns = max(device.last_ns, sent_ns)
        rows.extend(device.row(now_ns) for device in filled if device.chunks)
        return rows, refused

    def take_revived(self) -> set[str]:
        """Return devices with a metric that left STALE without a new value: only a birth tells."""
        revived, self._revived = self._revived, set()
        return revived

    def take_times(self) -> Mapping[int, TimeState]:
        """Return the times of series that changed since the last call."""
        states = {line.series: line.times.state() for line in self._touched}
        self._touched.clear()
        return states

    def give_back_times(self, states: Mapping[int, TimeState]) -> None:
        """Take states back that could not be kept, so that the next `take_times` returns them again."""
        self._touched.update(line for line in self._lines.values() if line.series in states)

    def _not_sent(
        self, line: Line, time_ns: int, value: Value, quality: Quality, result: int, refused: list[Refused]
    ) -> None:
        if result == DUPLICATE:
            self.counts.duplicates += 1
            if line.current is None or line.current[2] is _STALE:
                # Not older than the mark, or hosts would go on showing it as stale.
                line.current = (time_ns if line.current is None else line.current[0], value, quality)
                self._revived.add(line.device.name)
        elif quality is not _STALE:
            reason = "its time was used by a hundred values before"
            if not 0 < time_ns <= LATEST_NS:
                reason = "its time lies outside of the years 1970 to 2255"
            refused.append(Refused(line, max(time_ns, 1), value, quality, reason))

    def _body(
        self, line: Line, stamp: bytes, rest: int, value: Value, quality: Quality
    ) -> tuple[bytes, Value, Quality]:
        """Return the fields of a value of any type and quality, and what of it they hold."""
        start = line.start + stamp
        if quality not in (_GOOD, Quality.UNCERTAIN):
            return start + write_null() + properties_field(rest, quality), None, quality
        try:
            return start + line.write(value) + properties_field(rest, quality), value, quality
        except PayloadError as error:
            # What cannot be read as its type must not pass for a number.
            if value is not None:
                self.counts.misfits += 1
                self.last_misfit = f"{line.declaration.device_id}/{line.declaration.metric}: {error}"
            return start + write_null() + properties_field(rest, Quality.BAD), None, Quality.BAD

    def _set_stale(self, line: Line, *, stale: bool) -> None:
        if line.stale is not stale:
            line.stale = stale
            if not line.retired:
                line.device.n_stale += 1 if stale else -1
