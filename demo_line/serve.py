"""`serve`: the simulated line on wall-clock time behind its OPC UA servers and its plain-MQTT devices."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from demo_line.alarm import SHIPPED_ALARMS, Alarm, Alarms, load_alarms
from demo_line.cells import Cell, nameplates_of, shares
from demo_line.clock import NS_PER_S, Grid
from demo_line.config import OpcuaConfig, ServeConfig
from demo_line.journal import Journal
from demo_line.line import SHIPPED_DEFINITION, Line, LineState, load_definition
from demo_line.measurement import Instruments, channels_of
from demo_line.process import wait_until
from demo_line.runs.past import Past, go_on, past_of
from demo_line.servers.devices import Devices
from demo_line.servers.nodes import Folder
from demo_line.servers.opcua import OpcuaServer
from demo_line.training import Hands, Method, Training

_log = logging.getLogger(__name__)


@dataclass
class _Plant:
    """The line and everything that offers its readings."""

    line: Line
    state: LineState
    instruments: Instruments
    alarms: Alarms
    cells: Sequence[Cell]
    devices: Devices | None
    past: Past | None = None

    async def step(self, time_ns: int, step_s: float) -> None:
        """Let one step pass and offer what is measured at its end."""
        self.line.step(self.state, step_s)
        if self.cells:
            offers = self.instruments.measure(self.state, time_ns)
            changed = self.alarms.watch(offers, time_ns / NS_PER_S)
            for cell in self.cells:
                await cell.offer(offers, changed, time_ns)
        if self.devices is not None:
            self.devices.offer(time_ns, self.state, step_s)
        self.state.around.events.clear()
        self.state.around.bottles.clear()
        if self.past is not None and (snapshot := self.past.take()) is not None:
            if go_on(self.line, self.state, self.past, snapshot, time_ns, step_s):
                _log.info("the line goes on from the end of its history")
            self.past = None


class _Acts(NamedTuple):
    """What people do through the servers."""

    training: Training
    alarms: Mapping[tuple[str, str], Alarm]


async def serve(config: ServeConfig, stop: asyncio.Event) -> None:
    """Run the line until `stop` is set.

    Raises LineError, SecretError, UntrustedError or JournalError before anything listens, OSError when the port is
    taken.
    """
    line = Line(load_definition(config.line.definition or SHIPPED_DEFINITION))
    step_ns = round(config.line.step_s * NS_PER_S)
    grid = Grid(step_ns, time.time_ns())
    state = line.start(config.line.seed, grid.next_ns - step_ns)
    line.go_live(state)
    past = past_of(config, line, grid.next_ns - step_ns)
    async with AsyncExitStack() as stack:
        journal = None if config.line.journal is None else stack.enter_context(Journal(config.line.journal))
        channels = channels_of(line)
        alarms = Alarms(load_alarms(config.line.alarms or SHIPPED_ALARMS), channels)
        acts = _Acts(Training(line, state), alarms.alarms)
        instruments = Instruments(channels, config.line.seed, line.faults)
        cells = _cells(config, line, instruments, journal, acts)
        for cell in cells:
            await cell.server.prepare()
        devices = None
        if config.mqtt is not None:
            devices = Devices(config.mqtt, tuple(line.units), config.line.seed, journal)
            stack.callback(devices.stop)
            devices.start()
        plant = _Plant(line, state, instruments, alarms, cells, devices, past)
        if past is not None:
            making = asyncio.create_task(past.make(stop), name="history")
            stack.push_async_callback(asyncio.wait, [making])
        await _run(plant, grid, stack, stop)


def _cells(
    config: ServeConfig, line: Line, instruments: Instruments, journal: Journal | None, acts: _Acts
) -> list[Cell]:
    nameplates = nameplates_of(line)
    return [
        Cell(
            instruments.channels,
            units,
            nameplates,
            partial(_server, server, journal, acts),
            instruments if server.chaos else None,
        )
        for server, units in zip(config.opcua, shares(config.opcua, line), strict=True)
    ]


def _server(
    config: OpcuaConfig,
    journal: Journal | None,
    acts: _Acts,
    folders: Sequence[Folder],
    methods: Sequence[Method],
    padding: int | None,
) -> OpcuaServer:
    shown = {folder.name for folder in folders}
    alarms = {key: alarm for key, alarm in acts.alarms.items() if key[0] in shown}
    if padding is not None:
        config = config.model_copy(update={"namespace_padding": padding})
    hands = Hands((*acts.training.methods(), *methods), acts.training.command)
    return OpcuaServer(config, "Line", folders, journal, hands=hands, alarms=alarms)


async def _run(plant: _Plant, grid: Grid, stack: AsyncExitStack, stop: asyncio.Event) -> None:
    listening = False
    while not stop.is_set():
        due = grid.due(time.time_ns())
        if due.jumped_ns:
            _log.warning(
                "the clock jumped or the process stood still: going on %+.1f s later", due.jumped_ns / NS_PER_S
            )
            # The shifts follow the wall clock.
            plant.state.around.plan.start_ns += due.jumped_ns
        for time_ns in due.times_ns:
            await plant.step(time_ns, grid.step_ns / NS_PER_S)
        if not listening:
            # Only now, so that the first thing a client sees is a journalled value.
            await _listen(plant.cells, stack)
            listening = True
        await wait_until(stop, (grid.next_ns - time.time_ns()) / NS_PER_S)


async def _listen(cells: Sequence[Cell], stack: AsyncExitStack) -> None:
    for cell in cells:
        await cell.server.listen()
        stack.push_async_callback(cell.close)
        _log.info("%s: %d nodes at %s", ", ".join(cell.units), len(cell.server.names), cell.server.config.url)
