"""What our server needs of the companion specifications Devices (OPC 10000-100) and Machinery (OPC 40001-1).

Types and states have the identifiers of the published node sets. Only what the machines use is declared; the metadata
of the two namespaces say so (IsNamespaceSubset, OPC 10000-5, 6.3.13).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from demo_line.servers.opcua.address_space import object_item, type_item, value_item

DI_URI = "http://opcfoundation.org/UA/DI/"
MACHINERY_URI = "http://opcfoundation.org/UA/Machinery/"

_VERSIONS = {
    DI_URI: ("1.05.0", datetime(2025, 11, 15, tzinfo=UTC)),
    MACHINERY_URI: ("1.04.1", datetime(2026, 1, 1, tzinfo=UTC)),
}

# Identifiers of the node set of Devices, then of Machinery.
FUNCTIONAL_GROUP_TYPE = 1005
MACHINES = 1001
ITEM_STATE_TYPE = 1002
_ITEM_IDENTIFICATION_TYPE = 1004
COMPONENT_IDENTIFICATION_TYPE = 1005
COMPONENTS_TYPE = 1006
OPERATION_MODE_TYPE = 1008
OPERATION_COUNTER_TYPE = 1009
IDENTIFICATION_TYPE = 1012
MONITORING_TYPE = 1014


@dataclass(frozen=True, slots=True)
class StateNode:
    """A state of a state machine type: identifiers of the state and of its number, and the number."""

    identifier: int
    number_identifier: int
    number: int


ITEM_STATES = {
    "OutOfService": StateNode(5004, 6038, 1),
    "NotAvailable": StateNode(5005, 6039, 0),
    "Executing": StateNode(5006, 6040, 3),
    "NotExecuting": StateNode(5007, 6041, 2),
}
OPERATION_MODES = {
    "None": StateNode(5024, 6059, 0),
    "Maintenance": StateNode(5025, 6060, 1),
    "Processing": StateNode(5026, 6061, 3),
    "Setup": StateNode(5027, 6062, 2),
}


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Indices of the namespaces on one server: ours, Devices, Machinery."""

    own: int
    di: int
    machinery: int


def specification_items(spaces: Namespaces) -> Iterator[Any]:
    """Types, states, the folder `Machines` and the metadata of the two namespaces."""
    folder = ua.NodeId(ua.ObjectIds.FolderType)
    yield from _types(spaces, folder)
    objects = ua.NodeId(ua.ObjectIds.ObjectsFolder)
    yield object_item(ua.NodeId(MACHINES, spaces.machinery), "Machines", "Machines of this server", objects, folder)
    for owner, states in ((ITEM_STATE_TYPE, ITEM_STATES), (OPERATION_MODE_TYPE, OPERATION_MODES)):
        for name, state in states.items():
            yield from _state_items(spaces.machinery, owner, name, state)
    for uri, index in ((DI_URI, spaces.di), (MACHINERY_URI, spaces.machinery)):
        yield from _metadata_items(uri, index)


def _types(spaces: Namespaces, folder: ua.NodeId) -> Iterator[Any]:
    group = ua.NodeId(FUNCTIONAL_GROUP_TYPE, spaces.di)
    item = ua.NodeId(_ITEM_IDENTIFICATION_TYPE, spaces.machinery)
    state_machine = ua.NodeId(ua.ObjectIds.FiniteStateMachineType)
    yield type_item(group, "FunctionalGroupType", folder)
    yield type_item(item, "MachineryItemIdentificationType", group, abstract=True)
    for identifier, name, parent in (
        (IDENTIFICATION_TYPE, "MachineIdentificationType", item),
        (COMPONENT_IDENTIFICATION_TYPE, "MachineryComponentIdentificationType", item),
        (COMPONENTS_TYPE, "MachineComponentsType", ua.NodeId(ua.ObjectIds.BaseObjectType)),
        (OPERATION_COUNTER_TYPE, "MachineryOperationCounterType", group),
        (MONITORING_TYPE, "MonitoringType", folder),
        (ITEM_STATE_TYPE, "MachineryItemState_StateMachineType", state_machine),
        (OPERATION_MODE_TYPE, "MachineryOperationModeStateMachineType", state_machine),
    ):
        yield type_item(ua.NodeId(identifier, spaces.machinery), name, parent)


def _state_items(index: int, owner: int, name: str, state: StateNode) -> Iterator[Any]:
    node_id, kind = ua.NodeId(state.identifier, index), ua.NodeId(ua.ObjectIds.StateType)
    yield object_item(node_id, name, "", ua.NodeId(owner, index), kind, reference=ua.ObjectIds.HasComponent)
    number = ua.Variant(state.number, ua.VariantType.UInt32)
    yield value_item(ua.NodeId(state.number_identifier, index), "StateNumber", node_id, number, name_index=0)


def _metadata_items(uri: str, index: int) -> Iterator[Any]:
    version, published = _VERSIONS[uri]
    node_id = ua.NodeId(uri, index)
    parent, kind = ua.NodeId(ua.ObjectIds.Server_Namespaces), ua.NodeId(ua.ObjectIds.NamespaceMetadataType)
    yield object_item(node_id, uri, "", parent, kind, reference=ua.ObjectIds.HasComponent)
    for name, value, datatype in (
        ("NamespaceUri", ua.Variant(uri, ua.VariantType.String), None),
        ("NamespaceVersion", ua.Variant(version, ua.VariantType.String), None),
        ("NamespacePublicationDate", ua.Variant(published, ua.VariantType.DateTime), None),
        ("IsNamespaceSubset", ua.Variant(Value=True, VariantType=ua.VariantType.Boolean), None),
        ("StaticNodeIdTypes", ua.Variant([0], ua.VariantType.Int32), ua.ObjectIds.IdType),
        ("StaticNumericNodeIdRange", ua.Variant(["1:65535"], ua.VariantType.String), ua.ObjectIds.NumericRange),
        ("StaticStringNodeIdPattern", ua.Variant("", ua.VariantType.String), None),
    ):
        yield value_item(ua.NodeId(f"{uri}/{name}", index), name, node_id, value, datatype=datatype, name_index=0)
