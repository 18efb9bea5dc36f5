"""What one source writes to: reports by exception, and gathers values until the next hand-over to the log."""

import time
from collections.abc import Callable, Sequence

from edge_agent.report import Reporter
from edge_agent.skew import ClockSkew
from edge_agent.sources.base import Reading, Tag
from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.metric import Property
from edge_agent.sparkplug.node import EdgeNode
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.properties import DESCRIPTION, HIGH, LOW, REPORT, SOURCE, UNIT
from edge_agent.sparkplug.quality import Quality

MAX_GATHERED = 5_000
"""Values that are handed over at once, before the publish interval is over."""


class SourceSink:
    """The Sink of one source. Used from the event loop alone."""

    def __init__(self, source: str, node: EdgeNode, hand_over: Callable[[], None]) -> None:
        self.skew = ClockSkew()
        self._source = source
        self._node = node
        self._hand_over = hand_over
        self._tags: dict[int, Tag] = {}
        self._reporters: dict[int, Reporter] = {}
        self._offered_s: dict[int, float] = {}
        self._gathered: list[ReportedValue] = []
        self._own_clock = False
        self._current: dict[tuple[str, str], int] = {}
        self._unchanged_ns = 0

    def declare(self, tags: Sequence[Tag]) -> Sequence[int]:
        """See Sink.declare."""
        numbers = self._node.declare(self._source, [declaration_of(tag) for tag in tags])
        for number, tag in zip(numbers, tags, strict=True):
            reporter = self._reporters.get(number)
            if tag.rule.passes_all:
                self._reporters.pop(number, None)
            elif reporter is None or reporter.rule != tag.rule:
                self._reporters[number] = Reporter(tag.rule)
            self._tags[number] = tag
            self._current[tag.device_id, tag.metric] = number  # another one where its type changed
        self._own_clock = all(tag.origin is Origin.REPLAYED for tag in self._tags.values())
        return numbers

    def emit(self, readings: Sequence[Reading]) -> None:
        """See Sink.emit."""
        gathered = self._gathered
        if not self._reporters:
            gathered.extend(readings)
        else:
            self._report(readings)
        if readings and not self._own_clock and readings[-1].quality is Quality.GOOD:
            self.skew.watch(readings[-1].time_ns, time.time_ns(), time.monotonic())
        if len(gathered) >= MAX_GATHERED:
            self._hand_over()

    def outage(self, tags: Sequence[int], from_ns: int, to_ns: int, cause: str) -> None:
        """See Sink.outage."""
        lost = set(tags)
        by_device: dict[str, list[int]] = {}
        for number, tag in self._tags.items():
            by_device.setdefault(tag.device_id, []).append(number)
        gaps: list[Gap] = []
        for device_id, numbers in by_device.items():
            if lost.issuperset(numbers):
                gaps.append(Gap(device_id, None, from_ns, to_ns, None, cause))
            else:
                gaps.extend(
                    Gap(device_id, self._tags[number].metric, from_ns, to_ns, None, cause)
                    for number in numbers
                    if number in lost
                )
        self._hand_over()  # what came before the outage is logged before it
        self._node.declare_gaps(gaps)

    def unchanged(self, until_ns: int) -> None:
        """See Sink.unchanged."""
        self._unchanged_ns = until_ns

    def repeat(self) -> None:
        """Report unchanged values again whose longest interval is over; call it some times a second.

        A recording has a time axis of its own, and where the clock of a source is off, its times and those until which
        it vouches are not of one axis.
        """
        until_ns, self._unchanged_ns = self._unchanged_ns, 0
        if not until_ns or self.skew.skew_s() is not None:
            return
        for number in self._current.values():
            reporter = self._reporters.get(number)
            if reporter is not None and self._tags[number].origin is not Origin.REPLAYED:
                self._gathered.extend((number, *point) for point in reporter.repeat(until_ns))

    def take(self) -> list[ReportedValue]:
        """Return what was gathered since the last call."""
        gathered, self._gathered = self._gathered, []
        return gathered

    def report_held(self, now_s: float, *, all_of_them: bool = False) -> None:
        """Report points that a rule holds back and whose tag has been silent for its time (or all, at the end)."""
        for number, reporter in self._reporters.items():
            if reporter.held and (all_of_them or now_s - self._offered_s[number] >= reporter.rule.hold_s):
                self._gathered.extend((number, *point) for point in reporter.pending())

    def _report(self, readings: Sequence[Reading]) -> None:
        now_s = time.monotonic()
        reporters, gathered, offered_s = self._reporters, self._gathered, self._offered_s
        for reading in readings:
            number, time_ns, value, quality = reading
            reporter = reporters.get(number)
            if reporter is None:
                gathered.append(reading)
                continue
            offered_s[number] = now_s
            for point in reporter.offer(time_ns, value, quality):
                gathered.append((number, *point))


def declaration_of(tag: Tag) -> Declaration:
    """Return a tag as births declare it."""
    properties: dict[str, Property] = {SOURCE: tag.address, REPORT: tag.rule.to_json()}
    if tag.unit:
        properties[UNIT] = tag.unit
    if tag.low is not None:
        properties[LOW] = float(tag.low)
    if tag.high is not None:
        properties[HIGH] = float(tag.high)
    if tag.description:
        properties[DESCRIPTION] = tag.description
    return Declaration(tag.device_id, tag.metric, tag.datatype, tag.origin, properties)
