"""Cells of the line: which OPC UA server shows which units, and how a reading finds its server."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from demo_line.config import OpcuaConfig
from demo_line.line import Line, LineError
from demo_line.measurement import Channel, Offer
from demo_line.servers.machine import Nameplate, nameplate
from demo_line.servers.nodes import Folder, folders_of
from demo_line.servers.opcua import OpcuaServer


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
    """Nameplate of each unit; its components are those that can fail."""
    components: dict[str, list[str]] = {unit_id: [] for unit_id in line.units}
    for fault in line.faults.values():
        if fault.component and fault.component not in components.get(fault.unit_id, [fault.component]):
            components[fault.unit_id].append(fault.component)
    return {unit_id: nameplate(unit_id, unit.title, tuple(components[unit_id])) for unit_id, unit in line.units.items()}


class Cell:
    """One OPC UA server with the instruments of its units.

    Args:
        channels: all instruments of the line, in the order of their numbers.
        units: ids of the units that the server shows.
        nameplates: of each unit.
        build: makes the server that shows the given folders.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        units: Sequence[str],
        nameplates: Mapping[str, Nameplate],
        build: Callable[[Sequence[Folder]], OpcuaServer],
    ) -> None:
        own = [(number, channel) for number, channel in enumerate(channels) if channel.unit_id in units]
        self._nodes = {number: node for node, (number, _) in enumerate(own)}
        self.units = tuple(units)
        self.server = build(folders_of([channel for _, channel in own], nameplates))

    async def offer(self, offers: Iterable[Offer]) -> None:
        """Offer those readings of the line that come from this cell."""
        nodes = self._nodes
        await self.server.offer([offer._replace(node=nodes[offer.node]) for offer in offers if offer.node in nodes])
