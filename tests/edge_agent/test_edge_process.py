"""The edge agent as a process: started, stopped, killed, orphaned, misconfigured."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.sparkplug.client import BrokerConfig, MqttClient
from tests.edge_agent.host import RecordingHost
from tests.servers import Server, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
PATIENCE_S = 120.0
"""A process loads for half a minute on a machine that has twenty times as much to do as it can."""

CONFIG = """
[edge]
group_id = "site"
edge_node_id = "edge"
primary_host_id = "test-host"
publish_interval_ms = 20
[broker]
port = {port}
keepalive_s = 2
reconnect_max_s = 0.5
[log]
path = "edge.db"
resend_after_s = 0.5
[[sources]]
name = "meter"
type = "mqtt"
origin = "simulated"
broker = {{ port = {port}, reconnect_max_s = 0.5 }}
[[sources.tags]]
device = "METER"
metric = "power_w"
topic = "meter/power"
pointer = "/value"
time = "/time"
time_unit = "ns"
datatype = "int64"
"""


class Process:
    """An edge agent in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = folder / "edge.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "--config", str(folder / "edge.toml"), *options],
                stdin=subprocess.PIPE,
                stderr=output,
            )

    def end(self) -> int:
        """Kill it where it still runs; return its exit code."""
        if self.process.poll() is None:
            self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait()


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path, mosquitto_broker: Server) -> Iterator[Start]:
    """Start edge agents with the one configuration of the test."""
    (tmp_path / "edge.toml").write_text(CONFIG.format(port=mosquitto_broker.port), encoding="utf-8")
    started: list[Process] = []

    def begin(*options: str) -> Process:
        process = Process(tmp_path, *options)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.end()


@pytest.fixture
def host(mosquitto_broker: Server) -> Iterator[RecordingHost]:
    recording = RecordingHost(mosquitto_broker.port).start()
    yield recording
    recording.stop()


@pytest.fixture
def meter(mosquitto_broker: Server) -> Iterator[Callable[[int], int]]:
    """Publish one value as the meter would; returns its source time."""
    client = MqttClient(
        BrokerConfig(port=mosquitto_broker.port), client_id="meter", subscriptions=[],
        on_message=lambda _: None, on_connect=lambda: None, on_disconnect=lambda _: None,
    )  # fmt: skip
    client.start()
    eventually(lambda: client.connected)

    def publish(value: int) -> int:
        time_ns = time.time_ns() // 100 * 100
        assert client.publish("meter/power", json.dumps({"value": value, "time": time_ns}).encode())
        return time_ns

    yield publish
    client.stop()


def test_kill_loses_nothing_that_is_not_declared(
    start: Start, host: RecordingHost, meter: Callable[[int], int]
) -> None:
    """Killed by force over and over: every value arrives once or lies in a gap no wider than it must be."""
    offered: dict[int, int] = {}
    kills: list[int] = []
    value = 0
    for life in range(4):
        agent = start()
        expected = life + 1
        eventually(lambda wanted=expected: host.types().count("NBIRTH") >= wanted, timeout_s=PATIENCE_S)  # type: ignore[misc]
        before = len(host.times("METER", "power_w"))
        deadline_s = time.monotonic() + PATIENCE_S
        while len(host.times("METER", "power_w")) < before + 40:
            assert time.monotonic() < deadline_s, agent.log.read_text(encoding="utf-8")
            value += 1
            offered[meter(value)] = value
            time.sleep(0.003)  # the pace of the meter, not a wait
        kills.append(time.time_ns())
        agent.end()
        for _ in range(30):
            value += 1
            offered[meter(value)] = value
            time.sleep(0.003)
    start()
    eventually(lambda: host.types().count("NBIRTH") >= 5, timeout_s=PATIENCE_S)
    value += 1
    eventually(lambda: offered.setdefault(meter(value), value) and len(host.gaps) >= 4, PATIENCE_S, 0.1)
    eventually(lambda: host.values("METER", "power_w")[-1] == value)
    times = host.times("METER", "power_w")
    stored = dict(zip(times, host.values("METER", "power_w"), strict=True))
    assert len(times) == len(set(times))
    gaps = [(gap.from_ns, gap.to_ns) for gap in host.gaps]
    assert {(gap.device_id, gap.cause) for gap in host.gaps} == {("METER", "edge_down")}
    for time_ns, number in offered.items():
        if time_ns in stored:
            assert stored[time_ns] == number
        elif number != value:
            assert any(begin <= time_ns <= end for begin, end in gaps), f"value {number} is missing undeclared"
    for killed_ns, (begin, _) in zip(kills, sorted(gaps), strict=False):
        # Three publish intervals and one commit of the log, which a busy machine makes last.
        assert killed_ns - begin < 10_000_000_000, "the gap begins about when the agent was killed"


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM is POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_in_order(start: Start, host: RecordingHost, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the agent with its death certificate and exit code 0."""
    agent = start()
    eventually(lambda: "NBIRTH" in host.types(), timeout_s=PATIENCE_S)
    agent.process.send_signal(number)
    assert agent.process.wait(15) == 0
    eventually(lambda: host.types()[-1] == "NDEATH")
    assert "Traceback" not in agent.log.read_text(encoding="utf-8")


def test_agent_ends_with_its_parent(start: Start, host: RecordingHost) -> None:
    """With --exit-with-parent the agent stops in order when its standard input closes."""
    agent = start("--exit-with-parent")
    eventually(lambda: "NBIRTH" in host.types(), timeout_s=PATIENCE_S)
    assert agent.process.stdin is not None
    agent.process.stdin.close()
    assert agent.process.wait(15) == 0
    eventually(lambda: host.types()[-1] == "NDEATH")


def test_second_agent_of_one_log_is_refused(start: Start, host: RecordingHost) -> None:
    """A second agent with the same configuration ends with a remedy and leaves the first alone."""
    first = start()
    eventually(lambda: "NBIRTH" in host.types(), timeout_s=PATIENCE_S)
    second = start()
    assert second.process.wait(30) == 2
    assert "another edge agent runs with the same log.path" in second.log.read_text(encoding="utf-8")
    assert first.process.poll() is None


def test_check_reads_the_configuration_only(start: Start, tmp_path: Path) -> None:
    """--check ends at once, with 0 or with 2 and the mistake, and touches nothing."""
    assert start("--check").process.wait(30) == 0
    text = (tmp_path / "edge.toml").read_text(encoding="utf-8")
    (tmp_path / "edge.toml").write_text(text.replace("keepalive_s = 2", "keepalive = 2"), encoding="utf-8")
    wrong = start("--check")
    assert wrong.process.wait(30) == 2
    assert "broker.keepalive: unknown key" in wrong.log.read_text(encoding="utf-8")
    assert not (tmp_path / "edge.db").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_heavy_library_is_loaded(start: Start, host: RecordingHost) -> None:
    """An edge agent never loads the libraries of the gateway or of analytics, nor those of sources it has not."""
    agent = start()
    eventually(lambda: "NBIRTH" in host.types(), timeout_s=PATIENCE_S)
    maps = Path(f"/proc/{agent.process.pid}/maps").read_text(encoding="utf-8")
    for library in ("numpy", "scipy", "pyarrow", "duckdb", "sklearn", "pandas", "asyncua", "cryptography"):
        assert f"/{library}/" not in maps, library
