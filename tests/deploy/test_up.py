"""`showroom up` as it is used: everything starts, values move, what dies comes back, nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import Influx

ROOT = Path(__file__).parents[2]
ANY_PORT = ["--port", "0", "--mqtt-port", "0", "--opcua-port", "0", "--utilities-port", "0"]
SHORT_PAST = ["--set", "history_days=0.02"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals; on Windows this is tried by hand")


class Showroom:
    """A running `showroom up`."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "deploy", "up", "--no-browser", "--json", "--data-dir", str(folder), *ANY_PORT]
        self.folder = folder
        command += [*SHORT_PAST, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.events: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def wait_ready(self) -> str:
        until(lambda: any(event["event"] == "ready" for event in list(self.events)), 60, self.told)
        return str(next(event["url"] for event in self.events if event["event"] == "ready"))

    def told(self) -> str:
        logs = "\n".join(f"{log}:\n{log.read_text('utf-8')[-2000:]}" for log in (self.folder / "logs").glob("*.log"))
        return "\n".join(map(str, self.events)) + "\n" + logs

    def pids(self) -> dict[str, int]:
        processes: dict[str, int] = json.loads((self.folder / "run.json").read_text("utf-8"))["processes"]
        return processes

    def get(self, path: str) -> Any:
        url = next(event["url"] for event in self.events if event["event"] == "ready")
        with urllib.request.urlopen(f"{url}api/v1/{path}", timeout=10) as answer:
            return json.load(answer)

    def newest_by_device(self) -> dict[str, int]:
        """Newest source time of each device that has a good value."""
        newest: dict[str, int] = {}
        for entry in self.get("latest"):
            device = entry["path"].split("/")[2]
            if entry["quality"] == "good" and device:
                newest[device] = max(entry["time_ns"], newest.get(device, 0))
        return newest

    def waveforms(self) -> list[dict[str, Any]]:
        """Stored waveforms of the wireless sensors."""
        series = [f"showroom/meter-edge/MIX-10-VIBRATION-{axis}/waveform_g" for axis in ("RADIAL", "AXIAL")]
        known = {entry["path"] for entry in self.get("series")}
        return [w for path in known.intersection(series) for w in self.get(f"waveforms?series={path}")["waveforms"]]

    def rows(self, path: str) -> dict[int, float]:
        """Value by source time of a series, as stored."""
        raw = self.get(f"samples?series={urllib.parse.quote(path)}&raw=true")["raw"]
        return dict(zip(raw["time_ns"], raw["value"], strict=True))


@contextmanager
def showroom(folder: Path, *options: str) -> Iterator[Showroom]:
    running = Showroom(folder, *options)
    try:
        running.wait_ready()
        yield running
    finally:
        running.process.terminate()
        running.process.wait(40)


def until(condition: Callable[[], object], seconds: float, told: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


DEVICES = {
    "MIX-10",
    "MONO-30",
    "CA-90",
    "EL-92",
    "EL-92-METER",
    "CA-90-METER",
    "SHR-60-METER",
    "MIX-10-VIBRATION-RADIAL",
}
POWER = "/EL-92-METER/em_0_total_act_power_w"


@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
def test_values_move_and_the_stop_is_clean(broker: str, tmp_path: Path) -> None:
    """With either broker all units and the devices deliver moving values, and SIGTERM ends every process cleanly."""
    with showroom(tmp_path / "data", "--set", f"broker={broker}") as running:
        until(lambda: set(running.newest_by_device()) >= DEVICES, 30, running.told)
        before = running.newest_by_device()
        until(lambda: all(running.newest_by_device()[name] > before[name] for name in DEVICES), 30, running.told)
        until(running.waveforms, 30, running.told)
        assert {entry["origin"] for entry in running.get("latest") if entry["path"].split("/")[2]} == {"simulated"}
        pids = running.pids()
        assert set(pids) == {"broker", "line", "line-edge", "meter-edge", "gateway", "analytics"}
    assert running.process.returncode == 0
    assert all(gone(pid) for pid in pids.values())
    assert not any(event.get("phase") == "restarting" for event in running.events), running.told()


def test_the_first_start_leaves_a_past(tmp_path: Path) -> None:
    """Half an hour of simulated values lies before the first live one, in the same series, and is never made again.

    The line goes on from its end: a counter of the live line is above the last one of the past.
    """
    with showroom(tmp_path / "data") as running:
        until(lambda: running.get("pipeline")["history"]["state"] == "done", 60, running.told)
        told = running.get("pipeline")["history"]
        assert told["unknown"] == 0
        log = tmp_path / "data" / "logs" / "line.log"
        until(lambda: "goes on from the end of its history" in log.read_text("utf-8"), 30, running.told)
        count = "showroom/line-edge/MONO-30/prod_processed_count"
        query = f"samples?series={urllib.parse.quote(count)}&raw=true&start={told['start_ns']}&end={told['end_ns'] + 1}"
        past = running.get(query)["raw"]
        assert told["start_ns"] < past["time_ns"][0] < past["time_ns"][-1] <= told["end_ns"]
        assert past["value"] == sorted(past["value"])
        assert past["value"][-1] > 500
        assert set(past["origin"]) == {1}

        def counted() -> float:
            return float(next(entry["value"] for entry in running.get("latest") if entry["path"] == count))

        until(lambda: counted() > past["value"][-1], 30, running.told)
    with showroom(tmp_path / "data") as running:
        until(lambda: running.get("pipeline")["history"]["state"] == "done", 30, running.told)
        assert running.get("pipeline")["history"]["samples"] == 0


def test_whatever_is_killed_comes_back(tmp_path: Path) -> None:
    """Each process in turn is killed by force; afterwards all deliver again without anyone's help."""
    with showroom(tmp_path / "data") as running:
        until(lambda: set(running.newest_by_device()) >= DEVICES, 30, running.told)
        for name, pid in running.pids().items():
            psutil.Process(pid).kill()
            until(lambda name=name, pid=pid: running.pids()[name] not in (None, pid), 20, running.told)  # type: ignore[misc]

        def all_newer_than(time_ns: int) -> bool:
            try:
                newest = running.newest_by_device()
            except OSError:
                return False
            return set(newest) >= DEVICES and min(newest.values()) > time_ns

        killed_ns = time.time_ns()
        until(lambda: all_newer_than(killed_ns), 60, running.told)


def test_power_cut(tmp_path: Path) -> None:
    """After everything was killed at once the next start goes on by itself, and what was stored before is there."""
    with showroom(tmp_path / "data") as running:
        until(lambda: set(running.newest_by_device()) >= DEVICES, 30, running.told)
        path = next(entry["path"] for entry in running.get("latest") if entry["path"].endswith(POWER))
        until(lambda: len(running.rows(path)) >= 5, 60, running.told)
        stored = running.rows(path)
        processes = [running.process.pid, *running.pids().values()]
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        running.process.wait(10)
        until(lambda: all(gone(pid) for pid in processes), 10)
        cut_ns = time.time_ns()
    with showroom(tmp_path / "data") as running:
        until(lambda: set(running.newest_by_device()) >= DEVICES, 40, running.told)
        until(lambda: min(running.newest_by_device().values()) > cut_ns, 40, running.told)
        assert stored.items() <= running.rows(path).items()


def test_no_orphan_after_kill_of_the_launcher(tmp_path: Path) -> None:
    """When only the launcher is killed by force, everything it started ends by itself."""
    running = Showroom(tmp_path / "data")
    running.wait_ready()
    pids = list(running.pids().values())
    assert len(pids) == 6
    running.process.kill()
    running.process.wait(10)
    until(lambda: all(gone(pid) for pid in pids), 60)


def test_second_showroom_on_the_folder_is_refused(tmp_path: Path) -> None:
    """A second start on the same data folder ends at once and says what to do; the first goes on."""
    with showroom(tmp_path / "data") as running:
        second = subprocess.run(
            [sys.executable, "-m", "deploy", "up", "--no-browser", "--data-dir", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=30,
        )
        assert second.returncode == 2
        assert "already runs" in second.stderr
        assert running.process.poll() is None


def test_samples_go_into_influxdb(influxd_auth: Influx, tmp_path: Path) -> None:
    """With the profile for InfluxDB 1.x the samples are in that server, and the gateway reads them back."""
    password = tmp_path / "password"
    password.write_text(influxd_auth.password + "\n", encoding="utf-8")
    password.chmod(0o600)
    options = ["--profile", "influx1"]
    for setting in (
        f"influx_url={influxd_auth.url}",
        f"influx_user={influxd_auth.username}",
        f"influx_password_file={password}",
    ):
        options += ["--set", setting]
    subprocess.run([sys.executable, "-m", "deploy", "influx", "init", *options], check=True, cwd=ROOT)
    with showroom(tmp_path / "data", *options) as running:
        until(lambda: set(running.newest_by_device()) >= DEVICES, 30, running.told)
        path = next(entry["path"] for entry in running.get("latest") if entry["path"].endswith(POWER))
        until(lambda: len(running.rows(path)) >= 3, 60, running.told)
        assert running.get("pipeline")["store"] == "influx"
        until(lambda: running.get("health")["overall"] == "ok", 30, running.told)
