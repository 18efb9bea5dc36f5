"""OPC UA source: subscribes to nodes of one server and hands on what it says. It reads only."""

import asyncio
import logging
import random
import time
from dataclasses import replace
from pathlib import Path

from edge_agent.sources.base import Reading, Sink, SourceStatus
from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sources.opcua.browse import Discovery, Node
from edge_agent.sources.opcua.errors import DiscoveryError, Explanation, explain
from edge_agent.sources.opcua.outage import Continuity
from edge_agent.sources.opcua.publish import DOUBLE, FLOAT, UNIX_EPOCH_TICKS, Notification, PublishResult
from edge_agent.sources.opcua.reading import WIRE_TYPES, has_overflowed, judge, ticks_to_ns
from edge_agent.sources.opcua.session import Session, status_name
from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality

_LOG = logging.getLogger(__name__)

BACKOFF_BASE_S, BACKOFF_CAP_S = 0.5, 4.0
"""Full jitter between nothing and these. The cap keeps a restarted server from waiting longer than 10 s."""
SKEW_LIMIT_NS = 2_000_000_000
_SHOWN_PROBLEMS = 5


class OpcUaSource:
    """One OPC UA server as a source of readings (see `Source`)."""

    def __init__(self, config: OpcUaSourceConfig, base_dir: Path) -> None:
        self._config = config
        self._base_dir = base_dir
        self._origin = Origin.parse(config.origin)
        self._state = "connecting"
        self._trouble: Explanation | None = None
        self._problems: list[str] = []
        self._skew_ns = 0
        self._without_time = 0
        self._reported: Explanation | None = None
        self._books = Continuity()
        self._contact_ns = 0
        self._arrival_s = 0.0
        self._nodes: list[Node] = []
        self._numbers: list[int] = []
        self._types: list[int] = []
        self._sink: Sink | None = None

    @property
    def name(self) -> str:
        """Name from the configuration."""
        return self._config.name

    def status(self) -> SourceStatus:
        """Return the state, with what is wrong even while connected: missing nodes, a wrong clock."""
        if self._trouble is not None:
            return SourceStatus(self._state, self._trouble.error, self._trouble.remedy)
        errors, remedies = [], []
        if self._problems:
            shown = "; ".join(self._problems[:_SHOWN_PROBLEMS])
            more = len(self._problems) - _SHOWN_PROBLEMS
            errors.append(shown + (f"; and {more} more" if more > 0 else ""))
            remedies.append("correct the configuration or the server; it is looked for again when it reconnects")
        if abs(self._skew_ns) > SKEW_LIMIT_NS:
            direction = "ahead of" if self._skew_ns > 0 else "behind"
            errors.append(f"the server's clock is {abs(self._skew_ns) / 1e9:.1f} s {direction} this machine's")
            remedies.append("set both by the same time server (NTP)")
        if self._without_time:
            errors.append(f"{self._without_time} values had no time of their own, so this machine's was taken")
            remedies.append("let the server set source timestamps")
        return SourceStatus(self._state, "; ".join(errors), "; ".join(remedies))

    async def run(self, sink: Sink) -> None:
        """Read until cancelled; reconnect with full jitter."""
        self._sink = sink
        attempt = 0
        while True:
            session: Session | None = None
            lost = True
            try:
                session = await Session.open(self._config, self._base_dir)
                await self._prepare(session, sink)
                attempt = 0
                await session.listen(self._accept)
            except asyncio.CancelledError:
                lost = False
                self._state = "unavailable"
                raise
            except Exception as error:  # noqa: BLE001 - whatever a foreign server causes ends this connection only
                self._lose(error, sink)
            finally:
                if session is not None:
                    await session.close(lost=lost)
            attempt += 1
            await asyncio.sleep(random.uniform(0, min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2 ** min(attempt, 8))))

    async def _prepare(self, session: Session, sink: Sink) -> None:
        """Find the nodes on this connection, declare their tags and subscribe to them."""
        found = await Discovery(session, self._config).run()
        self._nodes = found.nodes
        self._numbers = list(sink.declare([node.tag for node in found.nodes]))
        wire_to_builtin = {wire: builtin for builtin, wire in WIRE_TYPES.items()}
        self._types = [wire_to_builtin[node.tag.datatype] for node in found.nodes]
        for node, number in zip(found.nodes, self._numbers, strict=True):
            self._books.know(node.tag, number)
        statuses = await session.subscribe([node.node_id for node in found.nodes], range(len(found.nodes)))
        refused = [
            f"tag {node.tag.device_id}/{node.tag.metric}: not monitored ({status_name(status.value)})"
            for node, status in zip(found.nodes, statuses, strict=True)
            if not status.is_good()
        ]
        if len(refused) == len(statuses):
            raise DiscoveryError(f"the server monitors none of the nodes: {refused[0]}", "see the log of the server")
        self._problems = [*found.problems, *refused]
        self._come_back(len(statuses) - len(refused))

    def _come_back(self, count: int) -> None:
        _LOG.info("source %s: connected to %s, %d tags", self.name, self._config.url, count)
        for problem in self._problems[:_SHOWN_PROBLEMS]:
            _LOG.warning("source %s: %s", self.name, problem)
        if len(self._problems) > _SHOWN_PROBLEMS:
            _LOG.warning("source %s: and %d more tags cannot be read", self.name, len(self._problems) - _SHOWN_PROBLEMS)
        self._state, self._trouble, self._reported = "connected", None, None

    def _lose(self, error: Exception, sink: Sink) -> None:
        """Take note that there is no connection: say so once, and mark every tag stale once."""
        secured = self._config.security.policy != "none"
        self._trouble = explain(error, self._config.url, secured=secured)
        if self._state == "connected":
            now_ns = time.time_ns() + self._skew_ns
            marks = self._books.lose(self._contact_ns, now_ns, round((time.monotonic() - self._arrival_s) * 1e9))
            sink.emit(marks)
        self._state = "unavailable"
        if self._trouble != self._reported:
            self._reported = self._trouble
            _LOG.warning("source %s: %s (%s)", self.name, self._trouble.error, self._trouble.remedy)
            _LOG.debug("source %s: connection ended", self.name, exc_info=error)

    def _accept(self, result: PublishResult) -> None:
        """Turn one publish response into readings."""
        arrival_ns = time.time_ns()
        server_ns = ticks_to_ns(result.response_ticks) if result.response_ticks else arrival_ns
        self._skew_ns = server_ns - arrival_ns
        # Values that were sampled until one interval before the server answered are in this response or earlier ones.
        self._contact_ns = server_ns - round(self._config.publishing_interval_ms * 1e6)
        if not result.notifications:
            return
        self._arrival_s = time.monotonic()
        readings = self._readings(result.notifications)
        sink = self._sink
        if sink is None:
            raise RuntimeError("a source accepts values only while it runs")
        if self._books.waits:
            for missed in self._books.resume(readings):
                sink.outage(missed.tags, missed.from_ns, missed.to_ns, "source_down")
        sink.emit(readings)

    def _readings(self, notifications: list[Notification]) -> list[Reading]:
        numbers, types, last_ns = self._numbers, self._types, self._books.last_ns
        readings: list[Reading] = []
        append, good = readings.append, Quality.GOOD
        for handle, variant_type, value, status, source_ticks, server_ticks in notifications:
            tag = numbers[handle]
            if status or variant_type != types[handle] or variant_type > DOUBLE or not source_ticks:
                unusual = self._unusual(handle, variant_type, value, status, source_ticks or server_ticks)
                if unusual is not None:
                    append(unusual)
                continue
            time_ns = (source_ticks - UNIX_EPOCH_TICKS) * 100
            last_ns[tag] = time_ns
            if variant_type >= FLOAT and value - value != 0.0:  # type: ignore[operator]  # NaN and infinities
                append(Reading(tag, time_ns, None, Quality.BAD))
            else:
                append(Reading(tag, time_ns, value, good))
        return readings

    def _unusual(self, handle: int, variant_type: int, value: Value, status: int, ticks: int) -> Reading | None:
        """Judge a notification that is not simply a good value of the expected type with its own time."""
        tag = self._numbers[handle]
        checked, quality = judge(variant_type, value, status)
        if quality is not Quality.BAD and variant_type != self._types[handle]:
            self._retype(handle, variant_type)
        if ticks:
            time_ns = ticks_to_ns(ticks)
        elif self._origin is Origin.REPLAYED and checked is None:
            return None  # our clock has no place on the time axis of a recording, and nothing is known yet
        else:
            self._without_time += 1
            time_ns = time.time_ns()
        last_ns = self._books.last_ns.get(tag)
        if has_overflowed(status) and last_ns is not None and time_ns - 1 > last_ns and self._sink is not None:
            self._sink.outage((tag,), last_ns + 1, time_ns - 1, "queue_overflow")
        self._books.last_ns[tag] = time_ns
        return Reading(tag, time_ns, checked, quality)

    def _retype(self, handle: int, variant_type: int) -> None:
        """Declare a tag anew whose node changed its type, so that the next birth says so."""
        node = self._nodes[handle]
        tag = replace(node.tag, datatype=WIRE_TYPES[variant_type])
        _LOG.warning("source %s: %s changed its type to %s", self.name, tag.address, tag.datatype.name)
        self._nodes[handle] = Node(node.node_id, tag)
        self._types[handle] = variant_type
        if self._sink is not None:
            (self._numbers[handle],) = self._sink.declare([tag])
            self._books.know(tag, self._numbers[handle])
