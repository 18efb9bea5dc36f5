"""Frames of the live stream: built once a tick, shared by every client of a topic."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from gateway.api.catalogue import is_below
from gateway.api.models import HopItem, finite
from gateway.store.base import Series
from gateway.view import LatestValue, View

_log = logging.getLogger(__name__)


class Topic:
    """Series below one equipment path, and their newest frame.

    It holds two texts at most, however many clients listen: the changes of the newest tick, and the whole state for
    those who missed one. A slow client therefore costs no memory and gets the newest state when it is ready again.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.sequence = 0
        self.clients = 0
        self.changes = ""
        self._snapshot = ""
        self._snapshot_sequence = -1

    def publish(self, head: dict[str, Any], changed: Iterable[LatestValue]) -> None:
        """Serialise the frame of this tick."""
        self.sequence += 1
        self.changes = self._frame("changes", head, changed)

    def snapshot(self, head: Callable[[], dict[str, Any]], latest: Callable[[], Iterable[LatestValue]]) -> str:
        """Return the whole state, serialised at most once a tick."""
        if self._snapshot_sequence != self.sequence:
            self._snapshot = self._frame("snapshot", head(), latest())
            self._snapshot_sequence = self.sequence
        return self._snapshot

    def _frame(self, kind: str, head: dict[str, Any], values: Iterable[LatestValue]) -> str:
        rows = [_row(value) for value in values if is_below(value.series, self.path)]
        return to_json({"type": kind, "sequence": self.sequence, **head, "values": rows}).decode()


def _row(latest: LatestValue) -> tuple[Any, ...]:
    return (
        latest.series.number,
        latest.time_ns // 1_000_000,
        finite(latest.value),
        int(latest.quality),
        int(latest.origin),
    )


class Broadcast:
    """Takes changes from the view and offers frames to clients; it works only while somebody listens.

    Every tick makes a frame even where nothing changed: its absence is how a browser notices within seconds that the
    gateway, or the way to it, is gone.
    """

    def __init__(self, view: View, clock_ns: Callable[[], int], interval_s: float) -> None:
        self._view = view
        self._clock_ns = clock_ns
        self._interval_s = interval_s
        self._topics: dict[str, Topic] = {}
        self._changed: dict[int, LatestValue] = {}
        self._tick = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._catalogue: Sequence[Series] = ()
        self._catalogue_version = 0

    @property
    def clients(self) -> int:
        """Clients that listen now."""
        return sum(topic.clients for topic in self._topics.values())

    async def frames(self, path: str) -> AsyncGenerator[str, None]:
        """Yield a snapshot, then the newest frame of the path each time the consumer is ready for one.

        Ends when the source of changes has failed; the consumer then comes again.
        """
        topic = self._topics.setdefault(path, Topic(path))
        topic.clients += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="live stream")
        task = self._task
        try:
            seen = -1
            while not task.done():
                tick = self._tick
                if topic.sequence == seen:
                    await tick.wait()
                    continue
                missed = topic.sequence != seen + 1 or seen < 0
                seen = topic.sequence
                yield topic.snapshot(self._head, self._view.latest) if missed else topic.changes
        finally:
            topic.clients -= 1
            if topic.clients == 0:
                del self._topics[path]
            if not self._topics:
                task.cancel()

    async def _run(self) -> None:
        collector = asyncio.create_task(self._collect(), name="live stream changes")
        try:
            while not collector.done():
                await asyncio.wait((collector,), timeout=self._interval_s)
                self._publish()
            collector.result()
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - the boundary of the task: the reason is logged here, clients are sent away to come again
            _log.exception("live stream failed; clients reconnect and start it anew")
        finally:
            collector.cancel()
            self._changed.clear()
            self._wake()

    async def _collect(self) -> None:
        async for changes in self._view.changes():
            # Bounded by the number of series, whatever the rate: a newer value replaces the older one.
            self._changed.update((latest.series.number, latest) for latest in changes)

    def _publish(self) -> None:
        changed, self._changed = self._changed, {}
        head = self._head()
        for topic in self._topics.values():
            topic.publish(head, changed.values())
        self._wake()

    def _wake(self) -> None:
        tick, self._tick = self._tick, asyncio.Event()
        tick.set()

    def _head(self) -> dict[str, Any]:
        catalogue = self._view.catalogue()
        # Comparing lists of the same objects costs no more than their length.
        if list(catalogue) != list(self._catalogue):
            self._catalogue = list(catalogue)
            self._catalogue_version += 1
        return {
            "sent_ms": self._clock_ns() // 1_000_000,
            "catalogue": self._catalogue_version,
            "hops": [HopItem.of(hop).model_dump() for hop in self._view.hops()],
        }
