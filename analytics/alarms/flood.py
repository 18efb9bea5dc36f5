"""A bound on announced alarms: ISA-18.2 calls more than ten in ten minutes for one operator a flood. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from analytics.alarms.limits import NS_PER_S

MOST = 10
SPAN_NS = 600 * NS_PER_S


@dataclass(slots=True)
class FloodGate:
    """Lets at most `most` alarms of any `span_ns` through; the others are counted for one summary.

    Attributes:
        summarised: alarms that were held back since the flood began, by name; empty while there is none.
    """

    most: int = MOST
    span_ns: int = SPAN_NS
    summarised: dict[str, int] = field(default_factory=dict)
    _announced: deque[int] = field(default_factory=deque)

    def announce(self, raised: Sequence[tuple[int, str]], now_ns: int) -> list[str]:
        """Return the names of those that are announced one by one.

        Args:
            raised: priority (1 first) and name of the alarms that were raised just now.
            now_ns: UTC nanoseconds, not less than before.
        """
        while self._announced and self._announced[0] <= now_ns - self.span_ns:
            self._announced.popleft()
        if not raised and len(self._announced) < self.most:
            self.summarised.clear()
        announced: list[str] = []
        for _, name in sorted(raised):
            if len(self._announced) < self.most:
                self._announced.append(now_ns)
                announced.append(name)
            else:
                self.summarised[name] = self.summarised.get(name, 0) + 1
        return announced

    def summary(self) -> str:
        """Return what is said of those that were held back; empty where there are none."""
        if not self.summarised:
            return ""
        names = sorted(self.summarised)
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        total = sum(self.summarised.values())
        return f"alarm flood: {total} further alarms in ten minutes ({shown}); look for one cause they share"
