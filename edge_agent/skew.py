"""Tells where the clock of a source and that of this machine differ. Pure."""

from collections import deque

_AHEAD_S = 2.0
_BEHIND_S = 10.0
_WINDOW_S = 60.0
_FEWEST = 10


class ClockSkew:
    """Watches how old the newest values of one source are when they arrive.

    A value from the future proves a clock ahead. A clock behind shows in that even the freshest value of a minute is
    old; that takes a source that gives new values all the time, so a few arrivals prove nothing.
    """

    def __init__(self) -> None:
        self._ages: deque[tuple[float, float]] = deque()

    def watch(self, newest_ns: int, now_ns: int, now_s: float) -> None:
        """Take the newest source time of an arrival."""
        self._ages.append((now_s, (now_ns - newest_ns) / 1e9))
        while now_s - self._ages[0][0] > _WINDOW_S:
            self._ages.popleft()

    def skew_s(self) -> float | None:
        """Return by how much the source's clock is ahead (negative: behind), or None where they agree."""
        if not self._ages:
            return None
        youngest_s = min(age_s for _, age_s in self._ages)
        if youngest_s < -_AHEAD_S or (youngest_s > _BEHIND_S and len(self._ages) >= _FEWEST):
            return -youngest_s
        return None
