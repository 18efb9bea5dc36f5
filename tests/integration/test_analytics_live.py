"""Analytics as a process behind a real broker and gateway: it learns from the store, and its results are stored."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics.window import Window
from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.log import LogConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.node import EdgeNode
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.publisher import NodeIdentity
from edge_agent.sparkplug.quality import Quality
from tests.analytics.pump import MINUTE_NS, course, pump
from tests.gateway.gateway_process import GatewayProcess
from tests.servers import Server, eventually

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]
PATIENCE_S = 200.0
MINUTES = 4_320

CONFIG = """
[analytics]
gateway = "http://127.0.0.1:{http_port}"
group_id = "showroom"
primary_host_id = "showroom-gateway"
machines = "machines.toml"
cycle_s = 1
window_days = 3
[broker]
port = {broker_port}
[log]
path = "analytics.db"
[training]
history_days = 4
least_days = 2
held_back = 0.25
[alarms.anomaly]
limit = 1
deadband = 0.2
"""


class Line:
    """An edge node that has three days of a pump to tell; its bearing has been wearing for half a day."""

    def __init__(self, port: int, log: Path) -> None:
        self.window = course(MINUTES, wear_from=MINUTES - 720)
        self.node = EdgeNode(
            NodeIdentity("showroom", "line-edge", "showroom-gateway"),
            BrokerConfig(port=port, reconnect_max_s=0.5),
            LogConfig(path=log, resend_after_s=2),
            longest_delay_ns={"line": 10_000_000_000},
            on_failure=pytest.fail,
        )
        self.node.start()
        names = list(self.window.numbers)
        metrics = [
            Declaration(unit_id, metric, DataType.DOUBLE, Origin.SIMULATED)
            for unit_id, _, metric in (name.partition(".") for name in names)
        ]
        self.numbers = dict(zip(names, self.node.declare("line", metrics), strict=True))

    def tell(self) -> None:
        """Hand over everything as if its last minute had just ended."""
        newest_ns = time.time_ns() // MINUTE_NS * MINUTE_NS
        times = newest_ns - (MINUTES - np.arange(MINUTES, dtype=np.int64)) * MINUTE_NS
        for begin in range(0, MINUTES, 240):
            rows = slice(begin, begin + 240)
            self.node.flush(time.time_ns(), [("line", self._values(self.window, times[rows], rows))])

    def _values(self, window: Window, times: Any, rows: slice) -> list[ReportedValue]:
        return [
            (number, int(at_ns), float(value), Quality.GOOD)
            for name, number in self.numbers.items()
            for at_ns, value in zip(times, window.number(name)[rows], strict=True)
        ]


class Analytics:
    """The process under test."""

    def __init__(self, folder: Path, gateway: GatewayProcess) -> None:
        self.config = folder / "analytics.toml"
        pump(folder)
        text = CONFIG.format(http_port=gateway.http_port, broker_port=gateway.broker_port)
        self.config.write_text(text, encoding="utf-8")
        self._log = (folder / "analytics.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "analytics", "--config", str(self.config), "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stderr=self._log,
        )

    def stop(self) -> int:
        """End it as the launcher does."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(30)
        self._log.close()
        return code

    def command(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "analytics", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def gateway(nats_broker: Server, tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path, nats_broker.port)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()


def latest(gateway: GatewayProcess) -> dict[str, Any]:
    """Newest results by `unit/metric`."""
    found = [entry for entry in gateway.get("latest") if "/analytics/" in entry["path"]]
    return {"/".join(entry["path"].split("/")[2:]): entry for entry in found}


def test_a_worn_bearing_is_found_from_what_is_stored(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Learning is said; then health, cause and work order are stored as simulated samples; an operator acknowledges."""
    line = Line(gateway.broker_port, tmp_path / "line.db")
    analytics = Analytics(tmp_path, gateway)
    try:
        eventually(lambda: latest(gateway).get("MIX-10/state", {}).get("value") == "learning", PATIENCE_S, 0.2)
        told = latest(gateway)
        assert told["MIX-10/health_index"]["value"] is None
        assert "of 4 days" in told["ANALYTICS/reason"]["value"]
        line.tell()
        eventually(lambda: line.node.backlog == 0, PATIENCE_S, 0.2)
        eventually(lambda: (latest(gateway)["MIX-10/anomaly_score"]["value"] or 0) > 1, PATIENCE_S, 0.5)
        eventually(lambda: latest(gateway)["MIX-10/advisory"]["value"], PATIENCE_S, 0.2)
        told = latest(gateway)
        order, evidence = (json.loads(told[f"MIX-10/{name}"]["value"]) for name in ("advisory", "evidence"))
        assert (order["unit_id"], order["schema"]) == ("MIX-10", "showroom-advisory/1")
        assert order["mechanism"] == told["MIX-10/diagnosis"]["value"] != "none"
        assert evidence["contributions"][0]["name"] == "MIX-10.envelope"
        assert told["MIX-10/alarm"]["value"] == "unacknowledged"
        assert told["MIX-10/zone_envelope"]["value"] in ("C", "D")
        assert {entry["origin"] for entry in told.values()} == {"simulated"}
        assert told["ANALYTICS/model_version"]["value"] == 1
        assert analytics.command("models").startswith("*    1")
        analytics.command("acknowledge", "MIX-10.anomaly")
        eventually(lambda: '"anomaly","state":"acknowledged"' in latest(gateway)["MIX-10/alarms"]["value"], PATIENCE_S)
        stored = gateway.get("samples?series=showroom/analytics/MIX-10/health_index&raw=true")["raw"]
        assert stored["value"][0] is None
        assert 0 <= stored["value"][-1] < 1
    finally:
        assert analytics.stop() == 0
        line.node.stop()
