"""How long the first start takes to leave thirty days of history in the store, and what that costs live data."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import servers
from tests.benchmarks.figures import Figure, percentile

PATIENCE_S = 900.0


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=30) as answer:
        return json.load(answer)


def _watch(port: int, began: float) -> tuple[float, list[float], dict[str, Any]]:
    """Wait for the import; return its seconds, the lags of live data meanwhile, and what was said of it at the end."""
    servers.eventually(lambda: servers.accepts(port), 60)
    lags: list[float] = []
    while True:
        told: dict[str, Any] = _get(port, "pipeline")["history"]
        if told["state"] in ("done", "declined") or time.monotonic() - began > PATIENCE_S:
            return time.monotonic() - began, lags, told
        lags += [hop["lag_s"] for hop in _get(port, "health")["hops"] if hop["name"] == "store" and hop["lag_s"]]
        time.sleep(1.0)


def measure() -> Sequence[Figure]:
    """Return the figures of one first start of the laptop profile."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name) / "data", servers.find_free_port()
        command = [sys.executable, "-m", "deploy", "up", "--no-browser", "--port", str(port), "--data-dir", str(folder)]
        ports = ["--mqtt-port", "0", "--opcua-port", "0", "--utilities-port", "0"]
        began = time.monotonic()
        with (Path(name) / "up.log").open("wb") as log:
            process = subprocess.Popen([*command, *ports], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            seconds, lags, told = _watch(port, began)
        finally:
            process.terminate()
            process.wait(30)
        size = sum(path.stat().st_size for path in folder.glob("state/gateway/*.duckdb*"))
    where = f"{told['state']}, {told['samples']:,} samples in {told['chunks']} chunks, {size / 1e6:.0f} MB"
    return [
        Figure("history of thirty days at first start", seconds, "s", at_most=60, conditions=where),
        Figure(
            "age of the newest stored value meanwhile, p95",
            percentile(lags, 0.95),
            "s",
            conditions=f"values come every second; {len(lags)} looks",
        ),
    ]
