"""The proxy before a store does what a fault run asks of it, and sees who does not wait."""

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.faults.throttling_proxy import ThrottlingProxy, Trouble, Write


class _Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)  # type: ignore[attr-defined]
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("X-Version", "1.6")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def store() -> Iterator[ThreadingHTTPServer]:
    """A server that takes every write and remembers it in `bodies`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    server.bodies = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(store: ThreadingHTTPServer) -> Iterator[ThrottlingProxy]:
    """A proxy before the store."""
    proxy = ThrottlingProxy(store.server_address[1])
    yield proxy
    proxy.close()


def write(proxy: ThrottlingProxy) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{proxy.port}/write?db=x", content=b"a f=1", timeout=60, trust_env=False)


def test_without_trouble_everything_is_handed_on(proxy: ThrottlingProxy, store: ThreadingHTTPServer) -> None:
    """Body, status and headers pass unchanged."""
    answer = write(proxy)
    assert (answer.status_code, answer.headers["X-Version"]) == (204, "1.6")
    assert store.bodies == [b"a f=1"]  # type: ignore[attr-defined]


def test_a_refused_write_does_not_reach_the_store(proxy: ThrottlingProxy, store: ThreadingHTTPServer) -> None:
    """Status and Retry-After are those asked for, and the next write without trouble is taken."""
    proxy.trouble = Trouble("busy", HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=7)
    answer = write(proxy)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert store.bodies == []  # type: ignore[attr-defined]
    proxy.trouble = None
    assert write(proxy).status_code == 204


def test_an_answer_can_be_lost_after_the_write(proxy: ThrottlingProxy, store: ThreadingHTTPServer) -> None:
    """The store has the points, and the client learns nothing."""
    proxy.trouble = Trouble("cut", cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        write(proxy)
    assert store.bodies == [b"a f=1"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("came_s", "connections", "early"),
    [([11.0], 1, [11.0]), ([11.0], 2, []), ([11.0, 12.0], 2, [12.0]), ([15.1], 1, []), ([9.0], 1, [])],
)
def test_who_does_not_wait_is_seen(
    proxy: ThrottlingProxy, came_s: list[float], connections: int, early: list[float]
) -> None:
    """A write between a refusal and the end of its Retry-After is early, but for those that were under way."""
    refusal = Write(9.5, 10.0, Trouble("busy", HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=5))
    proxy.writes = [refusal, *(Write(at_s, at_s + 0.1, None) for at_s in came_s)]
    assert [one.came_s for one in proxy.impatient(connections)] == early
