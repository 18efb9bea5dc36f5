"""Route of the live stream.

A WebSocket, not server-sent events: over HTTP/1.1 a browser opens at most six connections to a host, over all its tabs,
and each event stream would hold one for ever, so the seventh tab would load nothing at all. WebSockets are not counted
there. The price, browsers that let any page open one, is paid by the origin check of gatekeeper.py.
"""

import asyncio
from contextlib import aclosing

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from gateway.api.broadcast import Broadcast
from gateway.api.catalogue import is_below
from gateway.api.models import frame_example
from gateway.api.problems import ProblemError, documented
from gateway.api.settings import WebSettings
from gateway.view import View

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

_DOCUMENTATION = f"""Open a WebSocket to this path, one a browser tab. Text frames of JSON follow, two a second:

```json
{frame_example()!r}
```

`type` is `snapshot` (all values; always the first frame, and again after frames were missed) or `changes` (values that
changed since the frame before). A row of `values` is series number, source time in milliseconds, value, quality (192
good, 64 uncertain, 0 bad, 500 stale), origin (0 real, 1 simulated, 2 replayed). `catalogue` changes when
`/api/v1/equipment` should be read again. Frames come without changes too: where none comes for 3 s the stream is down.
A client that is too slow misses frames and is sent a snapshot. A plain request is answered with 426.
"""


def router(view: View, broadcast: Broadcast, settings: WebSettings) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["Live"])
    admitted = 0

    @routes.websocket("/stream")
    async def stream(socket: WebSocket, path: str = "") -> None:
        """Send frames of the series below `path` until the client leaves."""
        nonlocal admitted
        if path and not any(is_below(series, path) for series in view.catalogue()):
            await socket.close(POLICY_VIOLATION, "no series below this path; GET /api/v1/series lists them")
            return
        if admitted >= settings.stream_clients:
            await socket.close(TRY_AGAIN_LATER, f"{settings.stream_clients} clients listen already")
            return
        admitted += 1  # before anything is awaited: many may come at once
        try:
            await socket.accept()
            await _serve(socket, broadcast, path, settings.stream_stall_s)
        finally:
            admitted -= 1

    @routes.get("/stream", summary="Live values (WebSocket)", status_code=426, responses=documented(426))
    async def explain() -> None:
        raise ProblemError(
            426,
            "upgrade-required",
            "this path speaks WebSocket only",
            title="Upgrade required",
            remedy="open a WebSocket to this path, e.g. new WebSocket('ws://HOST/api/v1/stream')",
            headers={"Upgrade": "websocket"},
        )

    explain.__doc__ = _DOCUMENTATION
    return routes


async def _serve(socket: WebSocket, broadcast: Broadcast, path: str, stall_s: float) -> None:
    sender = asyncio.create_task(_send(socket, broadcast, path, stall_s), name="live stream client")
    listener = asyncio.create_task(_listen(socket), name="live stream client gone")
    try:
        await asyncio.wait((sender, listener), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sender, listener):
            task.cancel()
        await asyncio.gather(sender, listener, return_exceptions=True)


async def _send(socket: WebSocket, broadcast: Broadcast, path: str, stall_s: float) -> None:
    try:
        async with aclosing(broadcast.frames(path)) as frames:
            async for frame in frames:
                # Sending waits while the client's buffer is full; the frames it misses are not kept for it.
                await asyncio.wait_for(socket.send_text(frame), stall_s)
        await socket.close(INTERNAL_ERROR, "the live stream begins anew")
    except TimeoutError:
        await socket.close(TRY_AGAIN_LATER, f"took nothing for {stall_s:g} s")
    except (WebSocketDisconnect, RuntimeError):
        return  # the client left between two frames


async def _listen(socket: WebSocket) -> None:
    """Return when the client leaves or says something: the stream has one direction."""
    message = await socket.receive()
    if message["type"] == "websocket.receive":
        await socket.close(POLICY_VIOLATION, "this stream takes no messages")
