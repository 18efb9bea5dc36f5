"""Messages of one log that wait a moment, so that they can be decoded together."""

from collections.abc import Iterable

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.payload import PayloadError, parse_metric
from gateway.fast_decode import Part
from gateway.host import Arrived
from gateway.inbox import Entry
from gateway.receipts import LogKey
from gateway.traffic import EdgeTraffic

MOST_METRICS = 4_000
"""Metrics that make a bundle full: beyond some thousand, decoding more of them together saves nothing."""
MOST_BYTES = 1_000_000


class Bundle:
    """Numbered messages of one log, all live or all historical, received and not yet decoded.

    Attributes:
        log, traffic, births, historical: what they have in common (see Entry).
        arrived, lsns, parts: the messages, in the order in which they came.
    """

    __slots__ = ("_bytes", "_metrics", "arrived", "births", "historical", "log", "lsns", "parts", "traffic")

    def __init__(self, log: LogKey, traffic: EdgeTraffic, births: int, *, historical: bool) -> None:
        self.log = log
        self.traffic = traffic
        self.births = births
        self.historical = historical
        self.arrived: list[Arrived] = []
        self.lsns: list[int] = []
        self.parts: list[Part] = []
        self._metrics = 0
        self._bytes = 0

    def add(self, arrived: Arrived, lsn: int) -> None:
        """Add a message; its first metric is its LSN."""
        metrics: list[bytes] = arrived.message.metrics[1:]
        self.arrived.append(arrived)
        self.lsns.append(lsn)
        self.parts.append(Part(metrics, arrived.aliases))
        self._metrics += len(metrics)
        self._bytes += sum(map(len, metrics))

    def entry(self, lsns: Iterable[int]) -> Entry:
        """Return an entry for some of its messages, still without what they say."""
        return Entry(
            self.log[0], log=self.log, lsns=IntervalSet.of(lsns), births=self.births, historical=self.historical
        )

    @property
    def full(self) -> bool:
        """Whether nothing should be added any more."""
        return self._metrics >= MOST_METRICS or self._bytes >= MOST_BYTES or len(self.lsns) >= MOST_METRICS


def is_historical(body: bytes) -> bool:
    """Tell whether the last metric of a message is marked as historical; no where it cannot be read."""
    try:
        return bool(parse_metric(body).is_historical)
    except PayloadError:
        return False
