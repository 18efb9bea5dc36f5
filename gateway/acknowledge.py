"""What the edges are told: LSNs the store has, and whether the store is down. Coalesced; pure, time is an argument."""

from collections.abc import Iterable, Sequence
from threading import Lock

from edge_agent.sparkplug.delivery import ACK, REBIRTH, Acknowledgement
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import Payload, encode
from gateway.receipts import LogKey, Receipts

INTERVAL_S = 0.1
"""An edge gets at most one acknowledgement in this time."""
HOLD_REPEAT_S = 5.0
"""While the store is down, edges are told again after this time: a command at QoS 0 may be lost."""
MAX_INTERVALS = 5_000
"""Intervals in one acknowledgement; each takes up to 40 bytes of a message of at most 512 kB."""


class Acknowledgements:
    """Collects what is to be said to each log's edge. Safe to use from several threads."""

    def __init__(self, host_id: str, receipts: Receipts) -> None:
        self._host_id = host_id
        self._receipts = receipts
        self._lock = Lock()
        self._pending: dict[LogKey, IntervalSet] = {}
        self._told_s: dict[LogKey, float] = {}
        self._logs: set[LogKey] = set()
        self._hold = False

    @property
    def hold(self) -> bool:
        """Whether edges are asked to keep history back."""
        return self._hold

    def listen(self, log: LogKey) -> None:
        """A log was announced by a birth, and is greeted; the edge's earlier logs are forgotten."""
        with self._lock:
            edge, _ = log
            self._logs = {known for known in self._logs if known[0] != edge} | {log}
            self._pending.setdefault(log, IntervalSet())
            self._told_s.pop(log, None)

    def stored(self, log: LogKey, lsns: Iterable[tuple[int, int]]) -> None:
        """These LSNs are stored, now or since long."""
        with self._lock:
            pending = self._pending.setdefault(log, IntervalSet())
            for first, last in lsns:
                pending.add(first, last)

    def set_hold(self, *, hold: bool) -> None:
        """The store went down, or is back: every edge is told."""
        with self._lock:
            if hold == self._hold:
                return
            self._hold = hold
            for log in self._logs:
                self._pending.setdefault(log, IntervalSet())
                self._told_s.pop(log, None)

    def due(self, now_s: float) -> Sequence[tuple[LogKey, Acknowledgement]]:
        """Return what is to be sent now; now_s is monotonic."""
        with self._lock:
            if self._hold:
                for log in self._logs:
                    if now_s - self._told_s.get(log, now_s) >= HOLD_REPEAT_S:
                        self._pending.setdefault(log, IntervalSet())
            ready = [log for log in self._pending if now_s - self._told_s.get(log, -INTERVAL_S) >= INTERVAL_S]
            sayings = []
            for log in ready:
                self._told_s[log] = now_s
                sayings.append((log, self._say(log, self._pending.pop(log))))
            return sayings

    def _say(self, log: LogKey, lsns: IntervalSet) -> Acknowledgement:
        stored = self._receipts.around(log, lsns) if lsns else lsns
        if len(stored) > MAX_INTERVALS:
            stored = IntervalSet(list(stored)[:MAX_INTERVALS])  # the rest is acknowledged when it is sent again
        return Acknowledgement(self._host_id, log[1], stored, self._hold, self._receipts.highest(log))


def acknowledgement_payload(acknowledgement: Acknowledgement, now_ms: int) -> bytes:
    """Return the NCMD payload of an acknowledgement."""
    metric = Metric(ACK, DataType.STRING, acknowledgement.to_json(), now_ms)
    return encode(Payload(now_ms, [metric]))


def rebirth_payload(now_ms: int) -> bytes:
    """Return the NCMD payload that asks an edge node for a rebirth."""
    return encode(Payload(now_ms, [Metric(REBIRTH, DataType.BOOLEAN, value=True, timestamp_ms=now_ms)]))
