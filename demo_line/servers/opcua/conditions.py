"""Alarms as conditions (OPC 10000-9): their nodes, their events, and what a client may do to them."""

import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from asyncua import Server, ua

from demo_line.alarm import SEVERITIES, Alarm
from demo_line.servers.opcua.address_space import object_item, value_item
from demo_line.servers.opcua.machinery import machine_id

_log = logging.getLogger(__name__)

_KIND = ua.NodeId(ua.ObjectIds.ExclusiveLevelAlarmType)
_REMEMBERED = 16
"""So many events of an alarm can be acknowledged by their id."""

Clock = Callable[[], float]
"""Seconds since 1970, for what clients do between two steps of the line."""


class AlarmEvent:
    """Event of one change of an alarm, in the form in which the library asks for it.

    The library's own events are objects with some hundred attributes; this one holds the fields that are set.
    """

    def __init__(self, fields: Mapping[str, ua.Variant]) -> None:
        self.fields = fields
        self.emitting_node = ua.NodeId(ua.ObjectIds.Server)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["fields"][name].Value
        except KeyError:
            raise AttributeError(name) from None

    def to_event_fields(self, select_clauses: Sequence[ua.SimpleAttributeOperand]) -> list[ua.Variant]:
        """Values of the fields that a client has selected; null for one that the event does not have."""
        return [self.fields.get(_path(clause), ua.Variant(None)) for clause in select_clauses]


def _path(clause: ua.SimpleAttributeOperand) -> str:
    """Name of a selected field; without a path it is the ConditionId (OPC 10000-9, 5.5.2.13)."""
    return "/".join(name.Name for name in clause.BrowsePath) if clause.BrowsePath else "NodeId"


@dataclass(slots=True)
class _Condition:
    unit_id: str
    alarm: Alarm
    node_id: ua.NodeId
    source: ua.NodeId
    event_ids: deque[bytes] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    comment: ua.LocalizedText = field(default_factory=lambda: ua.LocalizedText(""))


class Conditions:
    """The alarms that one server shows.

    Args:
        server: the library's server.
        alarms: by unit and name.
        index: index of our namespace.
        clock: time for what clients do.
    """

    def __init__(self, server: Server, alarms: Mapping[tuple[str, str], Alarm], index: int, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._by_alarm: dict[int, _Condition] = {}
        self._by_node: dict[ua.NodeId, _Condition] = {}
        for (unit_id, name), alarm in alarms.items():
            node_id = ua.NodeId(f"{machine_id(unit_id, index).Identifier}/Alarms/{name}", index)
            condition = _Condition(unit_id, alarm, node_id, ua.NodeId(alarm.definition.channel, index))
            self._by_alarm[id(alarm)] = self._by_node[node_id] = condition
            self._by_node[_shelving(node_id)] = condition

    def items(self) -> list[Any]:
        """Nodes of the alarms below their machines."""
        items: list[Any] = []
        groups: set[ua.NodeId] = set()
        component = ua.ObjectIds.HasComponent
        for condition in self._by_alarm.values():
            node_id, definition = condition.node_id, condition.alarm.definition
            machine = machine_id(condition.unit_id, node_id.NamespaceIndex)
            group = ua.NodeId(f"{machine.Identifier}/Alarms", node_id.NamespaceIndex)
            if group not in groups:
                groups.add(group)
                kind = ua.NodeId(ua.ObjectIds.FolderType)
                items.append(object_item(group, "Alarms", "", machine, kind, reference=component))
            text = f"{definition.text}. {definition.response}."
            items.append(object_item(node_id, definition.name, text, group, _KIND, reference=component))
            shelving = ua.NodeId(ua.ObjectIds.ShelvedStateMachineType)
            items.append(
                object_item(
                    _shelving(node_id), "ShelvingState", "", node_id, shelving, reference=component, name_index=0
                )
            )
            for name, value in _limits(condition):
                property_id = ua.NodeId(f"{node_id.Identifier}/{name}", node_id.NamespaceIndex)
                items.append(value_item(property_id, name, node_id, value, name_index=0))
        return items

    def bind(self) -> None:
        """Let clients acknowledge, confirm, comment, shelve, disable; the methods are those of the types."""
        session = self._server.iserver.isession
        for identifier, call in (
            (ua.ObjectIds.ConditionType_Enable, self._enable),
            (ua.ObjectIds.ConditionType_Disable, self._disable),
            (ua.ObjectIds.ConditionType_AddComment, self._add_comment),
            (ua.ObjectIds.AcknowledgeableConditionType_Acknowledge, self._acknowledge),
            (ua.ObjectIds.AcknowledgeableConditionType_Confirm, self._confirm),
            (ua.ObjectIds.ShelvedStateMachineType_TimedShelve, self._timed_shelve),
            (ua.ObjectIds.ShelvedStateMachineType_OneShotShelve, self._one_shot_shelve),
            (ua.ObjectIds.ShelvedStateMachineType_Unshelve, self._unshelve),
        ):
            session.add_method_callback(ua.NodeId(identifier), call)

    def remember_standing(self) -> None:
        """Let ConditionRefresh send what stands, without an event of a change."""
        now = _moment(self._clock())
        for condition in self._by_alarm.values():
            if condition.alarm.active or not condition.alarm.acknowledged:
                event = self._event(condition, now)
                self._server.iserver.subscription_service._conditions[condition.node_id] = event

    async def tell(self, alarms: Iterable[Alarm], time: datetime) -> None:
        """Send an event for each alarm of this server that has changed."""
        for alarm in alarms:
            condition = self._by_alarm.get(id(alarm))
            if condition is not None:
                await self._send(condition, time)

    async def _send(self, condition: _Condition, time: datetime) -> None:
        event = self._event(condition, time)
        await self._server.iserver.subscription_service.trigger_event(event)

    def _event(self, condition: _Condition, time: datetime) -> AlarmEvent:
        event_id = uuid.uuid4().bytes
        condition.event_ids.append(event_id)
        return AlarmEvent(_fields(condition, event_id, time))

    def _commented(self, node_id: ua.NodeId, arguments: Sequence[ua.Variant]) -> _Condition | int:
        """Condition that a method with an event and a comment is about, or why it is refused."""
        condition = self._by_node.get(node_id)
        if condition is None:
            return int(ua.StatusCodes.BadNodeIdUnknown)
        if len(arguments) != 2:
            return int(ua.StatusCodes.BadArgumentsMissing)
        if not condition.alarm.enabled:
            return int(ua.StatusCodes.BadConditionDisabled)
        return condition if arguments[0].Value in condition.event_ids else int(ua.StatusCodes.BadEventIdUnknown)

    async def _acknowledge(self, node_id: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        condition = self._commented(node_id, arguments)
        if isinstance(condition, int):
            return ua.StatusCode(condition)
        if condition.alarm.acknowledged:
            return ua.StatusCode(ua.StatusCodes.BadConditionBranchAlreadyAcked)
        return await self._do(condition, condition.alarm.acknowledge, arguments[1].Value)

    async def _confirm(self, node_id: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        condition = self._commented(node_id, arguments)
        if isinstance(condition, int):
            return ua.StatusCode(condition)
        if condition.alarm.confirmed:
            return ua.StatusCode(ua.StatusCodes.BadConditionBranchAlreadyConfirmed)
        if not condition.alarm.acknowledged:
            return ua.StatusCode(ua.StatusCodes.BadInvalidState)
        return await self._do(condition, condition.alarm.confirm, arguments[1].Value)

    async def _add_comment(self, node_id: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        condition = self._commented(node_id, arguments)
        if isinstance(condition, int):
            return ua.StatusCode(condition)
        return await self._do(condition, lambda _now_s: None, arguments[1].Value)

    async def _enable(self, node_id: ua.NodeId, *_arguments: ua.Variant) -> ua.StatusCode:
        condition = self._by_node.get(node_id)
        if condition is None:
            return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
        if condition.alarm.enabled:
            return ua.StatusCode(ua.StatusCodes.BadConditionAlreadyEnabled)
        return await self._do(condition, condition.alarm.enable)

    async def _disable(self, node_id: ua.NodeId, *_arguments: ua.Variant) -> ua.StatusCode:
        condition = self._by_node.get(node_id)
        if condition is None:
            return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
        if not condition.alarm.enabled:
            return ua.StatusCode(ua.StatusCodes.BadConditionAlreadyDisabled)
        return await self._do(condition, condition.alarm.disable)

    async def _timed_shelve(self, node_id: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        condition = self._by_node.get(node_id)
        if condition is None or len(arguments) != 1:
            return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
        seconds = float(arguments[0].Value) / 1000.0
        if not 0.0 < seconds < inf:
            return ua.StatusCode(ua.StatusCodes.BadShelvingTimeOutOfRange)
        return await self._do(condition, lambda now_s: condition.alarm.shelve(now_s, seconds))

    async def _one_shot_shelve(self, node_id: ua.NodeId, *_arguments: ua.Variant) -> ua.StatusCode:
        condition = self._by_node.get(node_id)
        if condition is None:
            return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
        if condition.alarm.shelved_until_s is not None:
            return ua.StatusCode(ua.StatusCodes.BadConditionAlreadyShelved)
        return await self._do(condition, condition.alarm.shelve)

    async def _unshelve(self, node_id: ua.NodeId, *_arguments: ua.Variant) -> ua.StatusCode:
        condition = self._by_node.get(node_id)
        if condition is None:
            return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
        if condition.alarm.shelved_until_s is None:
            return ua.StatusCode(ua.StatusCodes.BadConditionNotShelved)
        return await self._do(condition, condition.alarm.unshelve)

    async def _do(
        self, condition: _Condition, act: Callable[[float], None], comment: ua.LocalizedText | None = None
    ) -> ua.StatusCode:
        now_s = self._clock()
        act(now_s)
        if comment is not None and comment.Text:  # an empty one leaves the last as it is (OPC 10000-9, 5.7.3)
            condition.comment = comment
        _log.info("%s of %s: %s", condition.alarm.definition.name, condition.unit_id, condition.alarm.state)
        await self._send(condition, _moment(now_s))
        return ua.StatusCode(ua.StatusCodes.Good)


def _moment(now_s: float) -> datetime:
    return datetime.fromtimestamp(now_s, UTC)


def _shelving(node_id: ua.NodeId) -> ua.NodeId:
    return ua.NodeId(f"{node_id.Identifier}/ShelvingState", node_id.NamespaceIndex)


def _limits(condition: _Condition) -> Iterable[tuple[str, ua.Variant]]:
    definition = condition.alarm.definition
    limit, side = (definition.above, "High") if definition.above is not None else (definition.below, "Low")
    yield f"{side}Limit", ua.Variant(limit, ua.VariantType.Double)
    yield f"{side}Deadband", ua.Variant(definition.deadband, ua.VariantType.Double)
    yield "OnDelay", ua.Variant(definition.on_delay_s * 1000.0, ua.VariantType.Double)
    yield "OffDelay", ua.Variant(definition.off_delay_s * 1000.0, ua.VariantType.Double)
    yield "InputNode", ua.Variant(condition.source, ua.VariantType.NodeId)


def _fields(condition: _Condition, event_id: bytes, time: datetime) -> dict[str, ua.Variant]:
    """All fields of an event (OPC 10000-5, 6.4.2; OPC 10000-9, 5.5 to 5.8)."""
    alarm, definition = condition.alarm, condition.alarm.definition
    severity = SEVERITIES[definition.priority]
    shelved = alarm.shelved_until_s is not None
    high = definition.above is not None
    shelving = "Unshelved" if not shelved else "OneShotShelved" if alarm.shelved_until_s == inf else "TimedShelved"
    text, string, boolean = ua.VariantType.LocalizedText, ua.VariantType.String, ua.VariantType.Boolean
    fields = {
        "EventId": ua.Variant(event_id, ua.VariantType.ByteString),
        "EventType": ua.Variant(_KIND, ua.VariantType.NodeId),
        "SourceNode": ua.Variant(condition.source, ua.VariantType.NodeId),
        "SourceName": ua.Variant(definition.channel, string),
        "Time": ua.Variant(time, ua.VariantType.DateTime),
        "ReceiveTime": ua.Variant(time, ua.VariantType.DateTime),
        "Message": ua.Variant(ua.LocalizedText(f"{definition.text}. {definition.response}."), text),
        "Severity": ua.Variant(severity, ua.VariantType.UInt16),
        "NodeId": ua.Variant(condition.node_id, ua.VariantType.NodeId),
        "ConditionClassId": ua.Variant(ua.NodeId(ua.ObjectIds.ProcessConditionClassType), ua.VariantType.NodeId),
        "ConditionClassName": ua.Variant(ua.LocalizedText("ProcessConditionClassType"), text),
        "ConditionName": ua.Variant(definition.name, string),
        "BranchId": ua.Variant(ua.NodeId(), ua.VariantType.NodeId),
        "Retain": ua.Variant(alarm.enabled and (alarm.active or not alarm.acknowledged), boolean),
        "Quality": ua.Variant(ua.StatusCode(ua.StatusCodes.Good), ua.VariantType.StatusCode),
        "LastSeverity": ua.Variant(severity, ua.VariantType.UInt16),
        "Comment": ua.Variant(condition.comment, text),
        "ClientUserId": ua.Variant("", string),
        "InputNode": ua.Variant(condition.source, ua.VariantType.NodeId),
        "SuppressedOrShelved": ua.Variant(alarm.suppressed or shelved, boolean),
        "ShelvingState/CurrentState": ua.Variant(ua.LocalizedText(shelving), text),
        "HighLimit" if high else "LowLimit": ua.Variant(
            definition.above if high else definition.below, ua.VariantType.Double
        ),
    }
    if alarm.active:
        fields["LimitState/CurrentState"] = ua.Variant(ua.LocalizedText("High" if high else "Low"), text)
    for name, value, words in (
        ("EnabledState", alarm.enabled, ("Disabled", "Enabled")),
        ("AckedState", alarm.acknowledged, ("Unacknowledged", "Acknowledged")),
        ("ConfirmedState", alarm.confirmed, ("Unconfirmed", "Confirmed")),
        ("ActiveState", alarm.active, ("Inactive", "Active")),
        ("SuppressedState", alarm.suppressed, ("Unsuppressed", "Suppressed")),
    ):
        fields[name] = ua.Variant(ua.LocalizedText(words[value]), text)
        fields[f"{name}/Id"] = ua.Variant(value, boolean)
    return fields
