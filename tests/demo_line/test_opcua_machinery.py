"""Machines on the OPC UA server: the structure of Machinery (OPC 40001-1) and the names of PackML (OPC 30050)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncua import Client, ua

from demo_line.cells import Cell, nameplates_of
from demo_line.config import OpcuaConfig
from demo_line.line import Line, load_definition
from demo_line.measurement import Offer, Quality, channels_of
from demo_line.packml import State, UnitMode
from demo_line.servers.machine import MANUFACTURER, item_state, operation_mode
from demo_line.servers.opcua import OpcuaServer

LINE = Line(load_definition())
CHANNELS = channels_of(LINE)
NAMES = [channel.name for channel in CHANNELS]
T0 = 1_790_000_000_000_000_000
OWN, DI, MACHINERY = (
    "urn:smart-factory-showroom:line",
    "http://opcfoundation.org/UA/DI/",
    "http://opcfoundation.org/UA/Machinery/",
)


@asynccontextmanager
async def line(port: int, units: tuple[str, ...]) -> AsyncIterator[tuple[Cell, Client]]:
    config = OpcuaConfig(port=port, security=("none",), anonymous=True)
    cell = Cell(CHANNELS, units, nameplates_of(LINE), lambda folders, _m, _p: OpcuaServer(config, "Line", folders))
    await cell.server.prepare()
    await cell.server.listen()
    try:
        async with Client(config.url) as client:
            yield cell, client
    finally:
        await cell.server.close()


async def at(client: Client, *path: tuple[str, str]) -> Any:
    """Node at a browse path from Objects whose elements are (namespace URI, name)."""
    names = [f"{0 if not uri else await client.get_namespace_index(uri)}:{name}" for uri, name in path]
    return await client.nodes.objects.get_child(names)


def offer(name: str, value: Any, seconds: int = 0) -> Offer:
    return Offer(NAMES.index(name), T0 + seconds * 1_000_000_000, value, Quality.GOOD)


async def test_a_machine_carries_its_nameplate(free_port: int) -> None:
    """Identification has the mandatory properties of MachineIdentificationType, and says that it is simulated."""
    async with line(free_port, ("MIX-10",)) as (_, client):
        machine = [(MACHINERY, "Machines"), (OWN, "MIX-10"), (DI, "Identification")]
        identification = await at(client, *machine)
        index = await client.get_namespace_index(MACHINERY)
        assert (await identification.read_type_definition()) == ua.NodeId(1012, index)
        read = [await (await at(client, *machine, (DI, name))).read_value() for name in ("Manufacturer", "Model")]
        assert [text.Text for text in read] == [MANUFACTURER, LINE.units["MIX-10"].title]
        texts = [
            await (await at(client, *machine, (DI, name))).read_value()
            for name in ("SerialNumber", "ProductInstanceUri")
        ]
        assert texts == ["SIM-MIX-10", "urn:smart-factory-showroom:line:MIX-10"]


async def test_all_components_of_a_machine_can_be_browsed(free_port: int) -> None:
    """Each component of the asset stands below Components with a serial number of its own."""
    async with line(free_port, ("MIX-10",)) as (_, client):
        components = await at(client, (MACHINERY, "Machines"), (OWN, "MIX-10"), (MACHINERY, "Components"))
        names = [(await child.read_browse_name()).Name for child in await components.get_children()]
        assert names == list(LINE.workshop.assets["MIX-10"].components)
        assert "drive-end bearing 6205" in names
        index = await client.get_namespace_index(DI)
        serials = [
            await (await child.get_child([f"{index}:Identification", f"{index}:SerialNumber"])).read_value()
            for child in await components.get_children()
        ]
        assert len(set(serials)) == len(names)


@pytest.mark.parametrize(
    ("state", "mode", "expected"),
    [
        (State.EXECUTE, UnitMode.PRODUCTION, ("Executing", "Processing")),
        (State.SUSPENDED, UnitMode.CHANGEOVER, ("NotExecuting", "Setup")),
        (State.HELD, UnitMode.PRODUCTION, ("NotExecuting", "Processing")),
        (State.ABORTED, UnitMode.MAINTENANCE, ("OutOfService", "Maintenance")),
    ],
)
def test_item_state_follows_packml(state: State, mode: UnitMode, expected: tuple[str, str]) -> None:
    """A fault puts the machine out of service; waiting, for whatever reason, is not executing."""
    assert (item_state(state), operation_mode(mode)) == expected


async def test_state_mode_and_counters_move_with_the_signals(free_port: int) -> None:
    """What the specifications name shows the same readings at the same time as our own signals."""
    async with line(free_port, ("MONO-30",)) as (cell, client):
        await cell.offer(
            [
                offer("MONO-30.state_current", State.ABORTED.value),
                offer("MONO-30.unit_mode", UnitMode.CHANGEOVER.value),
                offer("MONO-30.equipment_starved", value=True),
                offer("MONO-30.prod_processed_count", 12),
                offer("MONO-30.cur_mach_speed_bottles_h", 2550.0),
            ]
        )
        machine = [(MACHINERY, "Machines"), (OWN, "MONO-30")]
        state = await at(client, *machine, (MACHINERY, "MachineryItemState"), ("", "CurrentState"))
        value = await state.read_data_value()
        assert value.Value.Value.Text == "OutOfService"
        assert value.SourceTimestamp.replace(tzinfo=UTC) == datetime.fromtimestamp(T0 / 1e9, UTC)
        state_id = await (await state.get_child("0:Id")).read_value()
        assert (await client.get_node(state_id).read_browse_name()).Name == "OutOfService"
        mode = await at(client, *machine, (MACHINERY, "MachineryOperationMode"), ("", "CurrentState"))
        assert (await mode.read_value()).Text == "Setup"
        for path, expected in (
            (((OWN, "Status"), (OWN, "StateCurrent")), State.ABORTED.value),
            (((OWN, "Status"), (OWN, "EquipmentStarved")), True),
            (((OWN, "Status"), (OWN, "CurMachSpeed")), 2550.0),
            (((OWN, "Admin"), (OWN, "ProdProcessedCount")), 12),
            (((DI, "OperationCounters"), (DI, "OperationCycleCounter")), 12),
        ):
            assert await (await at(client, *machine, *path)).read_value() == expected


async def test_monitoring_refers_to_the_signals_themselves(free_port: int) -> None:
    """Below Monitoring are the very nodes of the list of signals, what is consumed apart from the process."""
    async with line(free_port, ("CA-90",)) as (_, client):
        monitoring = [(MACHINERY, "Machines"), (OWN, "CA-90"), (MACHINERY, "Monitoring")]
        index = await client.get_namespace_index(OWN)
        for group, signal in (("Process", "receiver_bar"), ("Consumption", "power_w")):
            node = await at(client, *monitoring, (MACHINERY, group), (OWN, signal))
            assert node.nodeid == ua.NodeId(f"CA-90.{signal}", index)


async def test_borrowed_namespaces_say_that_they_are_incomplete(free_port: int) -> None:
    """The metadata of Devices and Machinery tell that only part of them is there."""
    async with line(free_port, ("CA-90",)) as (_, client):
        namespaces = client.get_node(ua.ObjectIds.Server_Namespaces)
        for uri in (DI, MACHINERY):
            index = await client.get_namespace_index(uri)
            metadata = await namespaces.get_child(ua.QualifiedName(uri, index))
            assert await (await metadata.get_child("0:IsNamespaceSubset")).read_value() is True
            assert await (await metadata.get_child("0:NamespaceUri")).read_value() == uri
