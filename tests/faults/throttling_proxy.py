"""An HTTP proxy in front of a store that answers as an overloaded or dying server does, on request."""

import http.client
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_OF_THE_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive", "host"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """How the server misbehaves.

    Attributes:
        name: for messages.
        status: answered to everything, and nothing is handed on; None hands on.
        retry_after_s: whole seconds of the header Retry-After; None sends none.
        delay_s: an answer comes so much later.
        cut: hand the request on, and break the connection instead of answering.
    """

    name: str
    status: HTTPStatus | None = None
    retry_after_s: int | None = None
    delay_s: float = 0.0
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """A request that writes: when it came and was answered (monotonic), and with what trouble."""

    came_s: float
    answered_s: float
    trouble: Trouble | None


class ThrottlingProxy:
    """Hands on HTTP requests to a server on loopback, or troubles them. Stopped by `close`.

    Attributes:
        trouble: what meets the requests that come from now on; None is none.
        writes: requests that wrote, in the order of their answers.
    """

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.trouble: Trouble | None = None
        self.writes: list[Write] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="throttling-proxy", daemon=True).start()

    def troubled(self, trouble: Trouble) -> int:
        """Count the writes that met this trouble."""
        return sum(write.trouble is trouble for write in self.writes)

    def impatient(self, connections: int) -> list[Write]:
        """Return writes that came before a Retry-After of the server was over.

        Requests under way on other connections when the answer came are not: there may be one less than `connections`.
        """
        early = []
        for refused in self.writes:
            if refused.trouble is not None and refused.trouble.retry_after_s is not None:
                until_s = refused.answered_s + refused.trouble.retry_after_s
                came = [write for write in self.writes if refused.answered_s < write.came_s < until_s]
                early += sorted(came, key=lambda write: write.came_s)[connections - 1 :]
        return early

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def __init__(self, proxy: ThrottlingProxy, *arguments: Any) -> None:
        self._proxy = proxy
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._pass()

    def do_POST(self) -> None:
        self._pass()

    def log_message(self, *_: Any) -> None:
        """Say nothing: what is asked is not what is tested."""

    def _pass(self) -> None:
        came_s, trouble = time.monotonic(), self._proxy.trouble
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if trouble is not None and trouble.status is not None:
                self._refuse(trouble.status, trouble.retry_after_s)
            else:
                self._hand_on(body, trouble)
        except (
            OSError
        ):  # one of the two ends is gone, as ends go in fault runs; the other is told by a broken connection
            self.close_connection = True
        finally:
            if self.path.startswith("/write"):
                self._proxy.writes.append(Write(came_s, time.monotonic(), trouble))

    def _refuse(self, status: HTTPStatus, retry_after_s: int | None) -> None:
        self.send_response(status)
        if retry_after_s is not None:
            self.send_header("Retry-After", str(retry_after_s))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _hand_on(self, body: bytes, trouble: Trouble | None) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self._proxy.upstream_port, timeout=30)
        headers = {name: text for name, text in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
        with closing(upstream):
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        if trouble is not None and trouble.cut:
            self.close_connection = True
            return
        if trouble is not None:
            time.sleep(trouble.delay_s)
        self.send_response(answer.status)
        for name, text in answer.getheaders():
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, text)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
