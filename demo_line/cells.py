"""Cells of the line: which OPC UA server shows which units, and how a reading finds its server."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from demo_line.alarm import Alarm
from demo_line.config import OpcuaConfig
from demo_line.disturbance import Disturbances
from demo_line.line import Line, LineError
from demo_line.measurement import Channel, Instruments, Offer
from demo_line.servers.machine import Nameplate, nameplate
from demo_line.servers.nodes import Folder, folders_of
from demo_line.servers.opcua import OpcuaServer
from demo_line.training import Method

_ANSWER_FIRST_S = 0.2
"""Who asks for a disturbance gets the answer before it begins."""

Build = Callable[[Sequence[Folder], Sequence[Method], int | None], OpcuaServer]
"""Makes the server of a cell from what it shows, what trainers may do to it, and how many foreign namespaces stand
before our own (None = as configured)."""

_log = logging.getLogger(__name__)


def shares(configs: Sequence[OpcuaConfig], line: Line) -> list[tuple[str, ...]]:
    """Units that each server shows, in the order of the line; raises LineError for a unit that the line has not."""
    named = {unit_id for config in configs for unit_id in config.units}
    unknown = sorted(named - set(line.units))
    if unknown:
        raise LineError(f"opcua.units: the line has no {', '.join(unknown)}; its units: {', '.join(line.units)}")
    return [
        tuple(unit_id for unit_id in line.units if (unit_id in config.units if config.units else unit_id not in named))
        for config in configs
    ]


def nameplates_of(line: Line) -> dict[str, Nameplate]:
    """Nameplate of each unit, with the components of its asset: all of them, so that they tell nothing of faults."""
    assets = line.workshop.assets
    return {
        unit_id: nameplate(unit_id, unit.title, assets[unit_id].components if unit_id in assets else ())
        for unit_id, unit in line.units.items()
    }


class Cell:
    """One OPC UA server with the instruments of its units.

    Args:
        channels: all instruments of the line, in the order of their numbers.
        units: ids of the units that the server shows.
        nameplates: of each unit.
        build: makes the server that shows the given folders.
        disturbed: the instruments, where trainers may disturb this server.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        units: Sequence[str],
        nameplates: Mapping[str, Nameplate],
        build: Build,
        disturbed: Instruments | None = None,
    ) -> None:
        own = [(number, channel) for number, channel in enumerate(channels) if channel.unit_id in units]
        self._nodes = {number: node for node, (number, _) in enumerate(own)}
        self._names = frozenset(channel.name for _, channel in own)
        self.units = tuple(units)
        self._build = build
        self._folders = folders_of([channel for _, channel in own], nameplates)
        self._methods = Disturbances(self, disturbed).methods() if disturbed is not None else ()
        self._under_way: set[asyncio.Task[None]] = set()
        self.server = build(self._folders, self._methods, None)

    async def offer(self, offers: Iterable[Offer], alarms: Iterable[Alarm] = (), time_ns: int = 0) -> None:
        """Offer those readings of the line that come from this cell, and tell which alarms have changed at a time."""
        nodes = self._nodes
        await self.server.offer([offer._replace(node=nodes[offer.node]) for offer in offers if offer.node in nodes])
        await self.server.tell(alarms, time_ns)

    async def close(self) -> None:
        """Close the server."""
        for task in self._under_way:
            task.cancel()
        await self.server.close()

    def shows(self, name: str) -> bool:
        """Whether an instrument is one of this cell's."""
        return name in self._names

    def slow_down(self, seconds: float) -> None:
        """Let every answer of the server wait."""
        self.server.slow_down(seconds)

    def disconnect(self, seconds: float) -> None:
        """Drop all clients and let nobody in for a while."""
        self._begin(self.server.disconnect(seconds))

    def restart(self, namespace_padding: int) -> None:
        """Replace the server by a new one that goes on with its values, history and alarms."""
        self._begin(self._restart(namespace_padding))

    async def _restart(self, namespace_padding: int) -> None:
        old = self.server
        new = self._build(self._folders, self._methods, namespace_padding)
        await new.prepare()
        # Nothing is awaited until it is the server, so that it misses no reading.
        new.take_over(old)
        self.server = new
        await old.close()
        await new.listen()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        async def later() -> None:
            await asyncio.sleep(_ANSWER_FIRST_S)
            try:
                await work
            except (OSError, ValueError) as error:
                _log.error("a disturbance of %s failed: %s", ", ".join(self.units), error)

        task = asyncio.create_task(later(), name="disturbance")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
