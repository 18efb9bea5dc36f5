"""The gateway as a process behind real brokers."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.delivery import ACK, REBIRTH, Acknowledgement
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.payload import decode
from tests.gateway.gateway_process import GatewayProcess
from tests.gateway.wire import T0_MS, Wire, WireEdge
from tests.servers import Server, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]
STATE = "spBv1.0/STATE/showroom-gateway"
FLOW = {"flow": (DataType.DOUBLE, 1.0)}


class Edge:
    """An edge node on a real broker: it keeps what is not acknowledged, and is born again when it is asked to."""

    def __init__(self, port: int, name: str = "line-edge") -> None:
        self.wire = WireEdge(name)
        self.acknowledged = IntervalSet()
        self.states: list[dict[str, Any]] = []
        self.rebirths = 0
        self.client = MqttClient(
            BrokerConfig(port=port, reconnect_max_s=0.5),
            client_id=f"edge-{name}",
            subscriptions=[(f"spBv1.0/showroom/NCMD/{name}", 1), (STATE, 1)],
            on_message=self._on_message,
            on_connect=lambda: None,
            on_disconnect=lambda reason: None,
            will=self._will,
        )
        self.client.start()
        eventually(lambda: self.client.connected)

    def _will(self) -> Message:
        topic, payload = self.wire.node_death()
        return Message(topic, payload, qos=1)

    def _on_message(self, message: Message) -> None:
        if message.topic == STATE:
            self.states.append(json.loads(message.payload))
            return
        (metric,) = decode(message.payload).metrics
        if metric.name == ACK:
            self.acknowledged.update(Acknowledgement.from_json(str(metric.value)).stored)
        elif metric.name == REBIRTH:
            self.rebirths += 1

    def send(self, *messages: Wire) -> None:
        for topic, payload in messages:
            assert self.client.publish(topic, payload)

    def be_born(self) -> None:
        self.send(self.wire.node_birth(), self.wire.device_birth("MIX-10", FLOW))

    def flow(self, number: int, *, historical: bool = False) -> None:
        metric = self.wire.number("MIX-10", "flow", float(number), T0_MS + number)
        self.send(self.wire.data("MIX-10", [metric], lsn=number, historical=historical))

    def was_asked(self, times: int) -> bool:
        return self.rebirths >= times

    def resend(self, last: int) -> None:
        for low, high in self.acknowledged.missing(1, last):
            for number in range(low, high + 1):
                self.flow(number, historical=True)

    def stop(self) -> None:
        self.client.stop()


@pytest.fixture
def gateway(broker: Server, tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path, broker.port)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()


@pytest.fixture
def edge(broker: Server, gateway: GatewayProcess) -> Iterator[Edge]:
    node = Edge(broker.port)
    yield node
    node.stop()


def test_values_travel_from_a_node_to_store_and_api(gateway: GatewayProcess, edge: Edge) -> None:
    """What a node publishes is acknowledged, shown by the API and lies in the store after an orderly stop."""
    edge.be_born()
    for number in range(1, 101):
        edge.flow(number)
    eventually(lambda: not edge.acknowledged.missing(1, 100))
    (latest,) = gateway.get("latest")
    assert (latest["value"], latest["quality"], latest["origin"]) == (100.0, "good", "simulated")
    (status,) = gateway.get("pipeline")["edges"]
    assert (status["online"], status["last_lsn"]) == (True, 100)
    assert gateway.stop() == 0
    assert gateway.stored_values() == [float(number) for number in range(1, 101)]


def test_state_says_whether_the_gateway_is_there(gateway: GatewayProcess, edge: Edge) -> None:
    """STATE is retained online while it runs, offline with the same time after a kill, and online again."""
    eventually(lambda: edge.states and edge.states[-1]["online"])
    birth = edge.states[-1]
    gateway.kill()
    eventually(lambda: not edge.states[-1]["online"], timeout_s=60)
    assert edge.states[-1]["timestamp"] == birth["timestamp"]
    gateway.start()
    eventually(lambda: edge.states[-1]["online"])
    assert edge.states[-1]["timestamp"] > birth["timestamp"]
    gateway.stop()
    eventually(lambda: not edge.states[-1]["online"])


def test_killed_at_any_moment_it_loses_and_doubles_nothing(gateway: GatewayProcess, edge: Edge) -> None:
    """Over three kills in the middle of a stream, every acknowledged row is stored and no row is stored twice."""
    edge.be_born()
    sent = 0
    for _ in range(3):
        acknowledged = edge.acknowledged.count()
        while edge.acknowledged.count() < acknowledged + 200:
            sent += 1
            edge.flow(sent)
            if sent % 50 == 0:
                time.sleep(0.01)  # a pace, not a wait: a real edge does not flood the broker
        gateway.kill()
        gateway.start()
        asked = edge.rebirths + 1
        edge.flow(sent)
        eventually(partial(edge.was_asked, asked))
        edge.be_born()

    def everything() -> bool:
        edge.resend(sent)
        return not edge.acknowledged.missing(1, sent)

    eventually(everything, timeout_s=60, interval_s=1.0)
    gateway.stop()
    assert gateway.stored_values() == [float(number) for number in range(1, sent + 1)]


def test_a_dead_node_is_shown_as_stale_and_its_will_counts_once(gateway: GatewayProcess, edge: Edge) -> None:
    """A node whose connection breaks leaves stale values; born again, they are good."""
    edge.be_born()
    edge.flow(1)
    eventually(lambda: 1 in edge.acknowledged)
    edge.wire.bd_seq = 0
    edge.client.drop()
    eventually(lambda: gateway.get("latest")[0]["quality"] == "stale", timeout_s=60)
    eventually(lambda: edge.client.connected, timeout_s=60)
    edge.wire.bd_seq = 1
    edge.be_born()
    eventually(lambda: gateway.get("latest")[0]["quality"] == "good")


def test_a_broker_that_is_killed_costs_nothing(broker: Server, gateway: GatewayProcess, edge: Edge) -> None:
    """Gateway and node meet again behind a new broker process, and what was not acknowledged is taken."""
    edge.be_born()
    edge.flow(1)
    eventually(lambda: 1 in edge.acknowledged)
    broker.kill()
    eventually(lambda: gateway.hop("broker") == "failed", timeout_s=60)
    assert gateway.get("latest")[0]["quality"] == "stale"
    broker.start()
    eventually(lambda: gateway.hop("broker") == "ok" and edge.client.connected, timeout_s=60)
    edge.be_born()
    edge.flow(2)
    eventually(lambda: 2 in edge.acknowledged)
    gateway.stop()
    assert gateway.stored_values() == [1.0, 2.0]


def test_a_port_that_is_taken_is_said(gateway: GatewayProcess) -> None:
    """A second gateway on the same port ends at once and names the port and the remedy."""
    second = subprocess.run(
        [sys.executable, "-m", "gateway", "--config", str(gateway.folder / "gateway.toml")],
        capture_output=True,
        timeout=60,
        text=True,
        check=False,
    )
    assert second.returncode == 2
    assert f"cannot serve at 127.0.0.1:{gateway.http_port}" in second.stderr
    assert "http_port" in second.stderr


@pytest.mark.skipif(os.name != "posix", reason="reads /proc")
def test_a_gateway_at_rest_is_small_and_free_of_analytics(gateway: GatewayProcess) -> None:
    """No analytics or Arrow library is loaded at rest, and the process stays below 160 MB."""
    assert gateway.process is not None
    with contextlib.suppress(FileNotFoundError):
        maps = Path(f"/proc/{gateway.process.pid}/maps").read_text(encoding="utf-8")
        assert not re.search(r"/(pyarrow|scipy|sklearn|pandas)/", maps)
        rollup = Path(f"/proc/{gateway.process.pid}/smaps_rollup").read_text(encoding="utf-8")
        found = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
        assert found is not None
        assert int(found[1]) < 160_000
