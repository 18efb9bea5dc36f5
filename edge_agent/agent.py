"""The edge agent: sources -> report by exception -> durable log -> Sparkplug."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Sequence

from edge_agent.config import EdgeConfig
from edge_agent.sink import SourceSink
from edge_agent.sources.base import Source
from edge_agent.sparkplug.node import EdgeNode

_LOG = logging.getLogger(__name__)
_STATUS_S = 2.0
_HELD_S = 0.5
_RESTART_MAX_S = 10.0


class AgentFailedError(Exception):
    """The agent cannot go on; it must be started again."""


class Agent:
    """One edge agent. Building it opens its log (raises ConfigError) and never connects."""

    def __init__(self, config: EdgeConfig, sources: Sequence[Source]) -> None:
        self._config = config
        self._sources = sources
        self._stop = asyncio.Event()
        self._failure = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._complete_ns = 0
        self.node = EdgeNode(
            config.identity,
            config.broker,
            config.log,
            longest_delay_ns=config.longest_delays_ns(),
            default_delay_ns=2 * config.edge.publish_interval_ms * 1_000_000,
            on_failure=self._fail,
        )
        self._sinks = {source.name: SourceSink(source.name, self.node, self._hand_over) for source in sources}

    def stop(self) -> None:
        """Let `run` end; call it from the event loop."""
        self._stop.set()

    async def run(self) -> None:
        """Run until `stop`; raises AgentFailedError where the node cannot go on."""
        self._loop = asyncio.get_running_loop()
        self._tell_status()
        self.node.start()
        tasks = [
            asyncio.create_task(self._run_source(source), name=f"source {source.name}") for source in self._sources
        ]
        try:
            await self._hand_over_regularly()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for sink in self._sinks.values():
                sink.report_held(time.monotonic(), all_of_them=True)
            self._hand_over()
            await asyncio.to_thread(self.node.stop)
        if self._failure:
            raise AgentFailedError(self._failure)

    async def _hand_over_regularly(self) -> None:
        interval_s = self._config.publish_interval_s
        """Hand over once a publish interval.

        What had arrived at one hand-over has been read by the next but one, however late the event loop is: it has
        looked at every connection at least twice since, and gone through what that started.
        """
        next_s = status_s = held_s = time.monotonic()
        last_ns = 0
        while not self._stop.is_set():
            next_s = max(next_s + interval_s, time.monotonic())
            await self._wait_until(next_s)
            now_s = time.monotonic()
            if now_s >= held_s:
                held_s = now_s + _HELD_S
                for sink in self._sinks.values():
                    sink.report_held(now_s)
                    sink.repeat()
            self._hand_over()
            self._complete_ns, last_ns = last_ns, time.time_ns()
            if now_s >= status_s:
                status_s = now_s + _STATUS_S
                self._tell_status()

    async def _wait_until(self, time_s: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), max(0.0, time_s - time.monotonic()))
        except TimeoutError:
            return

    def _hand_over(self) -> None:
        batches = [(name, values) for name, sink in self._sinks.items() if (values := sink.take())]
        self.node.flush(time.time_ns(), batches, self._complete_ns)

    async def _run_source(self, source: Source) -> None:
        """Run a source; one that fails in a way it does not handle itself is started again, with a growing pause."""
        longest_s = 1.0
        while True:
            try:
                await source.run(self._sinks[source.name])
                _LOG.info("source %s: came to its end", source.name)
                return
            except Exception:  # noqa: BLE001 - the boundary of the task: other sources must go on
                _LOG.exception("source %s failed and is started again", source.name)
            await asyncio.sleep(random.uniform(0.5, longest_s))
            longest_s = min(_RESTART_MAX_S, 2 * longest_s)

    def _tell_status(self) -> None:
        for source in self._sources:
            status = source.status()
            text: dict[str, object] = {"state": status.state, "error": status.error, "remedy": status.remedy}
            skew_s = self._sinks[source.name].skew.skew_s()
            if skew_s is not None:
                text["clock_skew_s"] = round(skew_s, 1)
            self.node.set_source(source.name, json.dumps(text, ensure_ascii=False, separators=(",", ":")))

    def _fail(self, reason: str) -> None:
        self._failure = reason
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
