"""What the demonstration costs: time to first moving values, memory and CPU with one page open."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests import servers
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Usage, usage

SETTLE_S, MEASURE_S = 60.0, 20.0
_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_FORBIDDEN = ("site-packages/sklearn/", "site-packages/scipy/")  # not the OpenBLAS that NumPy brings


@contextlib.contextmanager
def _showroom(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "deploy", "up", "--no-browser", "--port", str(port), "--data-dir", str(folder)]
    command += ["--set", "history_days=0"]  # "history at first start" measures what that takes
    with (folder.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def _page() -> Iterator[Page]:
    chromium = servers.require_server("chromium", shutil.which("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_CHROMIUM)
        yield browser.new_page(viewport={"width": 1920, "height": 1080})
        browser.close()


def _moving_after_s(page: Page, port: int, began: float) -> float:
    """Open the page as soon as it answers; return when the flow in the picture has changed, in seconds since began."""
    servers.eventually(lambda: servers.accepts(port), 60)
    page.goto(f"http://127.0.0.1:{port}/")
    machine = page.locator("g.unit[data-unit='MIX-10']")
    expect(machine).to_contain_text("L/h", timeout=60_000)
    expect(machine).not_to_have_text(machine.text_content() or "", timeout=60_000)
    return time.monotonic() - began


def _maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")


def _figures(first_s: float, parts: Sequence[Usage]) -> list[Figure]:
    listed = "; ".join(f"{_name(part)} {part.pss_bytes / 1e6:.0f} MB {part.cpu_share:.1%}" for part in parts)
    analytics = [part for part in parts if _name(part) == "analytics"]
    others = [part for part in parts if part not in analytics]
    heavy = [part.name for part in others if any(word in _maps(part.pid) for word in _FORBIDDEN)]
    return [
        Figure(
            "moving values in the browser after", first_s, "s", at_most=10, conditions="installed, data folder empty"
        ),
        Figure(
            "memory of all processes but analytics",
            sum(part.pss_bytes for part in others) / 1e6,
            "MB",
            at_most=700,
            conditions=f"PSS, {SETTLE_S:.0f} s after start, one page open, without the browser: {listed}",
        ),
        Figure(
            "memory of analytics",
            sum(part.pss_bytes for part in analytics) / 1e6,
            "MB",
            at_most=350,
            conditions="PSS, while it learns: nothing is learnt yet in an empty data folder",
        ),
        Figure(
            "CPU of all processes at rest",
            sum(part.cpu_share for part in parts) * 100,
            "% of a core",
            at_most=60,
            conditions=f"over {MEASURE_S:.0f} s with one page open, without the browser",
        ),
        Figure(
            "processes but analytics that load scikit-learn or SciPy",
            len(heavy),
            "",
            at_most=0,
            conditions=", ".join(heavy),
        ),
    ]


def _name(part: Usage) -> str:
    if "analytics" in part.name.split():
        return "analytics"
    for name in ("demo_line", "gateway", "line-edge", "meter-edge", "nats-server"):
        if name in part.name.replace("/config/gateway.toml", ""):
            return name
    return "gateway" if "gateway" in part.name else "launcher"


def measure() -> Sequence[Figure]:
    """Return the figures of `showroom up` (Linux only: proportional set size)."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise OSError("this benchmark reads /proc/<pid>/smaps_rollup, which only Linux has")
    with tempfile.TemporaryDirectory() as name, _page() as page:
        folder = Path(name) / "data"
        port = servers.find_free_port()
        began = time.monotonic()
        with _showroom(folder, port) as process:
            first_s = _moving_after_s(page, port, began)
            time.sleep(max(0.0, SETTLE_S - (time.monotonic() - began)))
            parts = [part for part in usage(process.pid, MEASURE_S) if part.pid != os.getpid()]
            return _figures(first_s, parts)
