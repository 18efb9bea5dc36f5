"""Replay of a recording over OPC UA or MQTT with its own timing.

A slow reader slows it down, it never makes it lose rows.
"""

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from demo_line.clock import NS_PER_S
from demo_line.config import MqttConfig, OpcuaConfig
from demo_line.journal import Journal, Row
from demo_line.measurement import Offer, Quality
from demo_line.process import wait_until
from demo_line.recording import Column, RecordedRow, Recording
from demo_line.servers.mqtt import Publisher
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import OpcuaServer, no_data_status

ROOT = "Replay"
_NS_PER_MS = 1_000_000
_MOST_ROWS = 256
"""Rows that are journalled with one fsync and offered together."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a recording is replayed.

    Attributes:
        speed: recorded seconds per second; None = as fast as the readers take it.
        rebased: whether times are moved so that the recording happens now; its intervals shrink with the speed.
        loops: whether it begins anew, joined end to end, for ever.
        rows_per_s: most rows a second; None = no limit.
        patience_s: how long a reader whose queue is full may hold the replay up.
        linger_s: how long the server stays after the last row.
    """

    speed: float | None = 1.0
    rebased: bool = False
    loops: bool = False
    rows_per_s: float | None = None
    patience_s: float = 10.0
    linger_s: float = 2.0


class Outlet(Protocol):
    """Where rows go."""

    async def start(self, first: RecordedRow | None) -> bool:
        """Let readers in; tells whether `first` was offered as the value that they find."""

    async def wait_for_readers(self, stop: asyncio.Event, least: int) -> None:
        """Return when `least` columns are read by someone (0 = all of them), or when stopped."""

    def room(self) -> int:
        """How many rows can be offered now without any reader losing one."""

    async def offer(self, rows: Sequence[RecordedRow]) -> None:
        """Journal the rows, then offer them."""

    def pending(self) -> int:
        """How much has been offered that readers have not confirmed yet."""

    async def close(self) -> None:
        """Let go of all readers; nothing is offered afterwards."""


class OpcuaOutlet:
    """One node per column, below `Objects/Replay/<name>`."""

    def __init__(self, config: OpcuaConfig, name: str, columns: Sequence[Column], journal: Journal | None) -> None:
        nodes = [
            NodeDescription(
                f"{name}.{column.name}", column.name, column.datatype, column.unit, description=column.heading
            )
            for column in columns
        ]
        self._columns = len(nodes)
        folder = Folder(name, f"Recording {name}", nodes)
        self._server = OpcuaServer(config, ROOT, [folder], journal, no_data_status())

    async def start(self, first: RecordedRow | None) -> bool:
        """Listen, with the first row as the value that readers find."""
        await self._server.prepare()
        if first is not None:
            await self.offer([first])
        await self._server.listen()
        _log.info("%d columns at %s", self._columns, self._server.config.url)
        return first is not None

    async def wait_for_readers(self, stop: asyncio.Event, least: int) -> None:
        """Return when `least` nodes (0 = all) have a monitored item."""
        while self._server.monitored_nodes() < (least or self._columns):
            if await wait_until(stop, 0.05):
                return

    def room(self) -> int:
        """Free places in the shortest queue of all monitored items."""
        return self._server.room()

    async def offer(self, rows: Sequence[RecordedRow]) -> None:
        """Journal all values of the rows, then write them one row after the other."""
        await self._server.offer(
            [
                Offer(node, row.time_ms * _NS_PER_MS, value, Quality.BAD if value is None else Quality.GOOD)
                for row in rows
                for node, value in enumerate(row.values)
            ]
        )

    def pending(self) -> int:
        """Values in queues and responses without acknowledgement."""
        return self._server.waiting_values() + self._server.unacknowledged()

    async def close(self) -> None:
        """Close the endpoint."""
        await self._server.close()


class MqttOutlet:
    """One JSON object per row on `<prefix>/<name>`: `{"time": <epoch ms>, "values": {<heading>: <value or null>}}`."""

    def __init__(
        self,
        config: MqttConfig,
        prefix: str,
        name: str,
        columns: Sequence[Column],
        journal: Journal | None,
        unacknowledged: int,
    ) -> None:
        self._topic = f"{prefix}/{name}"
        self._headings = [column.heading for column in columns]
        # JSON pointer (RFC 6901): "~" and "/" in a name are escaped.
        self._nodes = [f"{self._topic}#/values/{h.replace('~', '~0').replace('/', '~1')}" for h in self._headings]
        self._most = unacknowledged
        self._publisher = Publisher(config, config.client_id or f"replay-{name}", None, journal)

    async def start(self, _first: RecordedRow | None) -> bool:
        """Connect; a broker shows nothing before it is published, so the first row comes later."""
        self._publisher.start()
        while not self._publisher.connected:  # noqa: ASYNC110 - the client connects on its own thread
            await asyncio.sleep(0.02)
        return False

    async def wait_for_readers(self, stop: asyncio.Event, least: int) -> None:
        """Not possible: a broker does not tell a publisher who reads."""
        raise NotImplementedError("MQTT does not tell a publisher who reads; use --wait-stdin")

    def room(self) -> int:
        """How many more messages may be under way; none while there is no connection."""
        return self._most - self._publisher.unacknowledged if self._publisher.connected else 0

    async def offer(self, rows: Sequence[RecordedRow]) -> None:
        """Journal and publish each row; waits while there is no connection."""
        for row in rows:
            text = json.dumps({"time": row.time_ms, "values": dict(zip(self._headings, row.values, strict=True))})
            while not self._publisher.publish(self._topic, text.encode(), self._journalled(row)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the client connects on its own thread

    def _journalled(self, row: RecordedRow) -> list[Row]:
        time_ns = row.time_ms * _NS_PER_MS
        return [
            (node, time_ns, value, Quality.BAD if value is None else Quality.GOOD)
            for node, value in zip(self._nodes, row.values, strict=True)
        ]

    def pending(self) -> int:
        """Messages without acknowledgement."""
        return self._publisher.unacknowledged

    async def close(self) -> None:
        """Disconnect."""
        self._publisher.stop()


async def replay(
    recording: Recording,
    outlet: Outlet,
    pace: Pace,
    stop: asyncio.Event,
    *,
    begin: asyncio.Event | None = None,
    wait_readers: int | None = None,
) -> int:
    """Replay a recording until its end (or for ever), or until stopped; returns the number of rows offered.

    Args:
        recording: what is replayed.
        outlet: where it goes.
        pace: how fast.
        stop: ends it early.
        begin: when given, the second row waits for this event.
        wait_readers: when given, the second row waits for this many read columns (0 = all).
    """
    schedule = _Schedule(pace)
    rows = _passes(recording, loops=pace.loops)
    first = next(rows, None)
    if first is None:
        _log.warning("%s has no rows at the place where the replay begins", recording.path)
        return 0
    offered = int(await outlet.start(RecordedRow(schedule.carried_ms(first.time_ms), first.values)))
    try:
        if wait_readers is not None:
            await outlet.wait_for_readers(stop, wait_readers)
        if begin is not None:
            await _either(begin, stop)
        schedule.begin(time.time_ns())
        offered += await _offer_all(rows if offered else chain([first], rows), outlet, pace, schedule, stop)
        await _drain(outlet, pace, stop)
        if not stop.is_set():
            await wait_until(stop, pace.linger_s)
    finally:
        await outlet.close()
    _log.info("%d rows offered", offered)
    return offered


class _Schedule:
    """When a row is due on the wall clock, and what time it carries."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._start_ns = time.time_ns()
        self._first_ms: int | None = None
        self._last_ms = 0

    def begin(self, now_ns: int) -> None:
        """The readers are there: the rows behind the first are due from now on."""
        self._start_ns = now_ns

    def due_ns(self, recorded_ms: int) -> int:
        if self._first_ms is None:
            self._first_ms = recorded_ms
        if self._pace.speed is None:
            return 0
        return self._start_ns + round((recorded_ms - self._first_ms) * _NS_PER_MS / self._pace.speed)

    def carried_ms(self, recorded_ms: int) -> int:
        """Time that the row carries: the recorded one, or the moment at which it is due, strictly increasing."""
        if not self._pace.rebased:
            return recorded_ms
        self._last_ms = max(self._last_ms + 1, round(self.due_ns(recorded_ms) / _NS_PER_MS))
        return self._last_ms


def _passes(recording: Recording, *, loops: bool) -> Iterator[RecordedRow]:
    """Rows of all passes with their recorded times, each pass joined end to end to the one before."""
    offset_ms, interval_ms = 0, 1
    last_ms: int | None = None
    while True:
        for number, row in enumerate(recording.rows()):
            if number == 0 and last_ms is not None:
                offset_ms = last_ms + interval_ms - row.time_ms
            time_ms = row.time_ms + offset_ms
            interval_ms = interval_ms if last_ms is None else time_ms - last_ms
            last_ms = time_ms
            yield RecordedRow(time_ms, row.values)
        if not loops or last_ms is None:
            return


async def _offer_all(
    rows: Iterator[RecordedRow], outlet: Outlet, pace: Pace, schedule: _Schedule, stop: asyncio.Event
) -> int:
    offered, waiting = 0, next(rows, None)
    allowance = _Allowance(pace.rows_per_s)
    while waiting is not None and not stop.is_set():
        now_ns = time.time_ns()
        most = min(_MOST_ROWS, allowance.rows(now_ns), await _room(outlet, pace, stop))
        batch: list[RecordedRow] = []
        while waiting is not None and len(batch) < most and schedule.due_ns(waiting.time_ms) <= now_ns:
            batch.append(RecordedRow(schedule.carried_ms(waiting.time_ms), waiting.values))
            waiting = next(rows, None)
        if batch:
            await outlet.offer(batch)
            offered += len(batch)
            allowance.take(len(batch))
        if waiting is not None:
            ahead_s = (schedule.due_ns(waiting.time_ms) - time.time_ns()) / NS_PER_S
            await wait_until(stop, max(ahead_s, 0.01 if not batch else 0.0))
    return offered


class _Allowance:
    """Rows that a limit of rows per second still allows; unlimited where there is none."""

    def __init__(self, rows_per_s: float | None) -> None:
        self._rate = rows_per_s
        self._start_ns: int | None = None
        self._taken = 0

    def rows(self, now_ns: int) -> int:
        if self._rate is None:
            return _MOST_ROWS
        if self._start_ns is None:
            self._start_ns = now_ns
        return int((now_ns - self._start_ns) / NS_PER_S * self._rate) + 1 - self._taken

    def take(self, rows: int) -> None:
        self._taken += rows


async def _room(outlet: Outlet, pace: Pace, stop: asyncio.Event) -> int:
    """Wait for room in the readers' queues, at most as long as patience lasts.

    Then the reader has only itself to blame.
    """
    deadline = time.monotonic() + pace.patience_s
    while (room := outlet.room()) <= 0 and not stop.is_set():
        if time.monotonic() > deadline:
            _log.warning("a reader has not emptied its queue for %g s; going on, it may lose values", pace.patience_s)
            return 1
        await asyncio.sleep(0.002)
    return max(room, 1)


async def _drain(outlet: Outlet, pace: Pace, stop: asyncio.Event) -> None:
    deadline = time.monotonic() + pace.patience_s
    while outlet.pending() and not stop.is_set():
        if time.monotonic() > deadline:
            _log.warning("readers have not confirmed everything within %g s", pace.patience_s)
            return
        await asyncio.sleep(0.01)


async def _either(first: asyncio.Event, second: asyncio.Event) -> None:
    tasks = [asyncio.ensure_future(first.wait()), asyncio.ensure_future(second.wait())]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
