"""Publishes results as an edge node of its own, with the durable log of every edge node."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from analytics.config import AnalyticsConfig
from analytics.cycle import UnitResult
from analytics.results import REPEAT_S, Reported, results_of
from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.node import EdgeNode
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality

SOURCE = "analytics"
OWN_DEVICE = "ANALYTICS"
"""Device that says what analytics itself knows: no work unit has this name."""
_NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class _Line:
    number: int
    origin: Origin
    last: Reported | None = None
    sent_ns: int = 0


class Reports:
    """Decides which results are sent: those that changed, and all of them once a minute. No I/O but `declare`.

    Args:
        declare: gives each declared metric its number (EdgeNode.declare).
    """

    def __init__(self, declare: Callable[[Sequence[Declaration]], Sequence[int]]) -> None:
        self._declare = declare
        self._lines: dict[tuple[str, str], _Line] = {}

    def values(self, results: Iterable[UnitResult], origins: Mapping[str, Origin], now_ns: int) -> list[ReportedValue]:
        """Return what is sent of these results; metrics that are new are declared before."""
        values: list[ReportedValue] = []
        for result in results:
            metrics = results_of(result)
            origin = origins.get(result.unit_id, Origin.REAL)
            self._know([metric.declaration(result.unit_id, origin) for metric in metrics])
            read = {metric.name: metric.read(result, now_ns) for metric in metrics}
            values += self._changed(result.unit_id, read, now_ns)
        return values

    def own(self, metrics: Sequence[tuple[Declaration, Reported]], now_ns: int) -> list[ReportedValue]:
        """Return what is sent of metrics that are no unit's."""
        self._know([one for one, _ in metrics])
        return self._changed(OWN_DEVICE, {one.metric: reported for one, reported in metrics}, now_ns)

    def _know(self, metrics: Sequence[Declaration]) -> None:
        """Declare what is new, or has another origin than before."""
        new = [
            one
            for one in metrics
            if (line := self._lines.get((one.device_id, one.metric))) is None or line.origin is not one.origin
        ]
        if new:
            for one, number in zip(new, self._declare(new), strict=True):
                self._lines[one.device_id, one.metric] = _Line(number, one.origin)

    def _changed(self, device_id: str, read: Mapping[str, Reported | None], now_ns: int) -> list[ReportedValue]:
        values: list[ReportedValue] = []
        for name, reported in read.items():
            line = self._lines[device_id, name]
            if reported is None:
                if line.last is None:
                    continue  # there never was a value
                reported = Reported(None, Quality.BAD)
            due = now_ns - line.sent_ns >= REPEAT_S * _NS_PER_S
            if reported != line.last or due:
                line.last, line.sent_ns = reported, now_ns
                values.append((line.number, now_ns, reported.value, reported.quality))
        return values


class Publisher:
    """The edge node. Building it opens its log (raises ConfigError) and never connects."""

    def __init__(self, config: AnalyticsConfig, on_failure: Callable[[str], None]) -> None:
        delay_ns = round(2 * config.analytics.cycle_s * _NS_PER_S)
        self.node = EdgeNode(
            config.identity,
            config.broker,
            config.log,
            longest_delay_ns={SOURCE: delay_ns},
            default_delay_ns=delay_ns,
            on_failure=on_failure,
        )
        self.reports = Reports(lambda metrics: self.node.declare(SOURCE, metrics))

    def start(self) -> None:
        """Begin to connect."""
        self.node.start()

    def send(self, values: list[ReportedValue], now_ns: int) -> None:
        """Hand values over to the log; an empty list says that analytics is alive."""
        self.node.flush(now_ns, [(SOURCE, values)] if values else [])

    def stop(self) -> None:
        """Log what waits, say goodbye."""
        self.node.stop()
