"""OPC UA source: subscribes to nodes of one server and hands on what it says. It reads only."""

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_agent.sources.base import Sink, SourceStatus
from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sources.opcua.browse import Discovery
from edge_agent.sources.opcua.errors import DiscoveryError, Explanation, explain
from edge_agent.sources.opcua.intake import Intake
from edge_agent.sources.opcua.outage import Continuity
from edge_agent.sources.opcua.pki import RENEW_OWN, own_certificate_path
from edge_agent.sources.opcua.publish import PublishResult
from edge_agent.sources.opcua.reading import ticks_to_ns
from edge_agent.sources.opcua.session import Session, status_name
from edge_agent.sparkplug.certificate import WARN_DAYS, expires_within, expiry_text

_LOG = logging.getLogger(__name__)

SHORTEST_PAUSE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.0, 4.0
PAUSE_SHARE = 0.1
"""Beyond the first pauses, attempts are this share of the time apart that the server has been away."""
OPENING_S = 1.5
OPENING_SHARE = 0.5
SKEW_LIMIT_NS = 2_000_000_000
VOUCH_MARGIN_NS = 1_000_000_000
"""A server may take this long to offer a value after the source time it gives it."""
_SHOWN_PROBLEMS = 5


def pause_s(away_s: float, draw: float) -> float:
    """Return the pause before the next attempt to connect, with full jitter.

    A server that restarts is away for seconds and is looked for often; one that stays away is looked for ever less.

    Args:
        away_s: how long the server has been away.
        draw: evenly distributed in [0, 1).
    """
    longest_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, PAUSE_SHARE * away_s))
    return SHORTEST_PAUSE_S + draw * (longest_s - SHORTEST_PAUSE_S)


def opening_limit_s(away_s: float, timeout_s: float) -> float:
    """Return how long one attempt to connect to a server that was lost may take.

    A server that stops or starts accepts connections on which it never answers. While it has been away for a short time
    such an attempt is given up soon; a server that is only slow gets the more time the longer it has been away.

    Args:
        away_s: how long the server has been away.
        timeout_s: longest wait for an answer, from the configuration.
    """
    return min(timeout_s, max(OPENING_S, OPENING_SHARE * away_s))


class OpcUaSource:
    """One OPC UA server as a source of readings (see `Source`)."""

    def __init__(self, config: OpcUaSourceConfig, base_dir: Path) -> None:
        self._config = config
        self._base_dir = base_dir
        self._state = "connecting"
        self._trouble: Explanation | None = None
        self._problems: list[str] = []
        self._skew_ns = 0
        self._reported: Explanation | None = None
        self._books = Continuity()
        self._contact_ns = 0
        self._delay_ns = 0
        self._server_expires: datetime | None = None
        self._arrival_s = 0.0
        self._intake: Intake | None = None

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
        if self._intake is not None and self._intake.without_time:
            errors.append(f"{self._intake.without_time} values had no time of their own, so this machine's was taken")
            remedies.append("let the server set source timestamps")
        for error, remedy in self._expiring(datetime.now(UTC)):
            errors.append(error)
            remedies.append(remedy)
        return SourceStatus(self._state, "; ".join(errors), "; ".join(remedies))

    def _expiring(self, now: datetime) -> Iterator[Explanation]:
        """Yield the certificates of the connection that expire soon: an expired one ends it."""
        at, security = self._server_expires, self._config.security
        if at is not None and at - now <= timedelta(days=WARN_DAYS):
            what = expiry_text(f"the certificate of the server {self._config.url}", at, now)
            yield Explanation(what, "renew it on the server, and trust the new one here as well")
        if security.policy == "none" or security.pki_dir is None:
            return
        own = own_certificate_path(self._base_dir / security.pki_dir)
        try:
            at = expires_within(own, now)
        except (OSError, ValueError):
            return  # the attempt to connect says so
        if at is not None:
            yield Explanation(expiry_text(str(own), at, now), RENEW_OWN.format(folder=own.parent))

    async def run(self, sink: Sink) -> None:
        """Read until cancelled; reconnect with full jitter."""
        away_since_s: float | None = time.monotonic()
        limit_s = self._config.timeout_s
        while True:
            session: Session | None = None
            lost = True
            try:
                async with asyncio.timeout(limit_s):
                    session = await Session.open(self._config, self._base_dir)
                await self._prepare(session, sink)
                away_since_s = None
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
            now_s = time.monotonic()
            away_since_s = now_s if away_since_s is None else away_since_s
            await asyncio.sleep(pause_s(now_s - away_since_s, random.random()))
            limit_s = opening_limit_s(time.monotonic() - away_since_s, self._config.timeout_s)

    async def _prepare(self, session: Session, sink: Sink) -> None:
        """Find the nodes on this connection, declare their tags and subscribe to them."""
        found = await Discovery(session, self._config).run()
        self._intake = Intake([node.tag for node in found.nodes], sink, self._books)
        statuses = await session.subscribe([node.node_id for node in found.nodes], range(len(found.nodes)))
        refused = [
            f"tag {node.tag.device_id}/{node.tag.metric}: not monitored ({status_name(status.value)})"
            for node, status in zip(found.nodes, statuses, strict=True)
            if not status.is_good()
        ]
        if len(refused) == len(statuses):
            raise DiscoveryError(f"the server monitors none of the nodes: {refused[0]}", "see the log of the server")
        self._delay_ns, self._server_expires = session.delay_ns, session.server_expires
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
        # A server that closes a standing connection does so for another reason than our certificate.
        secured = self._config.security.policy != "none" and self._state != "connected"
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
        if self._intake is None:
            raise RuntimeError("values are accepted only while the source runs")
        if result.notifications:
            self._arrival_s = time.monotonic()
            self._intake.take(result.notifications, arrival_ns)
        if result.response_ticks and not result.more:
            self._intake.vouch(server_ns - self._delay_ns - VOUCH_MARGIN_NS)
