"""Alarms as conditions of the OPC UA server: events, acknowledgement, shelving, refresh."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from demo_line.alarm import Alarm, AlarmDefinition
from demo_line.config import OpcuaConfig, OpcuaUser
from demo_line.servers.machine import nameplate
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import OpcuaServer
from demo_line.signals import DataType

URI = "urn:smart-factory-showroom:line"
T0 = 1_790_000_000
FOLDER = Folder(
    "M-1", "A machine", [NodeDescription("M-1.heat_degc", "heat_degc", DataType.DOUBLE)], nameplate("M-1", "")
)


def hot() -> Alarm:
    return Alarm(
        AlarmDefinition(
            name="hot", channel="M-1.heat_degc", above=80.0, priority="high", text="Too hot", response="Cool it"
        )
    )


class Plant:
    """One machine with one alarm behind a server, and what a client has heard of it."""

    def __init__(self, server: OpcuaServer, alarm: Alarm) -> None:
        self.server, self.alarm, self.second = server, alarm, 0
        self.events: list[Any] = []

    async def heat(self, value: float) -> None:
        """Let the machine have a temperature."""
        self.second += 1
        self.alarm.value = value
        if self.alarm.watch(float(T0 + self.second), None):
            await self.server.tell([self.alarm], (T0 + self.second) * 1_000_000_000)

    def event_notification(self, event: Any) -> None:
        self.events.append(event)

    async def heard(self, count: int) -> Any:
        """Newest event when so many have come."""
        async with asyncio.timeout(10):
            while len(self.events) < count:  # noqa: ASYNC110 - the library calls back
                await asyncio.sleep(0.01)
        assert len(self.events) == count
        return self.events[-1]


@asynccontextmanager
async def plant(port: int, folder: Path, user: str | None = "teacher") -> AsyncIterator[tuple[Plant, Client]]:
    password = folder / "teacher.password"
    password.write_text("swordfish\n", encoding="utf-8")
    password.chmod(0o600)
    users = (OpcuaUser(name="teacher", password_file=password, role="trainer"),)
    config = OpcuaConfig(port=port, security=("none",), anonymous=True, users=users)
    alarm = hot()
    server = OpcuaServer(config, "Line", [FOLDER], alarms={("M-1", "hot"): alarm})
    await server.prepare()
    await server.listen()
    try:
        client = Client(config.url)
        if user:
            client.set_user(user)
            client.set_password("swordfish")
        async with client:
            yield Plant(server, alarm), client
    finally:
        await server.close()


async def subscribe(client: Client, heard: Plant, kind: int = ua.ObjectIds.ExclusiveLevelAlarmType) -> Any:
    subscription = await client.create_subscription(20, heard)
    await subscription.subscribe_events(client.nodes.server, kind)
    return subscription


@pytest.mark.parametrize("kind", [ua.ObjectIds.ExclusiveLevelAlarmType, ua.ObjectIds.ConditionType])
async def test_an_alarm_comes_and_goes_as_events(free_port: int, tmp_path: Path, kind: int) -> None:
    """Each change is an event of the condition with state, severity, message and source, for base types too."""
    async with plant(free_port, tmp_path) as (machine, client):
        await subscribe(client, machine, kind)
        await machine.heat(85.0)
        event = await machine.heard(1)
        index = await client.get_namespace_index(URI)
        assert event.SourceNode == ua.NodeId("M-1.heat_degc", index)
        assert (event.ConditionName, event.Severity, event.Retain) == ("hot", 700, True)
        assert event.Message.Text == "Too hot. Cool it."
        assert event.NodeId == ua.NodeId("Machines/M-1/Alarms/hot", index)
        if kind == ua.ObjectIds.ExclusiveLevelAlarmType:
            assert (getattr(event, "ActiveState/Id"), getattr(event, "AckedState/Id")) == (True, False)
            assert event.HighLimit == 80.0
        await machine.heat(86.0)
        await machine.heat(70.0)
        event = await machine.heard(2)
        assert event.Retain is True


async def test_an_operator_acknowledges_with_a_comment(free_port: int, tmp_path: Path) -> None:
    """The event that was seen is acknowledged once; another or an unknown one is refused."""
    async with plant(free_port, tmp_path) as (machine, client):
        await subscribe(client, machine)
        await machine.heat(85.0)
        event = await machine.heard(1)
        condition = client.get_node(event.NodeId)
        method = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        with pytest.raises(ua.UaStatusCodeError, match="BadEventIdUnknown"):
            await condition.call_method(method, b"unknown", ua.LocalizedText("x"))
        await condition.call_method(method, event.EventId, ua.LocalizedText("fan switched on"))
        event = await machine.heard(2)
        assert getattr(event, "AckedState/Id") is True
        assert event.Comment.Text == "fan switched on"
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionBranchAlreadyAcked"):
            await condition.call_method(method, event.EventId, ua.LocalizedText("again"))
        await machine.heat(70.0)
        assert (await machine.heard(3)).Retain is False


async def test_an_operator_confirms_what_was_acknowledged(free_port: int, tmp_path: Path) -> None:
    """Confirm follows Acknowledge, once; a comment can be added at any time, and the last one stays."""
    async with plant(free_port, tmp_path) as (machine, client):
        await subscribe(client, machine)
        await machine.heat(85.0)
        event = await machine.heard(1)
        condition = client.get_node(event.NodeId)
        confirm = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Confirm)
        with pytest.raises(ua.UaStatusCodeError, match="BadInvalidState"):
            await condition.call_method(confirm, event.EventId, ua.LocalizedText("x"))
        comment = ua.NodeId(ua.ObjectIds.ConditionType_AddComment)
        await condition.call_method(comment, event.EventId, ua.LocalizedText("fan is broken"))
        event = await machine.heard(2)
        assert (event.Comment.Text, getattr(event, "AckedState/Id")) == ("fan is broken", False)
        acknowledge = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        await condition.call_method(acknowledge, event.EventId, ua.LocalizedText(""))
        event = await machine.heard(3)
        assert getattr(event, "ConfirmedState/Id") is False
        await condition.call_method(confirm, event.EventId, ua.LocalizedText(""))
        event = await machine.heard(4)
        assert (getattr(event, "ConfirmedState/Id"), event.Comment.Text) == (True, "fan is broken")
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionBranchAlreadyConfirmed"):
            await condition.call_method(confirm, event.EventId, ua.LocalizedText("x"))


async def test_an_alarm_out_of_service_is_silent(free_port: int, tmp_path: Path) -> None:
    """Disabled it sends nothing and can be neither acknowledged nor disabled again; enabled it judges anew."""
    async with plant(free_port, tmp_path) as (machine, client):
        await subscribe(client, machine)
        await machine.heat(85.0)
        event = await machine.heard(1)
        condition = client.get_node(event.NodeId)
        disable, enable = ua.NodeId(ua.ObjectIds.ConditionType_Disable), ua.NodeId(ua.ObjectIds.ConditionType_Enable)
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionAlreadyEnabled"):
            await condition.call_method(enable)
        await condition.call_method(disable)
        event = await machine.heard(2)
        assert (getattr(event, "EnabledState/Id"), event.Retain) == (False, False)
        assert machine.alarm.state == "out_of_service"
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionAlreadyDisabled"):
            await condition.call_method(disable)
        acknowledge = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionDisabled"):
            await condition.call_method(acknowledge, event.EventId, ua.LocalizedText("x"))
        await machine.heat(70.0)
        await machine.heat(85.0)
        await condition.call_method(enable)
        await machine.heard(3)
        await machine.heat(86.0)
        assert getattr(await machine.heard(4), "ActiveState/Id") is True


async def test_an_operator_shelves_for_a_time_or_once(free_port: int, tmp_path: Path) -> None:
    """A shelved alarm says so; it can be brought back, and only if it is shelved."""
    async with plant(free_port, tmp_path) as (machine, client):
        await subscribe(client, machine)
        await machine.heat(85.0)
        event = await machine.heard(1)
        shelving = client.get_node(ua.NodeId(f"{event.NodeId.Identifier}/ShelvingState", event.NodeId.NamespaceIndex))
        unshelve = ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_Unshelve)
        with pytest.raises(ua.UaStatusCodeError, match="BadConditionNotShelved"):
            await shelving.call_method(unshelve)
        await shelving.call_method(ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_TimedShelve), 60_000.0)
        event = await machine.heard(2)
        assert (event.SuppressedOrShelved, machine.alarm.state) == (True, "shelved")
        await shelving.call_method(unshelve)
        assert (await machine.heard(3)).SuppressedOrShelved is False
        await shelving.call_method(ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_OneShotShelve))
        await machine.heard(4)
        with pytest.raises(ua.UaStatusCodeError, match="BadShelvingTimeOutOfRange"):
            await shelving.call_method(ua.NodeId(ua.ObjectIds.ShelvedStateMachineType_TimedShelve), 0.0)


async def test_whoever_comes_later_learns_what_stands(free_port: int, tmp_path: Path) -> None:
    """ConditionRefresh, which everybody may call, sends the alarms that are retained between its two marks."""
    async with plant(free_port, tmp_path, user=None) as (machine, client):
        await machine.heat(85.0)
        subscription = await subscribe(client, machine)
        condition_type = client.get_node(ua.ObjectIds.ConditionType)
        refresh = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
        await condition_type.call_method(refresh, ua.Variant(subscription.subscription_id, ua.VariantType.UInt32))
        assert (await machine.heard(1)).ConditionName == "hot"
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await client.get_node(machine.events[0].NodeId).call_method(
                ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge),
                machine.events[0].EventId, ua.LocalizedText("x"),
            )  # fmt: skip


async def test_the_limits_stand_at_the_machine(free_port: int, tmp_path: Path) -> None:
    """Each alarm is an object below its machine, with limit, delays and the signal it watches."""
    async with plant(free_port, tmp_path) as (_, client):
        index = await client.get_namespace_index(URI)
        alarm = client.get_node(ua.NodeId("Machines/M-1/Alarms/hot", index))
        assert (await alarm.read_type_definition()) == ua.NodeId(ua.ObjectIds.ExclusiveLevelAlarmType)
        assert await (await alarm.get_child("0:HighLimit")).read_value() == 80.0
        assert await (await alarm.get_child("0:InputNode")).read_value() == ua.NodeId("M-1.heat_degc", index)
