"""The time between two lives of an edge node, in which nobody logged: declared once, per device, as a gap."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.encoder import Device, Encoder, ReportedValue
from edge_agent.sparkplug.log import DurableLog
from edge_agent.sparkplug.log_file import OpenedLog
from edge_agent.sparkplug.log_row import NewRow, gap_row

_PATIENCE_S = 2.0
"""How long after the first value of a device the others are waited for: a source may subscribe in several steps."""
_EVERY_DEVICE = ""


@dataclass(slots=True)
class _Silence:
    from_ns: int
    own_clock: bool
    to_ns: int = 0
    until_ns: int = 0
    first_s: float | None = None
    heard: set[int] = field(default_factory=set)
    complete: bool = False


class Silences:
    """Devices whose silence has begun and is not declared yet. The log keeps them over any number of crashes."""

    def __init__(self, log: DurableLog, longest_delay_ns: Mapping[str, int], default_delay_ns: int) -> None:
        self._log = log
        self._longest_delay_ns = longest_delay_ns
        self._default_delay_ns = default_delay_ns
        self._open: dict[str, _Silence] = {}
        self._silent: set[str] = set()  # in this life: their source declares what was missed when it is back

    def begin(self, opened: OpenedLog) -> None:
        """Begin the silence of every device that was known at the last end; raises LogError.

        Where even the names of the devices are lost with the log, it is one silence of the whole edge node.
        """
        watermark = opened.watermark
        alive_ns = watermark.alive_ns if watermark is not None else self._log.newest_ns
        if alive_ns:
            self._log.devices.begin_silence(alive_ns, self._longest_delay_ns, self._default_delay_ns)
        own_clock = self._log.devices.known()
        self._open = {
            device_id: _Silence(from_ns, own_clock[device_id])
            for device_id, from_ns in self._log.devices.silent().items()
        }
        if opened.lost is not None and not own_clock:
            self._open[_EVERY_DEVICE] = _Silence(opened.lost[1], own_clock=False)

    def heard(self, values: Sequence[ReportedValue], encoder: Encoder, until_ns: int, now_s: float) -> None:
        """Values of a source arrived: the silence of their devices ends with the first value of each metric.

        No value that was missed is newer than the one its source gives first. So the end is told in the source's time,
        and a clock of this machine that is wrong after a start (no battery, no network) hides and widens no loss. Only
        where some metrics give nothing, the end is not before `until_ns`, this machine's time of the arrival.
        """
        if not self._open:
            return
        for number, time_ns, _, _ in values:
            device = encoder.device_of(number)
            silence = self._open.get(device.name) or self._open.get(_EVERY_DEVICE)
            if silence is None or number in silence.heard:
                continue
            if silence.first_s is None:
                silence.first_s = now_s
            silence.heard.add(number)
            silence.to_ns = max(silence.to_ns, time_ns)
            silence.until_ns = until_ns
            silence.complete = device.name in self._open and len(silence.heard) >= len(device.lines)

    def turns(self, devices: Iterable[Device]) -> Mapping[str, bool]:
        """Return devices that fell silent (True) or speak again (False) since the last call.

        A source that loses its machine knows in memory alone since when values are missed. The log is told as well, so
        that a crash before the source could declare them leaves no loss undeclared.
        """
        turned = {}
        for device in devices:
            silent = not device.available
            if device.name not in self._open and silent is not (device.name in self._silent):
                turned[device.name] = silent
        self._silent.symmetric_difference_update(turned)
        return turned

    def due(self, now_s: float, now_ns: int) -> Iterator[tuple[str, NewRow | None]]:
        """Yield devices whose silence ended, with the gap record (None where it has no width)."""
        for device_id, silence in list(self._open.items()):
            if silence.first_s is None or not (silence.complete or now_s - silence.first_s >= _PATIENCE_S):
                continue
            row = None
            to_ns = silence.to_ns
            if not (silence.complete or silence.own_clock):
                to_ns = max(to_ns, silence.until_ns)
            if to_ns > silence.from_ns:
                gap = Gap(device_id or None, None, silence.from_ns, to_ns, None, "edge_down")
                row = gap_row(gap, now_ns)
            yield device_id, row
            del self._open[device_id]
