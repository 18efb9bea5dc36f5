"""Two bounded queues between the network thread and the writer thread: live data first, history behind it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Condition
from time import monotonic
from typing import Self

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from gateway.columns import Block, Rows
from gateway.receipts import LogKey
from gateway.state.quarantine import Rejection
from gateway.store.base import EdgeKey

_ENTRY_BYTES = 900
"""Size of an entry and its containers without rows, measured."""
_ROW_BYTES = 32
_TEXT_BYTES = 80


@dataclass(slots=True)
class Entry:
    """What one message, or several of one log together, leave to be stored.

    Attributes:
        edge: sender.
        rows: its samples; None where it has none.
        blocks: its waveforms.
        log, lsns: of numbered messages, else None and nothing.
        births: how often the sender was born before it sent them.
        parts: LSN and number of rows of each message, in the order of the rows, where it is of several.
        compared: whether the store must look if it has the rows already (see gateway.batch).
        historical: sent late; live messages overtake it.
        gaps: gaps it declares.
        rejection: goes into quarantine before the receipt is stored.
        newest_ns: newest source time of its rows.
        count: number of its rows.
    """

    edge: EdgeKey
    rows: Rows | None = None
    log: LogKey | None = None
    lsns: IntervalSet = field(default_factory=IntervalSet)
    historical: bool = False
    gaps: Sequence[Gap] = ()
    rejection: Rejection | None = None
    newest_ns: int = 0
    count: int = 0
    blocks: Sequence[Block] = ()
    births: int = 0
    parts: Sequence[tuple[int, int]] = ()
    compared: bool = False

    def __post_init__(self) -> None:
        if self.rows is not None:
            self.count = len(self.rows)

    def fill(self, rows: Rows) -> Self:
        """Give it its samples, of which there is at least one."""
        self.rows = rows
        self.count = len(rows)
        self.newest_ns = rows.newest_ns
        return self

    def split(self) -> Sequence["Entry"]:
        """Return an entry for each of its messages."""
        if len(self.parts) < 2:
            return [self]
        entries = []
        begin = 0
        for lsn, count in self.parts:
            entry = replace(self, rows=None, count=0, newest_ns=0, lsns=IntervalSet.of([lsn]), parts=())
            if count and self.rows is not None:
                entry.fill(self.rows.cut(begin, begin + count))
            entries.append(entry)
            begin += count
        return entries

    @property
    def messages(self) -> int:
        """How many messages it is of."""
        return self.lsns.count() or 1

    def size(self) -> int:
        """Return about how many bytes the entry takes in memory."""
        size = _ENTRY_BYTES
        if self.rows is not None:
            size += _ROW_BYTES * self.count
            if self.rows.text is not None:
                size += sum(_TEXT_BYTES + len(text) for text in self.rows.text if text is not None)
        size += sum(_TEXT_BYTES + len(block.waveform.samples) for block in self.blocks)
        if self.rejection is not None:
            size += len(self.rejection.payload)
        return size


@dataclass(frozen=True, slots=True)
class InboxLimits:
    """Bounds of the two queues and of a batch.

    Attributes:
        live_bytes, historical_bytes: memory each queue may take.
        batch_rows: rows that make a full batch.
        linger_s: how long the first entry of a batch waits for others.
    """

    live_bytes: int = 32_000_000
    historical_bytes: int = 16_000_000
    batch_rows: int = 20_000
    linger_s: float = 0.02


class Inbox:
    """The queues. `put` never blocks; `take` waits. Safe to use from several threads."""

    def __init__(self, limits: InboxLimits) -> None:
        self._limits = limits
        self._live: deque[tuple[Entry, int]] = deque()
        self._historical: deque[tuple[Entry, int]] = deque()
        self._live_bytes = 0
        self._historical_bytes = 0
        self._rows = 0
        self._messages = 0
        self._changed = Condition()
        self._closed = False

    def put(self, entry: Entry) -> bool:
        """Queue an entry; False where its queue is full: then nothing was taken and the edge will send it again."""
        size = entry.size()
        with self._changed:
            if entry.historical:
                if self._historical_bytes + size > self._limits.historical_bytes:
                    return False
                self._historical.append((entry, size))
                self._historical_bytes += size
            else:
                if self._live_bytes + size > self._limits.live_bytes:
                    return False
                self._live.append((entry, size))
                self._live_bytes += size
            before = self._rows
            self._rows += entry.count
            self._messages += entry.messages
            if len(self._live) + len(self._historical) == 1 or before < self._limits.batch_rows <= self._rows:
                self._changed.notify()
        return True

    def take(self, timeout_s: float) -> list[Entry]:
        """Wait for entries and return at most a batch of them, live ones first; empty after the time-out."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._live or self._historical or self._closed, timeout_s):
                return []
            until_s = monotonic() + self._limits.linger_s
            while self._rows < self._limits.batch_rows and not self._closed:
                remaining_s = until_s - monotonic()
                if remaining_s <= 0 or not self._changed.wait(remaining_s):
                    break
            entries: list[Entry] = []
            rows = 0
            while self._live and rows < self._limits.batch_rows:
                entry, size = self._live.popleft()
                self._live_bytes -= size
                rows += entry.count
                entries.append(entry)
            while self._historical and rows < self._limits.batch_rows:
                entry, size = self._historical.popleft()
                self._historical_bytes -= size
                rows += entry.count
                entries.append(entry)
            self._rows -= rows
            self._messages -= sum(entry.messages for entry in entries)
            return entries

    def depth(self) -> int:
        """Count the waiting messages."""
        return self._messages

    def fill(self) -> float:
        """Return how full the live queue is, 0..1."""
        return self._live_bytes / self._limits.live_bytes

    def close(self) -> None:
        """Wake the writer and let it take what is left without waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
