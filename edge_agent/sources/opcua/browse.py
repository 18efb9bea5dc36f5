"""Finds the nodes of a configuration on a connected server and reads what the server says about them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from asyncua import ua

from edge_agent.report import ReportRule
from edge_agent.sources.base import Tag
from edge_agent.sources.config import OpcUaBrowseConfig, OpcUaSourceConfig, OpcUaTagConfig, is_node_address
from edge_agent.sources.opcua.address import NodeAddress, parse_path
from edge_agent.sources.opcua.errors import DiscoveryError
from edge_agent.sources.opcua.reading import WIRE_TYPES
from edge_agent.sources.opcua.session import Session
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin

_HIERARCHICAL, _HAS_SUBTYPE, _HAS_PROPERTY = 33, 45, 46
_NOT_STRUCTURE = {36, 46, 48}  # HasEventSource, HasProperty, HasNotifier
_OBJECTS, _ENUMERATION = 85, 29
_MAX_DEPTH = 20
_NAMED = 10  # so many names of a server are told where the configured one is not there


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the connected server and the tag it is read as; `node_id` is valid for this connection only."""

    node_id: ua.NodeId
    tag: Tag


@dataclass(slots=True)
class Found:
    """Outcome of a discovery; `problems` names what of the configuration cannot be read, one line each."""

    nodes: list[Node] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    device: str
    metric: str
    node_id: ua.NodeId
    rule: ReportRule
    config: OpcUaTagConfig | None = None


class Discovery:
    """One search on one connection. Namespaces are resolved by URI, so indices may differ from the last connection."""

    def __init__(self, session: Session, config: OpcUaSourceConfig) -> None:
        self._session = session
        self._config = config
        self._found = Found()
        self._children: dict[ua.NodeId, list[Any]] = {}
        self._builtin: dict[ua.NodeId, int | None] = {}

    async def run(self) -> Found:
        """Search; raises DiscoveryError where the server has nothing that was asked for."""
        candidates: dict[tuple[str, str], _Candidate] = {}
        for browse in self._config.browse:
            for candidate in await self._below(browse):
                candidates.setdefault((candidate.device, candidate.metric), candidate)
        for tag in self._config.tags:
            node_id = await self._locate(tag.node or tag.path or "", f"tag {tag.device}/{tag.metric}")
            if node_id is not None:
                candidates[tag.device, tag.metric] = _Candidate(tag.device, tag.metric, node_id, tag.rule, tag)
        await self._describe(list(candidates.values()))
        if not self._found.nodes:
            reason = "; ".join(self._found.problems[:3]) or "there are no variables below the configured roots"
            raise DiscoveryError(
                f"the server has none of the configured nodes: {reason}",
                "compare the namespace URIs and names with the server's address space",
            )
        return self._found

    async def _below(self, browse: OpcUaBrowseConfig) -> list[_Candidate]:
        root = await self._locate(browse.root, "browse root")
        if root is None:
            return []
        (name,) = await self._session.read([(root, ua.AttributeIds.BrowseName)])
        frontier = [("", "", root)]
        visited = {root}
        candidates = []
        for _ in range(_MAX_DEPTH):
            following = []
            listed = await self._session.browse([node_id for _, _, node_id in frontier], _HIERARCHICAL)
            for (device, prefix, _), references in zip(frontier, listed, strict=True):
                for reference in references:
                    node_id, child = _plain(reference.NodeId), reference.BrowseName.Name
                    if reference.ReferenceTypeId.Identifier in _NOT_STRUCTURE or node_id in visited:
                        continue
                    visited.add(node_id)
                    if reference.NodeClass == ua.NodeClass.Variable:
                        owner = device or _identifier(name.Value.Value.Name)
                        candidates.append(_candidate(owner, prefix + child, node_id, browse))
                    elif reference.NodeClass == ua.NodeClass.Object:
                        below = (device, f"{prefix}{child}/") if device else (_identifier(child), "")
                        following.append((*below, node_id))
            frontier = following
            if not frontier:
                break
        return candidates

    async def _locate(self, text: str, what: str) -> ua.NodeId | None:
        """Return the node of an address or browse path; None, with a problem noted, where the server has none."""
        try:
            if is_node_address(text):
                return self._session.node_id(NodeAddress.parse(text))
            return await self._follow(text)
        except KeyError as error:
            known = ", ".join(self._session.namespaces[1:])
            self._problem(f"{what}: the server has no namespace {error.args[0]} (it has {known})")
        except LookupError as error:
            self._problem(f"{what}: {error}")
        return None

    async def _follow(self, path: str) -> ua.NodeId:
        node_id = ua.NodeId(_OBJECTS)
        for element in parse_path(path):
            if element.namespace_uri is not None and element.namespace_uri not in self._session.namespaces:
                raise KeyError(element.namespace_uri)
            if node_id not in self._children:
                (self._children[node_id],) = await self._session.browse([node_id], _HIERARCHICAL)
            matches = {
                _plain(reference.NodeId)
                for reference in self._children[node_id]
                if reference.BrowseName.Name == element.name
                and element.namespace_uri in (None, self._session.namespaces[reference.BrowseName.NamespaceIndex])
            }
            if len(matches) > 1:
                raise LookupError(f"path {path}: several nodes, in different namespaces, are named {element.name}")
            if not matches:
                raise LookupError(f"path {path}: there is no node named {element.name}, {self._what_is_there(node_id)}")
            (node_id,) = matches
        return node_id

    def _what_is_there(self, parent: ua.NodeId) -> str:
        names = sorted({str(reference.BrowseName.Name) for reference in self._children[parent]})
        if not names:
            return "and nothing else either"
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"but {', '.join(names[:_NAMED])}{more}"

    async def _describe(self, candidates: Sequence[_Candidate]) -> None:
        """Read type, shape, description, unit and range of all candidates in few requests."""
        attributes = (
            ua.AttributeIds.NodeClass,
            ua.AttributeIds.DataType,
            ua.AttributeIds.ValueRank,
            ua.AttributeIds.Description,
            ua.AttributeIds.Value,
        )
        values = await self._session.read([(c.node_id, attribute) for c in candidates for attribute in attributes])
        properties = await self._properties(candidates)
        for index, candidate in enumerate(candidates):
            own = values[index * len(attributes) : (index + 1) * len(attributes)]
            name = f"tag {candidate.device}/{candidate.metric} ({self._session.address(candidate.node_id)})"
            if not own[0].StatusCode.is_good():
                self._problem(f"{name}: the server answers {own[0].StatusCode.name}")
                continue
            datatype = await self._wire_type(own[1], own[2], own[4])
            if isinstance(datatype, str):
                self._problem(f"{name}: {datatype}")
                continue
            text = own[3].Value.Value.Text if own[3].StatusCode.is_good() and own[3].Value.Value else None
            tag = self._tag(candidate, datatype, text or "", properties[index])
            self._found.nodes.append(Node(candidate.node_id, tag))

    async def _properties(self, candidates: Sequence[_Candidate]) -> list[dict[str, Any]]:
        """Read the properties EngineeringUnits and EURange of each candidate that has them."""
        listed = await self._session.browse([candidate.node_id for candidate in candidates], _HAS_PROPERTY)
        wanted = [
            (index, reference.BrowseName.Name, _plain(reference.NodeId))
            for index, references in enumerate(listed)
            for reference in references
            if reference.BrowseName.Name in ("EngineeringUnits", "EURange")
        ]
        values = await self._session.read([(node_id, ua.AttributeIds.Value) for _, _, node_id in wanted])
        properties: list[dict[str, Any]] = [{} for _ in candidates]
        for (index, name, _), value in zip(wanted, values, strict=True):
            if value.Value is not None and value.Value.Value is not None:
                properties[index][name] = value.Value.Value
        return properties

    async def _wire_type(self, datatype: Any, rank: Any, value: Any) -> DataType | str:
        """Return the type on the wire, or why the variable cannot be read."""
        if not datatype.StatusCode.is_good():
            return f"its data type cannot be read ({datatype.StatusCode.name})"
        if rank.StatusCode.is_good() and rank.Value.Value >= 0:
            return "arrays are not read"
        builtin = await self._builtin_type(_plain(datatype.Value.Value))
        if builtin is None and value.Value is not None and value.Value.Value is not None and not value.Value.is_array:
            builtin = int(value.Value.VariantType.value)  # an abstract type such as Number: what it holds now
        if builtin not in WIRE_TYPES:
            return f"its data type {self._session.address(datatype.Value.Value)} is not read"
        return WIRE_TYPES[builtin]

    async def _builtin_type(self, datatype: ua.NodeId) -> int | None:
        """Follow the supertypes up to a built-in type; None for abstract ones and structures."""
        chain: list[ua.NodeId] = []
        current = datatype
        while current not in self._builtin and len(chain) < _MAX_DEPTH:
            if current.NamespaceIndex == 0 and current.Identifier in WIRE_TYPES:
                self._builtin[current] = int(current.Identifier)
            elif current.NamespaceIndex == 0 and current.Identifier == _ENUMERATION:
                self._builtin[current] = ua.VariantType.Int32.value
            else:
                chain.append(current)
                (references,) = await self._session.browse([current], _HAS_SUBTYPE, inverse=True)
                if not references:
                    self._builtin[current] = None
                    break
                current = _plain(references[0].NodeId)
        for member in chain:
            self._builtin[member] = self._builtin.get(current)
        return self._builtin.get(datatype)

    def _tag(self, candidate: _Candidate, datatype: DataType, description: str, properties: dict[str, Any]) -> Tag:
        unit, span, own = properties.get("EngineeringUnits"), properties.get("EURange"), candidate.config
        unit_text = (unit.DisplayName.Text or "") if isinstance(unit, ua.EUInformation) else ""
        low, high = (span.Low, span.High) if isinstance(span, ua.Range) and span.Low < span.High else (None, None)
        return Tag(
            device_id=candidate.device,
            metric=candidate.metric,
            datatype=datatype,
            address=str(self._session.address(candidate.node_id)),
            origin=Origin.parse(self._config.origin),
            unit=own.unit if own and own.unit is not None else unit_text,
            low=own.low if own and own.low is not None else low,
            high=own.high if own and own.high is not None else high,
            description=own.description if own and own.description is not None else description,
            rule=candidate.rule,
        )

    def _problem(self, text: str) -> None:
        self._found.problems.append(text)


def _candidate(device: str, metric: str, node_id: ua.NodeId, browse: OpcUaBrowseConfig) -> _Candidate:
    rule = next((pattern.rule for pattern in browse.rules if fnmatchcase(metric, pattern.metric)), browse.rule)
    return _Candidate(device, metric, node_id, rule)


def _plain(node_id: Any) -> ua.NodeId:
    """Turn an ExpandedNodeId of this server into a NodeId, so that equal nodes compare equal."""
    return ua.NodeId(node_id.Identifier, node_id.NamespaceIndex, node_id.NodeIdType)


def _identifier(name: str) -> str:
    """Replace what Sparkplug does not allow in a device id."""
    return re.sub(r"[/+#]", "_", name)
