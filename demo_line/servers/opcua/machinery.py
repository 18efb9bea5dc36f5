"""Machines in the structure of OPC 40001-1 (Machinery) and with the names of OPC 30050 (PackML).

They stand in `Objects/Machines`, beside the plain list of signals, whose nodes they refer to. The types of PackML
demand methods and structures that the line does not have, so its names are used in our own namespace.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua

from demo_line.servers.machine import COUNTERS, MANUFACTURER, PACKML_NAMES, Nameplate, item_state, operation_mode
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import specifications as spec
from demo_line.servers.opcua.address_space import (
    object_item,
    property_items,
    reference_item,
    value_item,
    variable_item,
)
from demo_line.servers.opcua.specifications import Namespaces, StateNode

Convert = Callable[[Any], ua.Variant]

_POWER_UNITS = frozenset({"W", "kW", "VA", "Wh", "kWh", "A", "m³/min"})
_GOOD = ua.StatusCode(ua.StatusCodes.Good)


@dataclass(frozen=True, slots=True)
class Echo:
    """A node that shows a signal in another form: it gets a value whenever the signal gets one."""

    node_id: ua.NodeId
    convert: Convert


@dataclass
class Machines:
    """Nodes and references to add for the machines of a server, and which signals are shown again by which nodes.

    Attributes:
        spaces: indices of the namespaces.
        items, references: what is to be added, in this order.
        echoes: by the name of the signal's node.
    """

    spaces: Namespaces
    items: list[Any] = field(default_factory=list)
    references: list[Any] = field(default_factory=list)
    echoes: dict[str, list[Echo]] = field(default_factory=dict)

    def add(self, folder: Folder) -> None:
        """Describe one machine; a folder without a nameplate is none."""
        plate = folder.nameplate
        if plate is None:
            return
        machines = ua.NodeId(spec.MACHINES, self.spaces.machinery)
        machine = machine_id(folder.name, self.spaces.own)
        kind = ua.NodeId(ua.ObjectIds.BaseObjectType)
        self.items.append(object_item(machine, folder.name, folder.description, machines, kind, tells_events=True))
        self._identification(machine, plate)
        self._components(machine, plate)
        by_name = {node.name: node for node in folder.nodes}
        self._state(machine, by_name, "state_current", "MachineryItemState", spec.ITEM_STATE_TYPE, _item_states())
        self._state(machine, by_name, "unit_mode", "MachineryOperationMode", spec.OPERATION_MODE_TYPE, _modes())
        self._counters(machine, by_name)
        self._packml(machine, by_name)
        self._monitoring(machine, folder.nodes)

    def _identification(self, machine: ua.NodeId, plate: Nameplate) -> None:
        """Identification (OPC 40001-1, 8.2): the mandatory properties of MachineIdentificationType, and the model."""
        owner = self._add_in(machine, "Identification", spec.IDENTIFICATION_TYPE, self.spaces.di)
        self._property(owner, "Manufacturer", ua.LocalizedText(MANUFACTURER))
        self._property(owner, "Model", ua.LocalizedText(plate.model))
        self._property(owner, "SerialNumber", plate.serial_number)
        self._property(owner, "ProductInstanceUri", plate.product_instance_uri)

    def _components(self, machine: ua.NodeId, plate: Nameplate) -> None:
        """Components (OPC 40001-1, 9), each with an identification of its own."""
        if not plate.components:
            return
        owner = self._add_in(machine, "Components", spec.COMPONENTS_TYPE, self.spaces.machinery)
        for number, name in enumerate(plate.components, start=1):
            component = _below(owner, name)
            kind = ua.NodeId(ua.ObjectIds.BaseObjectType)
            self.items.append(object_item(component, name, "", owner, kind, reference=ua.ObjectIds.HasComponent))
            of_component = self._add_in(component, "Identification", spec.COMPONENT_IDENTIFICATION_TYPE, self.spaces.di)
            self._property(of_component, "Manufacturer", ua.LocalizedText(MANUFACTURER))
            self._property(of_component, "SerialNumber", f"{plate.serial_number}-{number:02d}")

    def _state(
        self,
        machine: ua.NodeId,
        by_name: Mapping[str, NodeDescription],
        signal: str,
        name: str,
        kind: int,
        states: tuple[Callable[[int], str], Mapping[str, StateNode]],
    ) -> None:
        """A state machine whose current state follows from a signal."""
        if signal not in by_name:
            return
        state_of, nodes = states
        owner = self._add_in(machine, name, kind, self.spaces.machinery)
        current, number = _below(owner, "CurrentState"), _below(owner, "CurrentState/Id")
        none = ua.Variant(None)
        self.items += [
            value_item(
                current, "CurrentState", owner, none, datatype=ua.ObjectIds.LocalizedText,
                kind=ua.ObjectIds.FiniteStateVariableType, name_index=0,
            ),
            value_item(number, "Id", current, none, datatype=ua.ObjectIds.NodeId, name_index=0),
        ]  # fmt: skip
        index = self.spaces.machinery
        self._echo(by_name[signal], current, lambda value: ua.Variant(ua.LocalizedText(state_of(value))))
        self._echo(
            by_name[signal], number, lambda value: ua.Variant(ua.NodeId(nodes[state_of(value)].identifier, index))
        )

    def _counters(self, machine: ua.NodeId, by_name: Mapping[str, NodeDescription]) -> None:
        """OperationCounters (OPC 40001-1, 12), as far as signals tell them."""
        known = [name for name in COUNTERS if name in by_name]
        if not known:
            return
        owner = self._add_in(machine, "OperationCounters", spec.OPERATION_COUNTER_TYPE, self.spaces.di)
        shown: set[str] = set()
        for signal in known:
            name, convert = COUNTERS[signal]
            if name in shown:
                continue
            shown.add(name)
            duration = name.endswith("Duration")
            kind = ua.VariantType.Double if duration else ua.VariantType.UInt64
            datatype = ua.ObjectIds.Duration if duration else ua.ObjectIds.UInt64
            node_id = _below(owner, name)
            self.items.append(
                value_item(
                    node_id, name, owner, ua.Variant(None), datatype=datatype,
                    description=f"{name}, from {signal}", name_index=self.spaces.di,
                )
            )  # fmt: skip
            self._echo(by_name[signal], node_id, _converter(convert, kind))

    def _packml(self, machine: ua.NodeId, by_name: Mapping[str, NodeDescription]) -> None:
        """Status and Admin as OPC 30050 names them."""
        kind, groups = ua.NodeId(ua.ObjectIds.BaseObjectType), set[str]()
        for signal, (group, name) in PACKML_NAMES.items():
            if signal not in by_name:
                continue
            owner = _below(machine, group)
            if group not in groups:
                groups.add(group)
                self.items.append(object_item(owner, group, "", machine, kind, reference=ua.ObjectIds.HasComponent))
            node, node_id = by_name[signal], _below(owner, name)
            described = NodeDescription(
                str(node_id.Identifier), name, node.datatype, node.unit, node.low, node.high, node.description
            )
            self.items += [variable_item(node_id, described, owner), *property_items(node_id, described)]
            variant_type = ua.VariantType[node.datatype.value]
            self._echo(node, node_id, _converter(lambda value: value, variant_type))

    def _monitoring(self, machine: ua.NodeId, nodes: Sequence[NodeDescription]) -> None:
        """Monitoring (OPC 40001-1, 14): refers to the signals; what is consumed apart from the rest."""
        owner = self._add_in(machine, "Monitoring", spec.MONITORING_TYPE, self.spaces.machinery)
        folder, groups = ua.NodeId(ua.ObjectIds.FolderType), set[str]()
        for node in nodes:
            if node.name in PACKML_NAMES or node.name == "state_current_text":
                continue
            group = "Consumption" if node.unit in _POWER_UNITS else "Process"
            group_id = _below(owner, group)
            if group not in groups:
                groups.add(group)
                self.items.append(
                    object_item(
                        group_id, group, "", owner, folder, reference=ua.ObjectIds.HasComponent,
                        name_index=self.spaces.machinery,
                    )
                )  # fmt: skip
            signal = ua.NodeId(node.node_id, self.spaces.own)
            organizes = ua.ObjectIds.Organizes
            self.references += [
                reference_item(group_id, signal, reference=organizes, forward=True),
                reference_item(signal, group_id, reference=organizes, forward=False),
            ]

    def _add_in(self, owner: ua.NodeId, name: str, kind: int, name_index: int) -> ua.NodeId:
        """Building blocks are referred to by HasAddIn (OPC 40001-1, 7.1)."""
        node_id = _below(owner, name)
        type_id = ua.NodeId(kind, self.spaces.machinery)
        self.items.append(
            object_item(node_id, name, "", owner, type_id, reference=ua.ObjectIds.HasAddIn, name_index=name_index)
        )
        return node_id

    def _property(self, owner: ua.NodeId, name: str, value: str | ua.LocalizedText) -> None:
        self.items.append(value_item(_below(owner, name), name, owner, ua.Variant(value), name_index=self.spaces.di))

    def _echo(self, node: NodeDescription, node_id: ua.NodeId, convert: Convert) -> None:
        self.echoes.setdefault(node.node_id, []).append(Echo(node_id, convert))


def machine_id(unit_id: str, index: int) -> ua.NodeId:
    """Node of a machine; `index` is that of our own namespace."""
    return ua.NodeId(f"Machines/{unit_id}", index)


def _below(owner: ua.NodeId, name: str) -> ua.NodeId:
    return ua.NodeId(f"{owner.Identifier}/{name}", owner.NamespaceIndex)


def _converter(convert: Callable[[Any], Any], kind: ua.VariantType) -> Convert:
    return lambda value: ua.Variant(convert(value), kind)


def _item_states() -> tuple[Callable[[int], str], Mapping[str, StateNode]]:
    return item_state, spec.ITEM_STATES


def _modes() -> tuple[Callable[[int], str], Mapping[str, StateNode]]:
    return operation_mode, spec.OPERATION_MODES
