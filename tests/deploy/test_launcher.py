"""The launcher with small real processes: order, restart, clean stop, no orphan."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import psutil
import pytest

from deploy.keeper import Phase, Status
from deploy.launcher import Launcher, run_file
from deploy.lock import FolderLock, LockedError
from deploy.plan import Plan, ProcessPlan, ReadyCheck

CHILD = """
import os, signal, sys, threading
signal.signal(signal.SIGTERM, lambda *_: None)
print("up", flush=True)
while os.read(0, 4096): pass
open(sys.argv[1], "a").write(sys.argv[2] + "\\n")
"""
"""Ends only when its standard input closes, and notes its name then."""

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
)
FAILING = "import sys; print('no such port', flush=True); sys.exit(3)"
SERVER = """
import socket, sys, time
time.sleep(0.5)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while sys.stdin.read(1): pass
"""


class Recorder:
    """Keeps what the launcher says."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.url: str | None = None
        self.stopped = False

    def changed(self, status: Status) -> None:
        self.statuses.append(status)

    def ready(self, url: str, seconds: float) -> None:
        self.url = url

    def stopping(self) -> None:
        self.stopped = True

    def of(self, name: str) -> list[Phase]:
        return [status.phase for status in list(self.statuses) if status.name == name]


class Running:
    """A launcher on a thread."""

    def __init__(self, folder: Path, processes: list[ProcessPlan]) -> None:
        self.screen = Recorder()
        self.plan = Plan("test", folder, "http://127.0.0.1:1/", tuple(processes))
        self.stop = threading.Event()
        self.opened: list[str] = []
        launcher = Launcher(self.plan, self.screen, Random(1))
        self.thread = threading.Thread(target=launcher.run, args=(self.stop, self.opened.append))

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def child(name: str, notes: Path, after: tuple[str, ...] = (), stops_after: tuple[str, ...] = ()) -> ProcessPlan:
    return ProcessPlan(name, (sys.executable, "-c", CHILD, str(notes), name), after, stops_after)


def test_stops_in_reverse_order_and_cleanly(tmp_path: Path) -> None:
    """Whoever is needed by another is stopped after it, by closing its standard input, and nothing is left running."""
    notes = tmp_path / "notes"
    chain = [child("broker", notes), child("line", notes, ("broker",)), child("edge", notes, ("line",))]
    chain.append(child("gateway", notes, ("broker",), ("edge",)))
    with Running(tmp_path, chain) as running:
        until(lambda: running.opened)
        pids = json.loads(run_file(tmp_path).read_text("utf-8"))["processes"]
        assert set(pids) == {"broker", "line", "edge", "gateway"}
        until(lambda: all((tmp_path / "logs" / f"{name}.log").read_text("utf-8") == "up\n" for name in pids))
    ended = notes.read_text("utf-8").split()
    assert (ended[0], sorted(ended[1:3]), ended[3]) == ("edge", ["gateway", "line"], "broker")
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert not run_file(tmp_path).exists()


def test_waits_until_a_server_listens(tmp_path: Path, free_port: int) -> None:
    """A process starts only after the one it needs can be reached."""
    server = ProcessPlan(
        "server", (sys.executable, "-c", SERVER, str(free_port)), ready=ReadyCheck("127.0.0.1", free_port)
    )
    with Running(tmp_path, [server, child("user", tmp_path / "notes", ("server",))]) as running:
        until(lambda: running.opened)
        phases = [(status.name, status.phase) for status in running.screen.statuses]
        assert phases.index(("server", Phase.READY)) < phases.index(("user", Phase.STARTING))
        assert running.screen.url == running.opened[0] == "http://127.0.0.1:1/"


def test_restarts_what_was_killed(tmp_path: Path) -> None:
    """A killed process runs again under a new id, and the engineer is told how it ended."""
    with Running(tmp_path, [child("edge", tmp_path / "notes")]) as running:
        until(lambda: Phase.READY in running.screen.of("edge"))
        first = running.screen.statuses[-1].pid
        assert first is not None
        psutil.Process(first).kill()
        until(lambda: running.screen.of("edge").count(Phase.READY) == 2)
        last = running.screen.statuses[-1]
        assert (last.pid != first, last.restarts) == (True, 1)
        told = next(status.remark for status in running.screen.statuses if status.phase is Phase.RESTARTING)
        if os.name == "posix":
            assert "ended by signal 9" in told


def test_never_gives_up_and_says_why(tmp_path: Path) -> None:
    """A process that cannot start is tried again and again; its last words and the place of its log are shown."""
    with Running(tmp_path, [ProcessPlan("edge", (sys.executable, "-c", FAILING))]) as running:
        until(lambda: running.screen.of("edge").count(Phase.RESTARTING) >= 3)
        told = running.screen.statuses[-1].remark or running.screen.statuses[-2].remark
        assert "ended with code 3: no such port" in told
        assert str(tmp_path / "logs" / "edge.log") in told
        assert Phase.READY not in running.screen.of("edge")


def test_a_program_that_is_missing(tmp_path: Path) -> None:
    """A command that does not exist is an event like any other, not a crash of the launcher."""
    with Running(tmp_path, [ProcessPlan("broker", (str(tmp_path / "nothing"),))]) as running:
        until(lambda: running.screen.of("broker").count(Phase.RESTARTING) >= 2)
        assert "could not be started" in next(s.remark for s in running.screen.statuses if s.remark)


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM can be ignored on POSIX only")
def test_kills_what_does_not_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ignores every request is killed after the deadline."""
    monkeypatch.setattr("deploy.launcher.STOP_DEADLINE_S", 0.5)
    with Running(tmp_path, [ProcessPlan("edge", (sys.executable, "-c", STUBBORN))]) as running:
        until(lambda: Phase.READY in running.screen.of("edge"))
        until(lambda: (tmp_path / "logs" / "edge.log").read_text("utf-8") == "up\n")
        pid = running.screen.statuses[-1].pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


SCRIPT = """
import sys, threading
from random import Random
from deploy.launcher import Launcher
from deploy.plan import Plan
from deploy.screen import JsonScreen
Launcher(Plan.from_json(sys.argv[1]), JsonScreen(sys.stdout), Random(1)).run(threading.Event(), lambda url: None)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_no_orphan_after_kill_of_the_launcher(tmp_path: Path) -> None:
    """When the launcher is killed by force, its processes end: those that watch the pipe, and the guarded one."""
    deaf = ProcessPlan("broker", (sys.executable, "-c", "import time; time.sleep(300)"), guarded=True)
    plan = Plan("test", tmp_path, "http://127.0.0.1:1/", (deaf, child("line", tmp_path / "notes")))
    launcher = subprocess.Popen([sys.executable, "-c", SCRIPT, plan.to_json()], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    pids: dict[str, int] = {}
    for line in launcher.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            break
        if event.get("pid"):
            pids[event["name"]] = event["pid"]
    assert set(pids) == {"broker", "line"}
    launcher.send_signal(signal.SIGKILL)
    launcher.wait(10)
    until(lambda: not any(psutil.pid_exists(pid) and not zombie(pid) for pid in pids.values()))


def zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_second_launcher_on_a_folder_is_refused(tmp_path: Path) -> None:
    """Two launchers never share a data folder; the second one is told what to do."""
    first = FolderLock(tmp_path)
    with pytest.raises(LockedError, match="--data-dir"):
        FolderLock(tmp_path)
    first.release()
    FolderLock(tmp_path).release()


def test_plan_survives_its_journey() -> None:
    """What the preparation computed reaches the launcher unchanged."""
    process = ProcessPlan(
        "a", ("x", "y"), ("b",), ("c",), ReadyCheck("h", 1, "/p"), guarded=True, environment={"K": "v"}
    )
    plan = Plan("laptop", Path("/data"), "http://x/", (process,), ("note",))
    assert Plan.from_json(plan.to_json()) == plan
