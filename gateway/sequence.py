"""Order of the messages of one edge node by their sequence number 0..255. Pure.

Sparkplug B 3.0, chapter 5 ("Sparkplug Host Application message ordering"): a host holds back what comes too early, for
at most a reorder time-out, and then asks for a rebirth.
"""

from typing import Generic, TypeVar

Item = TypeVar("Item")
_MODULUS = 256
_HALF = 128


class Sequence(Generic[Item]):
    """Puts messages into order. At most 127 messages are held back: what is further ahead counts as late.

    Late messages pass at once: they are rows like any others, and rows may come in any order.
    """

    __slots__ = ("_early", "_expected", "_held_since_s")

    def __init__(self) -> None:
        self._expected: int | None = None
        self._early: dict[int, Item] = {}
        self._held_since_s: float | None = None

    def begin(self, seq: int | None) -> list[Item]:
        """Start behind a birth of this number; returns what was held back, in order."""
        held = self._release_all()
        self._expected = None if seq is None else (seq + 1) % _MODULUS
        return held

    def takes(self, seq: int | None) -> bool:
        """Take a message at once where its turn has come and nothing waits behind it; else leave it to `accept`."""
        if seq is None or seq != self._expected or self._early:
            return False
        self._expected = (seq + 1) % _MODULUS
        return True

    def accept(self, seq: int | None, item: Item, now_s: float) -> list[Item]:
        """Take one message and return those whose turn has come, in order."""
        if seq is None or self._expected is None:
            return [item]
        ahead = (seq - self._expected) % _MODULUS
        if ahead == 0:
            self._expected = (seq + 1) % _MODULUS
            return [item] if not self._early else [item, *self._release_next(now_s)]
        if ahead >= _HALF or seq in self._early:
            return [item]
        self._early[seq] = item
        if self._held_since_s is None:
            self._held_since_s = now_s
        return []

    def time_out(self, now_s: float, limit_s: float) -> list[Item] | None:
        """Return everything held back, in order, where something waits longer than the limit, else None."""
        if self._held_since_s is None or now_s - self._held_since_s < limit_s:
            return None
        return self._release_all()

    def _release_next(self, now_s: float) -> list[Item]:
        released = []
        while self._expected in self._early:
            released.append(self._early.pop(self._expected))
            self._expected = (self._expected + 1) % _MODULUS
        self._held_since_s = now_s if self._early else None
        return released

    def _release_all(self) -> list[Item]:
        expected = self._expected or 0
        order = sorted(self._early, key=lambda seq: (seq - expected) % _MODULUS)
        released = [self._early[seq] for seq in order]
        if order:
            self._expected = (order[-1] + 1) % _MODULUS
        self._early.clear()
        self._held_since_s = None
        return released
