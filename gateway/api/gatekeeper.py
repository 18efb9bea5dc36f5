"""What every request passes first: host and origin check, size limits, security headers."""

import ipaddress
import json
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.problems import MEDIA_TYPE, body
from gateway.api.settings import MAX_BODY_BYTES, MAX_TARGET_BYTES

_SECURITY_HEADERS = {
    # The page's framework compiles its templates in the browser, which needs inline and evaluated script. What the
    # policy still ensures: nothing is loaded from, and nothing is sent to, any other host.
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Gatekeeper:
    """ASGI middleware around the whole app, pages and WebSockets included.

    A name in the Host header must be `localhost`, an IP address or configured: a page of another origin that lets its
    own name resolve to this machine (DNS rebinding) is refused, an IP address cannot be rebound. A WebSocket or a
    writing request that names an Origin must name this very host, because browsers let any page open one.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(name.lower() for name in allowed_hosts) | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, send, *refusal)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, _limited(receive), _secured(scope, send))

    def _refusal(self, scope: Scope) -> tuple[int, str, str, str, str] | None:
        """Return status, kind, title, detail and remedy of what is wrong with the request, None where nothing is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return (
                421,
                "unknown-host",
                "Unknown host name",
                f"Host {host[:200]!r} is not a name of this gateway",
                "open the gateway by IP address or localhost, or add the name to allowed_hosts under [gateway]",
            )
        origin = headers.get("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if writes and origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return (
                403,
                "foreign-origin",
                "Foreign origin",
                f"a page of {origin[:200]!r} may not talk to this gateway",
                "open the gateway's own page",
            )
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET_BYTES:
            limit = f"path and query are longer than {MAX_TARGET_BYTES} bytes"
            return 414, "target-too-long", "Target too long", limit, "name the series by number"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            limit = f"the body may have {MAX_BODY_BYTES} bytes"
            return 413, "body-too-large", "Body too large", limit, "send less; the API takes no bodies"
        return None

    def _is_allowed(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._allowed:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


async def _refuse(scope: Scope, send: Send, status: int, kind: str, title: str, detail: str, remedy: str) -> None:
    if scope["type"] == "websocket":
        # Closing before accepting makes the server answer the handshake with 403.
        await send({"type": "websocket.close", "code": 1008, "reason": title})
        return
    problem = body(status, kind, title=title, detail=detail, instance=scope["path"][:200], remedy=remedy)
    headers = {"content-type": MEDIA_TYPE, **_SECURITY_HEADERS}
    await send({"type": "http.response.start", "status": status, "headers": _raw(headers.items())})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})


def _raw(items: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in items]


def _limited(receive: Receive) -> Receive:
    """Hang up on a body that was not announced and grows beyond the limit."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        return {"type": "http.disconnect"} if received > MAX_BODY_BYTES else message

    return limited


def _secured(scope: Scope, send: Send) -> Send:
    """Add the security headers to the response; answers of the API are never cached."""

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers[name] = value
            if scope["path"].startswith("/api/") or scope["path"] == "/metrics":
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return secured
