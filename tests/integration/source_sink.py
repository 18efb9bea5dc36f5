"""A sink that keeps what a source gives it, and waiting for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from edge_agent.sources.base import Reading, Source, Tag
from edge_agent.sparkplug.quality import Quality


class KeepingSink:
    """Keeps everything; a tag declared again keeps its number."""

    def __init__(self) -> None:
        self.tags: list[Tag] = []
        self.readings: list[Reading] = []
        self.outages: list[tuple[tuple[str, ...], int, int, str]] = []
        self.unchanged_ns = 0
        self._numbers: dict[tuple[str, str], int] = {}

    def declare(self, tags: Sequence[Tag]) -> Sequence[int]:
        """Number the tags."""
        for tag in tags:
            number = self._numbers.setdefault((tag.device_id, tag.metric), len(self.tags))
            self.tags[number : number + 1] = [tag]
        return [self._numbers[tag.device_id, tag.metric] for tag in tags]

    def emit(self, readings: Sequence[Reading]) -> None:
        """Keep readings."""
        self.readings.extend(readings)

    def outage(self, tags: Sequence[int], from_ns: int, to_ns: int, cause: str) -> None:
        """Keep an outage, with the names of its metrics."""
        self.outages.append((tuple(self.tags[tag].metric for tag in tags), from_ns, to_ns, cause))

    def unchanged(self, until_ns: int) -> None:
        """Keep until when the source vouches for what it gave."""
        self.unchanged_ns = until_ns

    def of(self, metric: str) -> list[tuple[int, Any, Quality]]:
        """Return the readings of one metric."""
        return [(r.time_ns, r.value, r.quality) for r in self.readings if self.tags[r.tag].metric == metric]

    def values(self, metric: str) -> list[Any]:
        """Return the values of one metric."""
        return [value for _, value, _ in self.of(metric)]


@asynccontextmanager
async def reading(source: Source) -> AsyncIterator[KeepingSink]:
    """Let a source run into a sink."""
    sink = KeepingSink()
    task = asyncio.create_task(source.run(sink))
    try:
        yield sink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return as soon as the condition holds, letting the event loop run; fails the test when it never does."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline_s:
            pytest.fail(f"did not hold within {timeout_s} s")
        await asyncio.sleep(0.02)
