"""Blocking queries to the store, kept off the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from gateway.api.problems import ProblemError

P = ParamSpec("P")
T = TypeVar("T")


class ReaderPool:
    """A bounded number of threads and of callers that wait for one.

    Without the second bound a slow store would pile up requests until memory ends.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._limit = threads + queue
        self._running = 0

    @property
    def running(self) -> int:
        """Queries that run or wait."""
        return self._running

    async def call(self, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the query in a thread; raises ProblemError 503 where too many wait already."""
        if self._running >= self._limit:
            raise ProblemError(
                503,
                "busy",
                f"{self._running} queries to the store run or wait already",
                title="Busy",
                remedy="ask again in a second; ask for fewer points or a shorter window",
                headers={"Retry-After": "1"},
            )
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: query(*args, **kwargs))
        finally:
            self._running -= 1

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)
