"""Cells: which OPC UA server shows which units of the line."""

from typing import Any

import pytest
from asyncua import Client
from pydantic import ValidationError

from demo_line.cells import Cell, nameplates_of, shares
from demo_line.config import OpcuaConfig, ServeConfig
from demo_line.line import Line, LineError, load_definition
from demo_line.measurement import Offer, Quality, channels_of
from demo_line.servers.opcua import OpcuaServer

LINE = Line(load_definition())


def server(port: int, *units: str, **more: Any) -> OpcuaConfig:
    return OpcuaConfig(port=port, units=units, security=("none",), anonymous=True, **more)


def test_units_that_nobody_names_are_shown_by_the_server_that_names_none() -> None:
    """Every unit of the line is shown by exactly one server, in the order of the line."""
    process, utilities = shares([server(4840), server(4841, "CA-90")], LINE)
    assert utilities == ("CA-90",)
    assert process == tuple(unit_id for unit_id in LINE.units if unit_id != "CA-90")


def test_a_unit_that_the_line_has_not_is_an_error() -> None:
    """A typo in the list of a cell names the unit and those that there are."""
    with pytest.raises(LineError, match=r"no CA-9; its units: .*CA-90"):
        shares([server(4840, "CA-9")], LINE)


@pytest.mark.parametrize(
    ("servers", "message"),
    [
        ([server(4840, "CA-90"), server(4841, "CA-90")], "CA-90 is shown by two servers"),
        ([server(4840), server(4841)], "only one can show those that are left"),
        ([server(4840), server(4840, "CA-90")], "same port"),
    ],
)
def test_cells_must_not_overlap(servers: list[OpcuaConfig], message: str) -> None:
    """Two servers cannot show one unit, all the rest, or listen on one port."""
    with pytest.raises(ValidationError, match=message):
        ServeConfig(opcua=tuple(servers))


async def test_each_cell_gets_its_own_readings(free_port: int) -> None:
    """A reading of the line reaches the node of its name on the server that shows its unit, and no other."""
    channels = channels_of(LINE)
    cell = Cell(
        channels,
        ("CA-90",),
        nameplates_of(LINE),
        lambda folders, _m, _p: OpcuaServer(server(free_port), "Line", folders),
    )
    names = [channel.name for channel in channels]
    time_ns = 1_790_000_000_000_000_000
    await cell.server.prepare()
    await cell.offer(
        [
            Offer(names.index(name), time_ns, value, Quality.GOOD)
            for name, value in (("MIX-10.level_pct", 1.5), ("CA-90.receiver_bar", 7.25))
        ]
    )
    await cell.server.listen()
    try:
        async with Client(cell.server.config.url) as client:
            index = await client.get_namespace_index("urn:smart-factory-showroom:line")
            root = await client.nodes.objects.get_child(f"{index}:Line")
            assert [(await unit.read_browse_name()).Name for unit in await root.get_children()] == ["CA-90"]
            node = await root.get_child([f"{index}:CA-90", f"{index}:receiver_bar"])
            assert await node.read_value() == 7.25
    finally:
        await cell.server.close()
