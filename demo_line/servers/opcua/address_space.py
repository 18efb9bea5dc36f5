"""Address space of the OPC UA server: the core of the standard one, and our nodes."""

import asyncio
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import User
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData, NodeManagementService
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession

from demo_line.servers.nodes import NodeDescription, unece_unit_id
from demo_line.servers.opcua.subscriptions import TellingSubscriptions
from demo_line.signals import DataType

_READ_ONLY = ua.AccessLevel.CurrentRead.mask

_CORE_BELOW = 12_000
"""Identifiers of namespace 0 below this are types, Server object and limits; above PubSub, directories, roles."""

_ALSO_CORE = frozenset(
    {
        ua.ObjectIds.BaseAnalogType,
        ua.ObjectIds.HasAddIn,
        ua.ObjectIds.ConditionType_ConditionRefresh2,
        ua.ObjectIds.ConditionType_ConditionRefresh2_InputArguments,
    }
)


class CoreInternalServer(InternalServer):  # type: ignore[misc]
    """Internal server with the core of the standard address space only, overflow told, without a discovery service.

    The whole standard has 6,174 nodes, of which a line uses some hundred; leaving the rest out saves 43 MB
    and 2 s of CPU time.
    """

    def __init__(self, user_manager: Any) -> None:
        super().__init__(user_manager=user_manager)
        self.delay_s = 0.0
        self.subscription_service = TellingSubscriptions(self.aspace, iserver=self)
        self.isession.subscription_service = self.subscription_service

    async def load_standard_address_space(self, _shelf_file: Path | None = None) -> None:
        """Fill the address space; the library calls this once."""
        core = await asyncio.to_thread(_core)
        self.aspace._nodes.update((node_id, _own_copy(node)) for node_id, node in core.items())

    def create_session(self, name: str, user: User | None = None, external: bool = False) -> InternalSession:
        """Session of a client, whose answers wait as long as `delay_s` says."""
        return _Session(self, self.aspace, self.subscription_service, name, user=user or User(), external=external)

    def register_server(self, _server: Any, _conf: Any = None) -> None:
        """Refused: strangers cannot register their servers here."""
        raise ua.uaerrors.BadServiceUnsupported

    def register_server2(self, _params: Any) -> list[ua.StatusCode]:
        """Refused like `register_server`."""
        raise ua.uaerrors.BadServiceUnsupported


class _Session(InternalSession):  # type: ignore[misc]
    """Session that can be slow."""

    async def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        await asyncio.sleep(self.iserver.delay_s)
        return list(await super().read(params))

    async def browse(self, params: ua.BrowseParameters) -> list[ua.BrowseResult]:
        await asyncio.sleep(self.iserver.delay_s)
        return list(await super().browse(params))

    async def history_read(self, params: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        await asyncio.sleep(self.iserver.delay_s)
        return list(await super().history_read(params))

    async def create_monitored_items(self, params: ua.CreateMonitoredItemsParameters) -> list[Any]:
        await asyncio.sleep(self.iserver.delay_s)
        return list(await super().create_monitored_items(params))


class _CoreOnly:
    """Takes the standard's nodes and references from the library's generated code and adds those of the core."""

    def __init__(self, service: NodeManagementService) -> None:
        self._service = service
        self._later_nodes: list[Any] = []
        self._later_references: list[Any] = []

    def add_nodes(self, nodes: Iterable[Any]) -> None:
        wanted = [node for node in nodes if _is_core(node.RequestedNewNodeId)]
        self._later_nodes.extend(self._service.try_add_nodes(wanted, check=False))

    def add_references(self, references: Iterable[Any]) -> None:
        wanted = [item for item in references if _is_core(item.SourceNodeId) and _is_core(item.TargetNodeId)]
        self._later_references.extend(self._service.try_add_references(wanted))

    def finish(self) -> None:
        """Add what came before its parent; what remains hangs below a node that is not of the core."""
        list(self._service.try_add_nodes(self._later_nodes, check=False))
        list(self._service.try_add_references(self._later_references))


def _is_core(node_id: ua.NodeId) -> bool:
    return node_id.Identifier < _CORE_BELOW or node_id.Identifier in _ALSO_CORE


@cache
def _core() -> dict[ua.NodeId, NodeData]:
    """Nodes of the core, made once: every server of the process copies them, which saves a second and 10 MB each."""
    # Ten megabytes of generated code that only a server needs, and only here.
    from asyncua.server.standard_address_space.standard_address_space_services import (
        create_standard_address_space_Services,
    )

    space = AddressSpace()
    core = _CoreOnly(NodeManagementService(space))
    create_standard_address_space_Services(core)
    core.finish()
    nodes: dict[ua.NodeId, NodeData] = space._nodes
    return nodes


def _own_copy(node: NodeData) -> NodeData:
    """Node whose values and references can change; the values themselves are never changed in place and are shared."""
    copied = NodeData(node.nodeid)
    copied.attributes = {number: AttributeValue(attribute.value) for number, attribute in node.attributes.items()}
    copied.references = list(node.references)
    return copied


def object_item(
    node_id: ua.NodeId,
    name: str,
    description: str,
    parent: ua.NodeId,
    kind: ua.NodeId,
    *,
    reference: int = ua.ObjectIds.Organizes,
    name_index: int | None = None,
    tells_events: bool = False,
) -> ua.AddNodesItem:
    """An object below `parent`; `name_index` is the namespace of its browse name where that is not the node's."""
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(reference),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, node_id.NamespaceIndex if name_index is None else name_index),
        NodeClass=ua.NodeClass.Object,
        NodeAttributes=ua.ObjectAttributes(
            DisplayName=ua.LocalizedText(name),
            Description=ua.LocalizedText(description or name),
            EventNotifier=int(tells_events),
        ),
        TypeDefinition=kind,
    )


def type_item(node_id: ua.NodeId, name: str, parent: ua.NodeId, *, abstract: bool = False) -> ua.AddNodesItem:
    """An object type below its supertype."""
    attributes = ua.ObjectTypeAttributes(
        DisplayName=ua.LocalizedText(name), Description=ua.LocalizedText(name), IsAbstract=abstract
    )
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasSubtype),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, node_id.NamespaceIndex),
        NodeClass=ua.NodeClass.ObjectType,
        NodeAttributes=attributes,
    )


def variable_item(
    node_id: ua.NodeId, node: NodeDescription, parent: ua.NodeId, *, historizing: bool = False
) -> ua.AddNodesItem:
    """A read-only variable as described, without a value so far; `historizing` = its last readings are kept."""
    # AnalogUnitRangeType needs both properties, BaseAnalogType either (OPC 10000-8, 5.3.2).
    analog = node.datatype is DataType.DOUBLE and (node.unit or _has_range(node))
    return value_item(
        node_id,
        node.name,
        parent,
        ua.Variant(None),
        datatype=ua.VariantType[node.datatype.value].value,
        kind=ua.ObjectIds.BaseAnalogType if analog else ua.ObjectIds.BaseDataVariableType,
        description=node.description,
        historizing=historizing,
    )


def value_item(
    node_id: ua.NodeId,
    name: str,
    parent: ua.NodeId,
    value: ua.Variant,
    *,
    datatype: int | None = None,
    kind: int = ua.ObjectIds.PropertyType,
    description: str = "",
    name_index: int | None = None,
    historizing: bool = False,
) -> ua.AddNodesItem:
    """A read-only variable; as PropertyType a property of `parent`, else a component.

    `datatype` is the number of the data type in namespace 0 where the value does not tell it.
    """
    reference = ua.ObjectIds.HasProperty if kind == ua.ObjectIds.PropertyType else ua.ObjectIds.HasComponent
    access = _READ_ONLY | (ua.AccessLevel.HistoryRead.mask if historizing else 0)
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(name),
        Description=ua.LocalizedText(description or name),
        Value=value,
        DataType=ua.NodeId(value.VariantType.value if datatype is None else datatype),
        ValueRank=ua.ValueRank.OneDimension if value.is_array else ua.ValueRank.Scalar,
        ArrayDimensions=None,
        AccessLevel=access,
        UserAccessLevel=access,
        MinimumSamplingInterval=0.0,
        Historizing=historizing,
    )
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(reference),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, node_id.NamespaceIndex if name_index is None else name_index),
        NodeClass=ua.NodeClass.Variable,
        NodeAttributes=attributes,
        TypeDefinition=ua.NodeId(kind),
    )


def reference_item(source: ua.NodeId, target: ua.NodeId, *, reference: int, forward: bool) -> ua.AddReferencesItem:
    """One direction of a reference between two nodes that are there."""
    return ua.AddReferencesItem(
        SourceNodeId=source, ReferenceTypeId=ua.NodeId(reference), IsForward=forward, TargetNodeId=target
    )


def _has_range(node: NodeDescription) -> bool:
    return node.low is not None and node.high is not None


def property_items(node_id: ua.NodeId, node: NodeDescription) -> Iterable[ua.AddNodesItem]:
    """Engineering unit and range of a variable, where it has them."""
    if node.unit:
        unit = ua.EUInformation()
        unit.NamespaceUri = "http://www.opcfoundation.org/UA/units/un/cefact"
        unit.UnitId = unece_unit_id(node.unit, node.name)
        unit.DisplayName = unit.Description = ua.LocalizedText(node.unit)
        yield _structure(node_id, "EngineeringUnits", unit, ua.ObjectIds.EUInformation)
    if _has_range(node):
        limits = ua.Range()
        limits.Low, limits.High = float(node.low or 0.0), float(node.high or 0.0)
        yield _structure(node_id, "EURange", limits, ua.ObjectIds.Range)


def _structure(owner: ua.NodeId, name: str, value: Any, datatype: int) -> ua.AddNodesItem:
    node_id = ua.NodeId(f"{owner.Identifier}.{name}", owner.NamespaceIndex)
    content = ua.Variant(value, ua.VariantType.ExtensionObject)
    return value_item(node_id, name, owner, content, datatype=datatype, name_index=0)
