"""`serve`: the simulated line on wall-clock time behind its OPC UA servers and its plain-MQTT devices."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from demo_line.cells import Cell, nameplates_of, shares
from demo_line.clock import NS_PER_S, Grid
from demo_line.config import OpcuaConfig, ServeConfig
from demo_line.journal import Journal
from demo_line.line import SHIPPED_DEFINITION, Line, load_definition
from demo_line.measurement import Channel, Instruments, channels_of
from demo_line.process import wait_until
from demo_line.servers.devices import Devices
from demo_line.servers.nodes import Folder
from demo_line.servers.opcua import OpcuaServer

_log = logging.getLogger(__name__)


@dataclass
class _Outlets:
    cells: list[Cell]
    devices: Devices | None


async def serve(config: ServeConfig, stop: asyncio.Event) -> None:
    """Run the line until `stop` is set.

    Raises LineError, SecretError, UntrustedError or JournalError before anything listens, OSError when the port is
    taken.
    """
    line = Line(load_definition(config.line.definition or SHIPPED_DEFINITION))
    async with AsyncExitStack() as stack:
        journal = None if config.line.journal is None else stack.enter_context(Journal(config.line.journal))
        channels = channels_of(line)
        outlets = _Outlets(_cells(config, line, channels, journal), None)
        for cell in outlets.cells:
            await cell.server.prepare()
        if config.mqtt is not None:
            outlets.devices = Devices(config.mqtt, tuple(line.units), config.line.seed, journal)
            stack.callback(outlets.devices.stop)
            outlets.devices.start()
        instruments = Instruments(channels, config.line.seed, line.faults)
        await _run(config, line, instruments, outlets, stack, stop)


def _cells(config: ServeConfig, line: Line, channels: Sequence[Channel], journal: Journal | None) -> list[Cell]:
    nameplates = nameplates_of(line)
    return [
        Cell(channels, units, nameplates, partial(_server, server, journal))
        for server, units in zip(config.opcua, shares(config.opcua, line), strict=True)
    ]


def _server(config: OpcuaConfig, journal: Journal | None, folders: Sequence[Folder]) -> OpcuaServer:
    return OpcuaServer(config, "Line", folders, journal)


async def _run(
    config: ServeConfig,
    line: Line,
    instruments: Instruments,
    outlets: _Outlets,
    stack: AsyncExitStack,
    stop: asyncio.Event,
) -> None:
    step_ns = round(config.line.step_s * NS_PER_S)
    grid = Grid(step_ns, time.time_ns())
    state, listening = line.start(config.line.seed, grid.next_ns - step_ns), False
    line.go_live(state)
    while not stop.is_set():
        due = grid.due(time.time_ns())
        if due.jumped_ns:
            _log.warning(
                "the clock jumped or the process stood still: going on %+.1f s later", due.jumped_ns / NS_PER_S
            )
            # The shifts follow the wall clock.
            state.around.plan.start_ns += due.jumped_ns
        for time_ns in due.times_ns:
            line.step(state, config.line.step_s)
            if outlets.cells:
                offers = instruments.measure(state, time_ns)
                for cell in outlets.cells:
                    await cell.offer(offers)
            if outlets.devices is not None:
                outlets.devices.offer(time_ns, state, config.line.step_s)
            state.around.events.clear()
            state.around.bottles.clear()
        if not listening:
            # Only now, so that the first thing a client sees is a journalled value.
            await _listen(outlets.cells, stack)
            listening = True
        await wait_until(stop, (grid.next_ns - time.time_ns()) / NS_PER_S)


async def _listen(cells: Sequence[Cell], stack: AsyncExitStack) -> None:
    for cell in cells:
        await cell.server.listen()
        stack.push_async_callback(cell.server.close)
        _log.info("%s: %d nodes at %s", ", ".join(cell.units), len(cell.server.names), cell.server.config.url)
