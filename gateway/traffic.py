"""Counters and last words of each edge agent, for people."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_agent.sparkplug.metric import Value
from gateway.inbox import Entry, Inbox

BACKLOG = "Delivery/backlog"
LOG_ERROR = "Delivery/log_error"
EXPIRING = "Delivery/expiring"
SOURCE_PREFIX = "Delivery/source/"


@dataclass(slots=True)
class SourceWords:
    """What an edge agent says about one of its sources."""

    state: str
    error: str
    remedy: str


@dataclass(slots=True)
class EdgeTraffic:
    """What came from one edge agent since the gateway started.

    Attributes:
        messages, samples, duplicates: data messages, their values, and messages that were received before.
        unread: messages that came before a birth and could not be read.
        refused: messages not taken because a queue was full; the edge sends them again.
        dropped: values that its gaps declare as lost, where they were counted.
        last_lsn: highest LSN seen in the current log.
        backlog: messages the edge says it still holds.
        clock_skew_s: clock of the edge minus clock of the gateway.
        newest_ns: newest source time received.
        log_error: why it cannot write its log; empty where it can.
        expiring: which certificates of its connection to the broker expire soon; empty where none does.
        sources: what it says about its sources.
    """

    messages: int = 0
    samples: int = 0
    duplicates: int = 0
    unread: int = 0
    refused: int = 0
    dropped: int = 0
    last_lsn: int | None = None
    backlog: int | None = None
    clock_skew_s: float | None = None
    newest_ns: int = 0
    log_error: str = ""
    expiring: str = ""
    sources: dict[str, SourceWords] = field(default_factory=dict)

    def queue(self, entry: Entry, inbox: Inbox) -> bool:
        """Queue what a message left, and count it; False where there is no room: the edge sends it again."""
        if not inbox.put(entry):
            self.refused += entry.messages
            return False
        self.samples += entry.count
        self.newest_ns = max(self.newest_ns, entry.newest_ns)
        return True

    def compare_clocks(self, sent_ms: int, received_ns: int) -> None:
        """Take the time a message was sent; 0 where it has none."""
        if sent_ms:
            self.clock_skew_s = (sent_ms * 1_000_000 - received_ns) / 1e9

    def listen(self, control: Mapping[str, Value]) -> None:
        """Take the status metrics of a message."""
        backlog = control.get(BACKLOG)
        if isinstance(backlog, int):
            self.backlog = backlog
        log_error = control.get(LOG_ERROR)
        if isinstance(log_error, str):
            self.log_error = log_error
        expiring = control.get(EXPIRING)
        if isinstance(expiring, str):
            self.expiring = expiring
        for name, value in control.items():
            if name.startswith(SOURCE_PREFIX) and isinstance(value, str):
                self.sources[name.removeprefix(SOURCE_PREFIX)] = _words(value)


def _words(text: str) -> SourceWords:
    """Read the state of a source: JSON with state, error and remedy, or the state alone as a word."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return SourceWords(text, "", "")
    if not isinstance(fields, dict):
        return SourceWords(str(fields), "", "")
    return SourceWords(*(str(fields.get(key) or "") for key in ("state", "error", "remedy")))
