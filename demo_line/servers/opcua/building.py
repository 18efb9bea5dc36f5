"""Fills the address space of a server: the list of signals, the machines, the methods."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import Server, ua

from demo_line.alarm import Alarm
from demo_line.config import OpcuaConfig
from demo_line.packml import Command
from demo_line.servers.nodes import Folder
from demo_line.servers.opcua.address_space import object_item, property_items, variable_item
from demo_line.servers.opcua.conditions import Conditions
from demo_line.servers.opcua.machinery import Echo, Machines, machine_id
from demo_line.servers.opcua.methods import bound, command_id, command_items, method_id, rejected, training_items
from demo_line.servers.opcua.specifications import DI_URI, MACHINERY_URI, Namespaces, specification_items
from demo_line.training import Hands

COMMANDS = {"ToComplete" if command is Command.COMPLETE else command.value.capitalize(): command for command in Command}
"""PackML commands by the names of OPC 30050."""


@dataclass(slots=True)
class Built:
    """What was built.

    Attributes:
        index: index of our namespace.
        node_ids: node of each signal, by its number.
        echoes: nodes that show each signal again, by its number.
        conditions: alarms, where there are any.
    """

    index: int
    node_ids: list[ua.NodeId] = field(default_factory=list)
    echoes: list[Sequence[Echo]] = field(default_factory=list)
    conditions: Conditions | None = None


async def build(
    server: Server,
    config: OpcuaConfig,
    root: str,
    folders: Sequence[Folder],
    historizing: set[int],
    hands: Hands | None,
    alarms: Mapping[tuple[str, str], Alarm],
) -> Built:
    """Fill the address space of a server that does not listen yet.

    Args:
        server: the library's server.
        config: namespaces.
        root: name and identifier of the object under `Objects` that holds the folders.
        folders: what is shown.
        historizing: numbers of the signals whose last readings are kept.
        hands: what trainers may do.
        alarms: of the units shown, by unit and name.
    """
    for number in range(config.namespace_padding):
        await server.register_namespace(f"urn:smart-factory-showroom:foreign:{number}")
    built = Built(await server.register_namespace(config.namespace_uri))
    await _add(server, _folder_items(built, root, folders, historizing))
    machines = [folder for folder in folders if folder.nameplate is not None]
    echoes: dict[str, list[Echo]] = {}
    if machines:
        di = await server.register_namespace(DI_URI)
        spaces = Namespaces(built.index, di, await server.register_namespace(MACHINERY_URI))
        echoes = await _add_machines(server, Machines(spaces), machines)
    built.echoes = [echoes.get(node_id.Identifier, ()) for node_id in built.node_ids]
    if alarms:
        conditions = built.conditions = Conditions(server, alarms, built.index, time.time)
        await _add(server, conditions.items())
        conditions.bind()
    if hands is not None:
        await _add_methods(server, built.index, hands, [folder.name for folder in machines])
    return built


def _folder_items(built: Built, root: str, folders: Sequence[Folder], historizing: set[int]) -> list[Any]:
    index = built.index
    root_id = ua.NodeId(root, index)
    folder_type, object_type = ua.NodeId(ua.ObjectIds.FolderType), ua.NodeId(ua.ObjectIds.BaseObjectType)
    items = [object_item(root_id, root, "", ua.NodeId(ua.ObjectIds.ObjectsFolder), folder_type)]
    for folder in folders:
        folder_id = ua.NodeId(folder.name, index)
        items.append(object_item(folder_id, folder.name, folder.description, root_id, object_type))
        for node in folder.nodes:
            node_id = ua.NodeId(node.node_id, index)
            kept = len(built.node_ids) in historizing
            built.node_ids.append(node_id)
            items.append(variable_item(node_id, node, folder_id, historizing=kept))
            items.extend(property_items(node_id, node))
    return items


async def _add_machines(server: Server, described: Machines, machines: Iterable[Folder]) -> dict[str, list[Echo]]:
    for folder in machines:
        described.add(folder)
    await _add(server, [*specification_items(described.spaces), *described.items])
    await _refer(server, described.references)
    return described.echoes


async def _add_methods(server: Server, index: int, hands: Hands, unit_ids: Sequence[str]) -> None:
    methods = hands.methods
    await _add(server, training_items(methods, index))
    for method in methods:
        server.iserver.isession.add_method_callback(method_id(method.name, index), bound(method))
    if not unit_ids:
        return
    machines = {machine_id(unit_id, index): unit_id for unit_id in unit_ids}
    items, references = command_items(list(COMMANDS), list(machines))
    await _add(server, items)
    await _refer(server, references)
    for name, command in COMMANDS.items():
        call = _command(hands, machines, command)
        server.iserver.isession.add_method_callback(command_id(name, index), call)


def _command(hands: Hands, machines: dict[ua.NodeId, str], command: Command) -> Any:
    async def call(machine: ua.NodeId, *arguments: ua.Variant) -> ua.CallMethodResult:
        unit_id = machines.get(machine)
        if unit_id is None:
            return ua.CallMethodResult(ua.StatusCode(ua.StatusCodes.BadNodeIdInvalid))
        if arguments:
            return ua.CallMethodResult(ua.StatusCode(ua.StatusCodes.BadTooManyArguments))
        try:
            hands.command(unit_id, command)
        except ValueError as error:
            return rejected(f"{unit_id}: {command}", error)
        return ua.CallMethodResult()

    return call


async def _add(server: Server, items: Sequence[Any]) -> None:
    results = await server.iserver.isession.add_nodes(items)
    for item, result in zip(items, results, strict=True):
        if not result.StatusCode.is_good():
            raise ValueError(f"node {item.RequestedNewNodeId} cannot be added: {result.StatusCode.name}")


async def _refer(server: Server, references: Sequence[Any]) -> None:
    for status in await server.iserver.isession.add_references(references):
        status.check()
