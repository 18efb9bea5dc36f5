"""What a source is: something that declares tags and emits readings of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from edge_agent.report import ReportRule
from edge_agent.sparkplug.metric import DataType, Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality


@dataclass(frozen=True, slots=True)
class Tag:
    """One signal as the edge agent publishes it.

    Attributes:
        device_id: work unit the signal belongs to (the Sparkplug device).
        metric: name of the signal within the device, in lower case with its unit as suffix, e.g. `power_w`.
        datatype: type on the wire.
        address: where the source finds it, e.g. `nsu=urn:x;s=MIX-10.flow` (also sent in births).
        origin: real, simulated or replayed.
        unit: engineering unit as shown to people; empty where there is none.
        low, high: engineering range in that unit; None where unknown.
        description: one line for people.
        rule: report by exception.
    """

    device_id: str
    metric: str
    datatype: DataType
    address: str
    origin: Origin
    unit: str = ""
    low: float | None = None
    high: float | None = None
    description: str = ""
    rule: ReportRule = field(default_factory=ReportRule)


class Reading(NamedTuple):
    """One raw value of a tag as its source gave it.

    `tag` is the number that `Sink.declare` returned. `time_ns` is the source time, UTC nanoseconds since 1970.
    `value` is None exactly where `quality` is BAD or STALE.
    """

    tag: int
    time_ns: int
    value: Value
    quality: Quality


class Sink(Protocol):
    """What a source writes to. Called from the event loop of the edge agent; never blocks."""

    def declare(self, tags: Sequence[Tag]) -> Sequence[int]:
        """Make tags known and return their numbers, in order. A tag declared before keeps its number."""

    def emit(self, readings: Sequence[Reading]) -> None:
        """Take readings, in the order in which the source gave them."""

    def outage(self, tags: Sequence[int], from_ns: int, to_ns: int, cause: str) -> None:
        """Declare that values of these tags in [from_ns, to_ns] are unknown; cause is one of delivery.CAUSES."""

    def unchanged(self, until_ns: int) -> None:
        """Vouch that until this source time no tag changed from its newest reading, given before this call.

        For sources that are told of changes alone, and are told as well that there was none.
        """


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """State of a source for people: what is wrong and what to do about it.

    Attributes:
        state: `connecting`, `connected` or `unavailable`.
        error: last error in words; empty where there is none.
        remedy: what the engineer can do about it; empty where there is none.
    """

    state: str
    error: str = ""
    remedy: str = ""


class Source(Protocol):
    """A way to read machines. Building one never connects.

    `run` returns only when it is cancelled (or, for a finite source, at its end): it connects, declares its tags, emits
    readings and reconnects by itself with full jitter. When the connection is lost it emits one STALE reading for each
    of its tags and, when it is back, declares the outage. After `run` ends nothing is emitted. Unavailability and
    recovery are logged once each, not every attempt.
    """

    @property
    def name(self) -> str:
        """Name from the configuration, unique within the edge agent."""

    async def run(self, sink: Sink) -> None:
        """Read until cancelled."""

    def status(self) -> SourceStatus:
        """Return the state as it is now."""
