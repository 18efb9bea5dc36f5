"""Finds by halving the messages that keep a batch from being stored, and lets all others through. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.inbox import Entry
from gateway.store.base import StoreUnavailableError


@dataclass(slots=True)
class Isolation:
    """A search that may be interrupted and goes on where it was.

    Attributes:
        pending: runs of entries that are neither written nor found guilty, the next one last.
        guilty: single messages that cannot be written, each with what the store said.
        passed: whether any message with values could be written, which shows that the store works.
    """

    pending: list[Sequence[Entry]]
    guilty: list[tuple[Entry, Exception]] = field(default_factory=list)
    passed: bool = False

    def run(self, write: Callable[[Sequence[Entry]], None]) -> None:
        """Write what can be written. Raises StoreUnavailableError where the store went away; call again then."""
        while self.pending:
            entries = self.pending[-1]
            try:
                write(entries)
            except StoreUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  (whatever it is, it belongs to some of these messages)
                self.pending.pop()
                halves = _halves(entries)
                self.pending += halves
                if not halves:
                    self.guilty.append((entries[0], error))
            else:
                self.pending.pop()
                self.passed = self.passed or any(entry.count for entry in entries)


def _halves(entries: Sequence[Entry]) -> list[Sequence[Entry]]:
    """Split a run of entries, or the messages of its only entry, in two, the second half first; nothing for one."""
    if len(entries) == 1:
        entries = entries[0].split()
    if len(entries) < 2:
        return []
    middle = len(entries) // 2
    return [entries[middle:], entries[:middle]]
