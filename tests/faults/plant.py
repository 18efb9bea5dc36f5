"""The line and a load generator in front of a data path of its own: what faults are done to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.child import START_TIMEOUT_S, Child
from tests.faults.path import PUBLISH_INTERVAL_MS, DataPath, PathOptions
from tests.faults.proxy import Proxy
from tests.faults.waiting import listens, wait_until
from tests.servers import find_free_port

UNITS = ("MONO-30", "MIX-10", "CA-90")
"""Shown of the line: enough kinds of signals, and a log that fits the small disks of the faults."""
LOAD_NODES = 60
KEEPALIVE_S = 8
"""A server on a machine with too much to do is silent for seconds; that is no outage, and no fault either."""
FAST_SIGNALS = LOAD_NODES + 8
"""So many signals have a new value every second; the others of the line are slower by design."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What is offered.

    Attributes:
        seed: of line and load generator.
        step_s: step of the line, whose signals change every second or when they change.
        load_rate: values a second of the load generator beside it.
        rules: report rules of the line by metric pattern (TOML inline tables); everything else is reported always.
    """

    seed: int = 1
    step_s: float = 0.1
    load_rate: float = 300.0
    rules: Sequence[tuple[str, str]] = ()


class Plant(DataPath):
    """The whole path.

    Args:
        folder: an empty folder of its own.
        options: of the data path.
        offer: what is offered.
    """

    def __init__(self, folder: Path, options: PathOptions, offer: Offer) -> None:
        self._offer = offer
        self._line_port, self._load_port = find_free_port(), find_free_port()
        self.source_proxies = [Proxy(self._line_port), Proxy(self._load_port)]
        super().__init__(folder, options, lambda _: self._sources())
        self.journals = [folder / "line-journal.csv", folder / "load-journal.csv"]
        self.line = self.python("line", ["demo_line", "serve", "--config", "line.toml"], self._answers(self._line_port))
        self.load = self.python("load", self._load_words(0), self._answers(self._load_port))
        self.number_namespaces(0)

    def _load_words(self, namespace_padding: int) -> list[str]:
        offer = self._offer
        return [
            *(
                "demo_line",
                "load",
                "--nodes",
                str(LOAD_NODES),
                "--rate",
                str(offer.load_rate),
                "--seed",
                str(offer.seed),
            ),
            *("--journal", str(self.journals[1]), "--url", f"opc.tcp://127.0.0.1:{self._load_port}/load"),
        ]

    @staticmethod
    def _answers(port: int) -> Callable[[], bool]:
        return lambda: listens(port)

    @property
    def feeders(self) -> list[Child]:
        """The processes that offer values."""
        return [self.line, self.load]

    def start(self, prepare: Callable[[], None] | None = None) -> None:
        """Start everything and wait until values flow."""
        for feeder in self.feeders:
            feeder.start(wait=False)
        self.start_path(prepare)
        for feeder in self.feeders:
            feeder.wait_ready()
        self.wait_flowing(START_TIMEOUT_S)

    def wait_flowing(self, timeout_s: float) -> float:
        """Wait until every fast signal has a good value offered from now on; returns the seconds it took."""
        since_ns = time.time_ns()

        def flowing() -> bool:
            self.check_alive()
            good = [item for item in self.api.latest().values() if item["quality"] == "good"]
            fresh: int = sum(item["time_ns"] >= since_ns for item in good)
            return fresh >= FAST_SIGNALS

        return wait_until(flowing, timeout_s, lambda: f"values to flow; {self.state()}")

    def number_namespaces(self, padding: int) -> None:
        """Let both servers, at their next start, have so many namespaces before the one of their nodes."""
        offer = self._offer
        text = f"""[line]
seed = {offer.seed}
step_s = {offer.step_s}
journal = "{self.journals[0].name}"
[opcua]
units = [{", ".join(f'"{unit_id}"' for unit_id in UNITS)}]
port = {self._line_port}
path = "/line"
security = ["none"]
anonymous = true
namespace_padding = {padding}
"""
        (self.folder / "line.toml").write_text(text, encoding="utf-8")
        self.load.reword(self._load_words(padding))

    def _sources(self) -> str:
        rules = "".join(f'{{ metric = "{pattern}", rule = {rule} }},' for pattern, rule in self._offer.rules)
        line, load = self.source_proxies
        return opcua_source("line", line.port, rules) + opcua_source("load", load.port)

    def close(self) -> None:
        """End every process, whatever state it is in."""
        super().close()
        for proxy in self.source_proxies:
            proxy.close()


def opcua_source(name: str, port: int, rules: str = "", origin: str = "simulated") -> str:
    """Return a source that reads every node of a server (`line`, `load` or `replay`), unchanged values too."""
    return f"""[[sources]]
name = "{name}"
type = "opcua"
url = "opc.tcp://127.0.0.1:{port}/{name}"
origin = "{origin}"
publishing_interval_ms = {PUBLISH_INTERVAL_MS}
keepalive_s = {KEEPALIVE_S}
timeout_s = {4 * KEEPALIVE_S}
queue_size = 1000
trigger = "status_value_timestamp"
[[sources.browse]]
root = "nsu=urn:smart-factory-showroom:{name};s={name.capitalize()}"
rules = [{rules}]
"""
