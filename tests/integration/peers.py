"""Foreign implementations started as child processes that speak JSON lines."""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import servers

INTEROP = Path(__file__).parent / "interop"


class Peer:
    """One npm peer: lines go in, JSON objects (or raw lines) come out."""

    def __init__(self, script: str, *arguments: str) -> None:
        node = shutil.which("node")
        assert node is not None, "node is not installed"
        self._process = subprocess.Popen(
            [node, str(INTEROP / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            bufsize=1,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def say(self, line: str) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def hear(self, timeout_s: float = 20) -> str:
        """Return the next line; fails where the peer ended or stays silent."""
        line = self._lines.get(timeout=timeout_s)
        assert line is not None, f"the peer ended with code {self._process.wait()}"
        return line

    def hear_event(self, event: str, timeout_s: float = 20) -> dict[str, Any]:
        """Return the next JSON object whose `event` is the one given."""
        while True:
            line = self.hear(timeout_s)
            if line.startswith("{"):
                fields: dict[str, Any] = json.loads(line)
                if fields.get("event") == event:
                    return fields

    def kill(self) -> None:
        """End it at once, without a goodbye."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close its standard input and wait for its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def peer(script: str, *arguments: str) -> Iterator[Peer]:
    """Run a peer for the length of a with block."""
    process = Peer(script, *arguments)
    try:
        yield process
    finally:
        process.close()


def require_peers() -> None:
    """Skip where the npm peers are not installed; fail instead where REQUIRE_SERVERS=1."""
    servers.require_server("node", shutil.which("node"))
    installed = INTEROP / "node_modules"
    servers.require_server("the npm peers (`npm ci` in tests/integration/interop)", installed)
