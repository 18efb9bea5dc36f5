"""Disturbances of a server on demand: renumbered namespaces, slow answers, lost connections, spoilt readings."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from demo_line.alarm import Alarm, AlarmDefinition
from demo_line.cells import Cell, nameplates_of
from demo_line.config import OpcuaConfig, OpcuaUser
from demo_line.line import Line, load_definition
from demo_line.measurement import Instruments, Offer, Quality, channels_of
from demo_line.servers.opcua import OpcuaServer
from demo_line.training import Hands

LINE = Line(load_definition())
CHANNELS = channels_of(LINE)
LEVEL = [channel.name for channel in CHANNELS].index("MIX-10.level_pct")
URI = "urn:smart-factory-showroom:line"
T0 = 1_790_000_000_000_000_000


class Disturbed:
    """A cell with MIX-10 whose server trainers may disturb."""

    def __init__(self, port: int, folder: Path) -> None:
        password = folder / "teacher.password"
        password.write_text("swordfish\n", encoding="utf-8")
        password.chmod(0o600)
        users = (OpcuaUser(name="teacher", password_file=password, role="trainer"),)
        self.config = OpcuaConfig(port=port, security=("none",), anonymous=True, users=users, chaos=True)
        low = AlarmDefinition(
            name="low", channel="MIX-10.level_pct", below=15.0, priority="low", text="Low", response="Fill"
        )
        self.alarm = Alarm(low)
        self.instruments = Instruments(CHANNELS, 1, LINE.faults)
        self.cell = Cell(CHANNELS, ("MIX-10",), nameplates_of(LINE), self._build, self.instruments)

    def _build(self, folders: Any, methods: Any, padding: int | None) -> OpcuaServer:
        config = self.config.model_copy(update={"namespace_padding": padding or 0})
        alarms = {("MIX-10", "low"): self.alarm}
        return OpcuaServer(config, "Line", folders, hands=Hands(methods, lambda _u, _c: None), alarms=alarms)

    async def offer(self, second: int, value: float) -> None:
        time_ns = T0 + second * 1_000_000_000
        self.alarm.value = value
        changed = [self.alarm] if self.alarm.watch(time_ns / 1e9, None) else []
        await self.cell.offer([Offer(LEVEL, time_ns, value, Quality.GOOD)], changed, time_ns)

    def client(self) -> Client:
        made = Client(self.config.url)
        made.set_user("teacher")
        made.set_password("swordfish")
        return made

    async def call(self, name: str, *arguments: Any) -> None:
        async with self.client() as client:
            index = await client.get_namespace_index(URI)
            await client.get_node(ua.NodeId("Training", index)).call_method(f"{index}:{name}", *arguments)


@asynccontextmanager
async def disturbed(port: int, folder: Path) -> AsyncIterator[Disturbed]:
    made = Disturbed(port, folder)
    await made.cell.server.prepare()
    await made.offer(0, 10.0)
    await made.cell.server.listen()
    try:
        yield made
    finally:
        await made.cell.close()


async def connected(plant: Disturbed) -> Client:
    """Client that has come in again, however long it takes."""
    async with asyncio.timeout(20):
        while True:
            client = plant.client()
            try:
                await client.connect()
                return client
            except (TimeoutError, OSError, ua.UaError):
                await asyncio.sleep(0.05)


async def test_a_restart_renumbers_the_namespaces_and_loses_nothing(free_port: int, tmp_path: Path) -> None:
    """Behind the new index are the last value, the history and the alarm that stands; new readings go on."""
    async with disturbed(free_port, tmp_path) as plant:
        before = plant.cell.server
        await plant.call("Restart", ua.Variant(7, ua.VariantType.Int32))
        async with asyncio.timeout(20):
            while plant.cell.server is before:  # noqa: ASYNC110 - the restart comes after the answer
                await asyncio.sleep(0.02)
        await plant.offer(1, 11.0)
        client = await connected(plant)
        try:
            index = await client.get_namespace_index(URI)
            assert index == 9
            level = client.get_node(ua.NodeId("MIX-10.level_pct", index))
            assert await level.read_value() == 11.0
            history = await level.read_raw_history(None, None or _moment(10), 10, return_bounds=False)
            assert [value.Value.Value for value in history] == [11.0, 10.0]
            heard: list[Any] = []
            subscription = await client.create_subscription(20, _Ear(heard))
            await subscription.subscribe_events(client.nodes.server, ua.ObjectIds.ExclusiveLevelAlarmType)
            await client.get_node(ua.ObjectIds.ConditionType).call_method(
                ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh),
                ua.Variant(subscription.subscription_id, ua.VariantType.UInt32),
            )
            async with asyncio.timeout(10):
                while not heard:  # noqa: ASYNC110 - the library calls back
                    await asyncio.sleep(0.01)
            assert heard[0].ConditionName == "low"
        finally:
            await client.disconnect()


class _Ear:
    def __init__(self, heard: list[Any]) -> None:
        self.event_notification = heard.append


def _moment(second: int) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(T0 / 1e9 + second, UTC)


async def test_a_slow_server_answers_late_and_recovers(free_port: int, tmp_path: Path) -> None:
    """Every read waits as long as asked for, and no longer once that is over."""
    async with disturbed(free_port, tmp_path) as plant:
        await plant.call("SlowDown", 0.5)
        async with plant.client() as client:
            began = time.monotonic()
            await client.nodes.server.read_browse_name()
            assert time.monotonic() - began >= 0.5
        plant.cell.server.slow_down(0.0)
        await plant.call("SlowDown", 0.0)


async def test_a_lost_connection_comes_back(free_port: int, tmp_path: Path) -> None:
    """Clients are dropped, nobody gets in for a while, and then the values are there again."""
    async with disturbed(free_port, tmp_path) as plant:
        client = await connected(plant)
        await plant.call("Disconnect", 0.5)
        async with asyncio.timeout(10):
            while True:
                try:
                    await client.nodes.server.read_browse_name()
                    await asyncio.sleep(0.02)
                except (TimeoutError, OSError, ua.UaError):
                    break
        client = await connected(plant)
        index = await client.get_namespace_index(URI)
        assert await client.get_node(ua.NodeId("MIX-10.level_pct", index)).read_value() == 10.0
        await client.disconnect()


async def test_an_instrument_fails_on_demand(free_port: int, tmp_path: Path) -> None:
    """The chosen reading turns bad at its next measurement; only instruments of the cell can be named."""
    async with disturbed(free_port, tmp_path) as plant:
        await plant.call("SetQuality", "MIX-10.level_pct", "bad")
        state = LINE.start(1)
        LINE.step(state, 1.0)
        (offer,) = [offer for offer in plant.instruments.measure(state, T0) if offer.node == LEVEL]
        assert (offer.value, offer.quality) == (None, Quality.BAD)
        for arguments in (("CA-90.receiver_bar", "bad"), ("MIX-10.level_pct", "awful")):
            with pytest.raises(ua.UaStatusCodeError, match="BadInvalidState"):
                await plant.call("SetQuality", *arguments)


async def test_disturbances_are_off_unless_asked_for(free_port: int, tmp_path: Path) -> None:
    """A cell that is not to be disturbed has no such methods."""
    plant = Disturbed(free_port, tmp_path)
    undisturbed = Cell(CHANNELS, ("MIX-10",), nameplates_of(LINE), plant._build)
    await undisturbed.server.prepare()
    await undisturbed.server.listen()
    try:
        async with plant.client() as client:
            index = await client.get_namespace_index(URI)
            assert await client.get_node(ua.NodeId("Training", index)).get_children() == []
    finally:
        await undisturbed.close()
