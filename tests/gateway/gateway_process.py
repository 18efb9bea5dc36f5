"""A gateway as a process, for tests behind real brokers."""

import json
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gateway.store.config import DuckDbConfig
from gateway.store.open import open_store
from tests.servers import eventually, find_free_port


@dataclass
class GatewayProcess:
    """A gateway process that a test may kill and start again."""

    folder: Path
    broker_port: int
    http_port: int = field(default_factory=find_free_port)
    process: "subprocess.Popen[bytes] | None" = None
    log: "IO[bytes] | None" = None

    def start(self) -> None:
        config = self.folder / "gateway.toml"
        config.write_text(
            f"[gateway]\nhttp_port = {self.http_port}\n"
            f"[broker]\nport = {self.broker_port}\n"
            '[store]\ntype = "duckdb"\npath = "samples.duckdb"\n',
            encoding="utf-8",
        )
        self.log = (self.folder / "gateway.log").open("ab")
        already = self.text().count("ready: ")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "--config", str(config), "--exit-with-parent"],
            stdin=subprocess.PIPE,
            stderr=self.log,
        )
        eventually(lambda: self.text().count("ready: ") > already and self.hop("broker") == "ok", timeout_s=120)

    def text(self) -> str:
        return (self.folder / "gateway.log").read_text(encoding="utf-8")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)

    def hop(self, name: str) -> str:
        return next((hop["state"] for hop in self.get("health")["hops"] if hop["name"] == name), "")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(20)

    def stored_values(self) -> list[float]:
        """Return the values of the one series of a gateway that was stopped, by time."""
        store = open_store(DuckDbConfig(path=self.folder / "samples.duckdb"))
        try:
            store.load()
            (series,) = store.series()
            values: list[float] = store.raw(series.number, 0, 2**62, 1_000_000).number.tolist()
            return values
        finally:
            store.close()
