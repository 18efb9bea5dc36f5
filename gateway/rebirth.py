"""When to ask an edge node for a rebirth: at once the first time, then ever more rarely until it answers. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RebirthPace:
    """First and longest pause between two rebirth requests to one node, seconds.

    A node that needed none for `calm_s` starts again at the first pause.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    calm_s: float = 120.0


class RebirthRequests:
    """Requests to one node. `want` says that a birth is needed, `due` whether to ask now, `answered` that it came.

    The pause keeps growing over answered requests too: a node whose births never satisfy must not be kept busy.
    """

    __slots__ = ("_asked_s", "_pace", "_pause_s", "asked", "wanted")

    def __init__(self, pace: RebirthPace) -> None:
        self._pace = pace
        self._pause_s = 0.0
        self._asked_s: float | None = None
        self.wanted = False
        self.asked = 0

    def want(self) -> None:
        """A birth is needed."""
        self.wanted = True

    def answered(self) -> None:
        """A birth came, or the node died and will be born by itself."""
        self.wanted = False

    def due(self, now_s: float) -> bool:
        """Return True where the request must be sent now; counts it as sent."""
        if not self.wanted:
            return False
        if self._asked_s is not None:
            since_s = now_s - self._asked_s
            if since_s < self._pause_s:
                return False
            if since_s >= self._pace.calm_s:
                self._pause_s = 0.0
        self._pause_s = min(self._pace.longest_s, max(self._pace.first_s, 2.0 * self._pause_s))
        self._asked_s = now_s
        self.asked += 1
        return True
