"""Which logged messages wait for an acknowledgement, and which have to be sent (again). Pure; times are monotonic."""

from dataclasses import dataclass

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.overflow import Sent


@dataclass(frozen=True, slots=True)
class ResendRules:
    """See LogConfig for the meaning of the fields."""

    after_s: float
    per_s: float
    window: int


class Deliveries:
    """Every message of the log is either in `waiting` (sent, not acknowledged) or in the backlog (to be sent)."""

    def __init__(self, rules: ResendRules, backlog: IntervalSet) -> None:
        self._rules = rules
        self._backlog = backlog
        self._ever_sent = IntervalSet(backlog)  # of an earlier life nobody knows what was sent
        self._waiting: dict[int, float] = {}  # LSN -> time sent, oldest first
        self._resent: set[int] = set()
        self._tokens = 0.0
        self._filled_s: float | None = None

    @property
    def has_backlog(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self._backlog)

    @property
    def ever_sent(self) -> IntervalSet:
        """Messages that were sent, or may have been in an earlier life; not to be changed."""
        return self._ever_sent

    @property
    def waiting(self) -> int:
        """Count messages that are sent and not acknowledged."""
        return len(self._waiting)

    def sent_so_far(self) -> Sent:
        """Return what the host may have, though it has not said so."""
        return Sent(self._ever_sent, IntervalSet((lsn, lsn) for lsn in self._waiting))

    def sent(self, lsn: int, now_s: float) -> None:
        """A live message was handed to the connection."""
        self._waiting[lsn] = now_s
        self._ever_sent.add(lsn)

    def keep(self, lsn: int) -> None:
        """A message was logged and could not be sent."""
        self._backlog.add(lsn)

    def settle(self, stored: IntervalSet) -> None:
        """Forget acknowledged messages."""
        for first, last in stored:
            if last - first < len(self._waiting):
                for lsn in range(first, last + 1):
                    self._forget(lsn)
            else:
                for lsn in [lsn for lsn in self._waiting if first <= lsn <= last]:
                    self._forget(lsn)

    def expire(self, now_s: float) -> None:
        """Move what waits too long into the backlog."""
        for lsn in self._older(now_s, self._rules.after_s):
            self._forget(lsn)
            self._backlog.add(lsn)

    def release_all(self) -> None:
        """Move everything that waits into the backlog: the connection that carried it is gone."""
        for lsn in self._waiting:
            self._backlog.add(lsn)
        self._waiting.clear()
        self._resent.clear()

    def settled_by_time(self, now_s: float, window_s: float, window_messages: int) -> IntervalSet:
        """Return and forget what waits longer than a window, or beyond its number: delivery = "window"."""
        surplus = len(self._waiting) - window_messages
        lsns = self._older(now_s, window_s)
        if surplus > len(lsns):
            lsns = list(self._waiting)[:surplus]
        settled = IntervalSet()
        for lsn in lsns:
            self._forget(lsn)
            settled.add(lsn)
        return settled

    def allowance(self, now_s: float) -> int:
        """Return how many messages of the backlog may be sent now, by rate and window."""
        if self._filled_s is not None:
            self._tokens += (now_s - self._filled_s) * self._rules.per_s
        self._filled_s = now_s
        self._tokens = min(self._tokens, max(1.0, self._rules.per_s / 10))
        if not self._backlog:
            return 0
        return max(0, min(int(self._tokens), self._rules.window - len(self._resent)))

    def next_interval(self) -> tuple[int, int]:
        """Return the lowest interval of the backlog, which must not be empty."""
        return next(iter(self._backlog))

    def resent(self, lsn: int, now_s: float) -> None:
        """A message of the backlog was handed to the connection."""
        self._tokens -= 1
        self._waiting.pop(lsn, None)
        self._waiting[lsn] = now_s
        self._resent.add(lsn)
        self._ever_sent.add(lsn)

    def passed(self, lsn: int) -> None:
        """Take every number up to this one out of the backlog: sent, or no longer in the log."""
        self._backlog.remove_through(lsn)

    def _forget(self, lsn: int) -> None:
        self._waiting.pop(lsn, None)
        self._resent.discard(lsn)

    def _older(self, now_s: float, age_s: float) -> list[int]:
        lsns = []
        for lsn, sent_s in self._waiting.items():
            if now_s - sent_s < age_s:
                break
            lsns.append(lsn)
        return lsns
