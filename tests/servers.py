"""Real servers for tests: started on free ports of the loopback, with all their files in a temporary folder."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

START_TIMEOUT_S = 90.0
_SERVER_PORTS = (12_000, 32_000)


def eventually(condition: Callable[[], object], timeout_s: float = 30.0, interval_s: float = 0.02) -> None:
    """Return as soon as the condition holds; fails the test, with its last value, when it never does."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return
        if time.monotonic() >= deadline_s:
            name = getattr(condition, "__qualname__", repr(condition))
            pytest.fail(f"{name} did not hold within {timeout_s} s; it last returned {value!r}")
        time.sleep(interval_s)


def require_server(name: str, path: str | Path | None) -> str:
    """Return the path of a server program, or skip the test (fail it where REQUIRE_SERVERS=1) if it is missing."""
    if path is not None and Path(path).exists():
        return str(path)
    text = f"{name} is not installed"
    if os.environ.get("REQUIRE_SERVERS") == "1":
        pytest.fail(f"{text}, and REQUIRE_SERVERS=1 says that it must be")
    pytest.skip(text)


def find_program(name: str) -> str | None:
    """Find a program in the environment of this Python, on PATH, and where Debian keeps servers."""
    folders = [sysconfig.get_path("scripts"), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(name, path=os.pathsep.join(folders))


def find_free_port() -> int:
    """Return a TCP port of the loopback that nobody uses now.

    It lies below the ports that systems give to outgoing connections, one of which could take it before the server
    does, and is drawn at random, so that tests that run side by side hardly ever choose the same.
    """
    while True:
        port = random.SystemRandom().randrange(*_SERVER_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Whether something accepts connections at a port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Server:
    """A server process that a test may kill, freeze and start again on the same port with the same files.

    Attributes:
        name: for messages.
        command: how to start it.
        port: where it listens.
        folder: its files; its output goes to `output.log` there.
        ready: whether it serves.
    """

    name: str
    command: Sequence[str]
    port: int
    folder: Path
    ready: Callable[[], bool]
    host: str = "127.0.0.1"
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> str:
        """What it has printed so far."""
        path = self.folder / "output.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def url(self) -> str:
        """Base address of an HTTP server."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Start it and wait until it serves."""
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        process = self.process

        def serves() -> bool:
            if process.poll() is not None:
                pytest.fail(f"{self.name} ended with code {process.returncode}:\n{self.log[-3000:]}")
            return self.ready()

        eventually(serves, START_TIMEOUT_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        """Stop it without closing its connections (POSIX)."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in order; by force where it does not obey."""
        if self.process is None or self.process.poll() is not None:
            return
        if os.name == "posix":
            self.thaw()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()


def nats(folder: Path, port: int, extra: str = "") -> Server:
    """Describe a NATS server as an MQTT broker; `extra` is more of its configuration."""
    program = require_server("nats-server", find_program("nats-server"))
    config = folder / "nats.conf"
    config.write_text(
        f"""server_name: "test-broker"
listen: "127.0.0.1:-1"
max_payload: 1048576
jetstream {{ store_dir: {json.dumps(str(folder / "jetstream"))}, max_memory_store: 16MB, max_file_store: 256MB }}
mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 100 }}
{extra}
""",
        encoding="utf-8",
    )
    return Server("nats-server", [program, "-c", str(config)], port, folder, lambda: accepts(port))


def mosquitto(folder: Path, port: int, extra: str = "allow_anonymous true") -> Server:
    """Describe a Mosquitto broker without persistence; `extra` is more of its configuration."""
    program = require_server("mosquitto", find_program("mosquitto"))
    config = folder / "mosquitto.conf"
    run_as = "user root\n" if os.name == "posix" and os.geteuid() == 0 else ""
    config.write_text(
        f"{run_as}listener {port} 127.0.0.1\npersistence false\nmessage_size_limit 1048576\n{extra}\n",
        encoding="utf-8",
    )
    return Server("mosquitto", [program, "-c", str(config)], port, folder, lambda: accepts(port))


def influxdb(folder: Path, port: int, rpc_port: int, *, authentication: bool) -> Server:
    """Describe Debian's InfluxDB 1.6."""
    program = require_server("influxd", find_program("influxd"))
    config = folder / "influxdb.conf"
    config.write_text(
        f"""reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = {json.dumps(str(folder / "meta"))}
[data]
  dir = {json.dumps(str(folder / "data"))}
  wal-dir = {json.dumps(str(folder / "wal"))}
  index-version = "tsi1"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {str(authentication).lower()}
  log-enabled = false
[ifql]
  enabled = false
""",
        encoding="utf-8",
    )
    server = Server("influxd", [program, "-config", str(config)], port, folder, lambda: False)
    server.ready = lambda: _answers(f"{server.url}/ping")
    return server


def victoria(folder: Path, port: int) -> Server:
    """Describe a VictoriaMetrics server, which accepts writes of the InfluxDB v2 API."""
    program = require_server("victoria-metrics", find_program("victoria-metrics"))
    command = [
        program,
        f"-httpListenAddr=127.0.0.1:{port}",
        f"-storageDataPath={folder / 'storage'}",
        "-retentionPeriod=100y",
        "-memory.allowedBytes=64MB",
    ]
    server = Server("victoria-metrics", command, port, folder, lambda: False)
    server.ready = lambda: _answers(f"{server.url}/health")
    return server


def query_influx(url: str, statement: str) -> None:
    """Send one InfluxQL statement that changes something."""
    body = urllib.parse.urlencode({"q": statement}).encode()
    with urllib.request.urlopen(f"{url}/query", data=body, timeout=10) as answer:
        assert answer.status == 200, answer.read()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status < 400)
    except (urllib.error.URLError, OSError):
        return False
