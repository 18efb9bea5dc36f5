"""The live stream: what is sent, to whom, and what a slow or foreign client gets."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection as ClientProtocol
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from edge_agent.sparkplug.quality import Quality
from gateway.api.application import create_api
from gateway.api.broadcast import Broadcast
from gateway.api.settings import WebSettings
from gateway.view import LatestValue
from tests.gateway.conftest import serving
from tests.gateway.plant import Plant
from tests.servers import eventually


def listen(address: str, query: str = "", **options: Any) -> ClientConnection:
    """Open the stream."""
    connection: ClientConnection = connect(
        f"ws{address.removeprefix('http')}/api/v1/stream{query}", proxy=None, **options
    )
    return connection


def frame(socket: ClientConnection) -> dict[str, Any]:
    """Receive the next frame."""
    received: dict[str, Any] = json.loads(socket.recv(timeout=10))
    return received


def test_the_first_frame_holds_everything_and_the_next_what_changed(address: str, plant: Plant) -> None:
    """A browser that comes late knows the whole plant at once and pays for changes only."""
    with listen(address) as socket:
        first = frame(socket)
        assert first["type"] == "snapshot"
        assert {row[0] for row in first["values"]} == {series.number for series in plant.known}
        assert [hop["name"] for hop in first["hops"]] == [hop.name for hop in plant.hop_list]
        eventually(lambda: frame(socket)["values"] == [])
        time_ns = time.time_ns()
        plant.set(replace(plant.values[3], value=12.5, time_ns=time_ns, quality=Quality.UNCERTAIN))
        changed = next(one for one in iter(lambda: frame(socket), None) if one["values"])
        assert changed["type"] == "changes"
        assert changed["values"] == [[3, time_ns // 1_000_000, 12.5, 64, 1]]


def test_frames_come_without_changes_too(address: str) -> None:
    """Their absence is how a browser notices within three seconds that the gateway is gone."""
    with listen(address) as socket:
        frames = [frame(socket) for _ in range(4)]
        assert frames[-1]["sent_ms"] - frames[1]["sent_ms"] < 2000
        assert [one["sequence"] for one in frames[1:]] == list(
            range(frames[0]["sequence"] + 1, frames[0]["sequence"] + 4)
        )


def test_a_new_birth_tells_browsers_to_read_the_equipment_again(address: str, plant: Plant) -> None:
    """The number of the catalogue changes with it."""
    with listen(address) as socket:
        before = frame(socket)["catalogue"]
        assert frame(socket)["catalogue"] == before
        plant.known = [*plant.known, replace(plant.known[0], number=99)]
        eventually(lambda: frame(socket)["catalogue"] > before)


def test_a_path_narrows_the_stream(address: str, plant: Plant) -> None:
    """Only series below it are sent; a path that leads nowhere is refused."""
    numbers = {series.number for series in plant.known if series.key.device_id == "EL-92"}
    with listen(address, "?path=showroom/meter-edge/EL-92") as socket:
        assert {row[0] for row in frame(socket)["values"]} == numbers
    with pytest.raises(InvalidStatus):
        listen(address, "?path=showroom/nowhere")


def test_a_foreign_page_cannot_listen(address: str) -> None:
    """Browsers let any page open a WebSocket, so the gateway looks at its origin."""
    with pytest.raises(InvalidStatus) as refused:
        listen(address, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with listen(address, origin=address) as socket:
        assert frame(socket)["type"] == "snapshot"


def test_more_listeners_than_allowed_are_refused(plant: Plant) -> None:
    """The next one is refused, and welcome when another has left."""
    with serving(create_api(plant, WebSettings(stream_clients=1))) as address:
        with listen(address) as socket:
            frame(socket)
            with pytest.raises(InvalidStatus):
                listen(address)

        def is_welcome() -> bool:
            try:
                with listen(address) as again:
                    return bool(frame(again))
            except InvalidStatus:
                return False

        eventually(is_welcome)


async def test_a_crowd_that_comes_at_once_is_let_in_up_to_the_limit(plant: Plant) -> None:
    """The limit holds for clients whose connections are opened at the same moment, too."""

    async def try_once(address: str) -> ClientProtocol | None:
        try:
            return await connect_async(f"ws{address.removeprefix('http')}/api/v1/stream", proxy=None)
        except InvalidStatus:
            return None

    with serving(create_api(plant, WebSettings(stream_clients=5))) as address:
        sockets = [one for one in await asyncio.gather(*(try_once(address) for _ in range(60))) if one is not None]
        for socket in sockets:
            await socket.close()
    assert len(sockets) == 5


def test_who_speaks_is_disconnected(address: str) -> None:
    """The stream has one direction; nothing a client sends is kept."""
    with listen(address) as socket:
        frame(socket)
        socket.send("hello")
        eventually(lambda: _closing_code(socket) == 1008)


def _closing_code(socket: ClientConnection) -> int | None:
    """Receive one more frame; returns the code of the close frame where one comes instead."""
    try:
        frame(socket)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None
    return None


async def test_a_frame_is_serialised_once_for_all_clients(plant: Plant) -> None:
    """Two clients of a topic are handed the very same text."""
    broadcast = Broadcast(plant, time.time_ns, 0.02)
    one, other = broadcast.frames(""), broadcast.frames("")
    try:
        for _ in range(5):
            first, second = await asyncio.gather(anext(one), anext(other))
            assert first is second
    finally:
        await one.aclose()
        await other.aclose()
    assert broadcast.clients == 0


async def test_a_slow_client_gets_the_newest_state_and_costs_no_memory(plant: Plant) -> None:
    """What it missed is not kept for it: it is sent everything once, and changes from there on."""
    broadcast = Broadcast(plant, time.time_ns, 0.01)
    slow, fast = broadcast.frames(""), broadcast.frames("")
    try:
        await anext(slow)
        for value in range(20):
            plant.set(replace(plant.values[1], value=float(value)))
            await anext(fast)
        plant.set(replace(plant.values[1], value=77.0))
        late = json.loads(await anext(slow))
        assert late["type"] == "snapshot"
        assert next(row[2] for row in late["values"] if row[0] == 1) == 77.0
        assert json.loads(await anext(slow))["type"] == "changes"
    finally:
        await slow.aclose()
        await fast.aclose()


async def test_a_failed_source_of_changes_ends_the_stream_and_the_next_client_starts_it_anew(plant: Plant) -> None:
    """Clients are sent away instead of waiting for ever."""
    working = plant.changes

    async def broken() -> AsyncGenerator[Sequence[LatestValue], None]:
        yield []
        raise LookupError("bug")

    plant.changes = broken  # type: ignore[method-assign]
    broadcast = Broadcast(plant, time.time_ns, 0.01)
    async with asyncio.timeout(10):
        assert [frame async for frame in broadcast.frames("")]
        plant.changes = working  # type: ignore[method-assign]
        frames = broadcast.frames("")
        assert [json.loads(await anext(frames))["type"] for _ in range(3)] == ["snapshot", "changes", "changes"]
        await frames.aclose()


async def test_nothing_runs_while_nobody_listens(plant: Plant) -> None:
    """The last client that leaves ends the work."""
    broadcast = Broadcast(plant, time.time_ns, 0.01)
    frames = broadcast.frames("")
    await anext(frames)
    await frames.aclose()
    await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert not [task for task in asyncio.all_tasks() if "live stream" in task.get_name()]
