"""What analytics costs: training on a month, one judgement of the whole line, memory of the live process."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from analytics.assessor import Assessor
from analytics.config import USUAL_ALARMS, AnalyticsSettings
from analytics.cycle import Cycle
from analytics.machines import shipped
from analytics.maintenance import load_maintenance
from analytics.recorded import read_run
from analytics.registry import Registry
from analytics.training import load_champion, train
from analytics.window import Window
from tests import servers
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import cpu_seconds, pss_bytes, tree

MONTH_DAYS, HISTORY_DAYS = 30, 3
CYCLES = 10
_DAY_NS = 86_400_000_000_000
_LIVE_S = 600.0


def _month(folder: Path) -> Window:
    """Thirty healthy days of the line in rows of a minute."""
    command = [sys.executable, "-m", "demo_line", "run", "--days", str(MONTH_DAYS), "--seed", "7"]
    subprocess.run([*command, "--solver", "coarse", "--out", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return read_run(folder, shipped().signals())


def _learning(folder: Path) -> list[Figure]:
    machines, registry = shipped(), Registry(folder / "models")
    month = _month(folder / "run")
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    train(month, machines, registry, least_days=2, held_back=0.2, now_ns=time.time_ns())
    took_s, took_cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    loaded = load_champion(registry, machines)
    if loaded is None:
        raise RuntimeError("the first training was not promoted")
    return [
        Figure(
            "training of all machines",
            took_s,
            "s",
            at_most=300,
            conditions=f"{MONTH_DAYS} days in rows of a minute, held-back window judged; {took_cpu_s:.1f} s of CPU",
        ),
        _cycle(loaded[1], month),
    ]


def _cycle(assessor: Assessor, month: Window) -> Figure:
    days = AnalyticsSettings(group_id="site", primary_host_id="host").window_days
    window = month.between(int(month.time_ns[-1]) - round(days * _DAY_NS), int(month.time_ns[-1]) + 1)
    limits = {name: setting.rule for name, setting in USUAL_ALARMS.items()}
    cycle, spent = Cycle(limits, load_maintenance()), []
    for number in range(CYCLES):
        began_s = time.process_time()
        cycle.run(assessor, window, int(window.time_ns[-1]) + number)
        spent.append(time.process_time() - began_s)
    told = f"CPU, {len(window.numbers)} signals over {days:g} days, {min(spent):.2f} to {max(spent):.2f} s of {CYCLES}"
    return Figure("one judgement of the whole line", median(spent), "s", at_most=0.5, conditions=told)


def _live(folder: Path) -> list[Figure]:
    """Start everything, wait until analytics judges, and look at its process."""
    port = servers.find_free_port()
    command = [sys.executable, "-m", "deploy", "up", "--no-browser", "--port", str(port), "--data-dir", str(folder)]
    command += ["--mqtt-port", "0", "--opcua-port", "0", "--utilities-port", "0"]
    with (folder.parent / "up.log").open("wb") as log:
        showroom = subprocess.Popen(
            [*command, "--set", f"history_days={HISTORY_DAYS}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        began_s = time.monotonic()
        servers.eventually(lambda: _own(port).get("state") == "ok", _LIVE_S, 1.0)
        judged_s = time.monotonic() - began_s
        pid = json.loads((folder / "run.json").read_text("utf-8"))["processes"]["analytics"]
        spent = []
        for _ in range(CYCLES):
            time.sleep(10)
            spent.append(float(_own(port)["cycle_cpu_s"]))
        (process, *_) = tree(pid)
        return [
            Figure(
                "first judgement after the first start",
                judged_s,
                "s",
                conditions=f"{HISTORY_DAYS} days of history made, imported and learnt from meanwhile",
            ),
            Figure(
                "one cycle of the live process",
                median(spent),
                "s",
                at_most=0.5,
                conditions=f"CPU with reading and publishing, {min(spent):.2f} to {max(spent):.2f} s of {CYCLES}",
            ),
            Figure(
                "memory of analytics while it judges",
                pss_bytes(pid) / 1e6,
                "MB",
                at_most=350,
                conditions=f"PSS; {cpu_seconds(process):.0f} s of CPU since its start",
            ),
        ]
    finally:
        showroom.terminate()
        showroom.wait(60)


def _own(port: int) -> dict[str, Any]:
    """What analytics says of itself; empty while it, or the gateway, says nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/latest", timeout=10) as answer:
            entries = json.load(answer)
    except OSError:
        return {}
    return {
        entry["path"].split("/")[3]: entry["value"] for entry in entries if "/analytics/ANALYTICS/" in entry["path"]
    }


def measure() -> Sequence[Figure]:
    """Return the figures (Linux only: proportional set size)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*_learning(folder), *_live(folder / "data")]
