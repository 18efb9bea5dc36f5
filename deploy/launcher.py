"""Runs a plan: starts its processes in order, keeps them running, stops them in reverse order.

Imports little, because it stays in memory as long as the showroom runs.
"""

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Protocol

from deploy.keeper import Keeper, Phase, Status
from deploy.log_file import LogFile
from deploy.plan import Plan, ReadyCheck

STOP_DEADLINE_S = 8.0
_PROBE_S = 0.05
_REST_S = 1.0
_SETTLE_S = 0.3
"""A process that ends at once was never ready, whoever else answers on its port."""


class Screen(Protocol):
    """Where the launcher tells what happens; called from several threads, one call at a time."""

    def changed(self, status: Status) -> None:
        """Tell that a process has changed its phase."""

    def ready(self, url: str, seconds: float) -> None:
        """Tell that everything runs, once."""

    def stopping(self) -> None:
        """Tell that the stop has begun."""


class Launcher:
    """Supervises the processes of one plan."""

    def __init__(self, plan: Plan, screen: Screen, random: Random) -> None:
        self._plan = plan
        self._screen = screen
        self._lock = threading.Lock()
        self._keepers = [
            Keeper(process, LogFile(plan.folder / "logs" / f"{process.name}.log"), self._changed, random)
            for process in plan.processes
        ]

    def run(self, stop: threading.Event, opened: Callable[[str], None]) -> None:
        """Start everything, call `opened` with the URL once all are ready, and stop everything when `stop` is set."""
        began = time.monotonic()
        try:
            announced = False
            while not stop.wait(_PROBE_S if self._step() or not announced else _REST_S):
                if not announced and all(keeper.status.phase is Phase.READY for keeper in self._keepers):
                    announced = True
                    with self._lock:
                        self._screen.ready(self._plan.url, time.monotonic() - began)
                    opened(self._plan.url)
        finally:
            self._stop()

    def _step(self) -> bool:
        """Start what may start, probe what is starting; return whether anything is on its way."""
        ready = {keeper.plan.name for keeper in self._keepers if keeper.status.phase is Phase.READY}
        for keeper in self._keepers:
            status = keeper.status
            if status.phase is Phase.WAITING and ready.issuperset(keeper.plan.after):
                keeper.start()
            elif status.phase is Phase.STARTING and keeper.ran_s() > _SETTLE_S and is_ready(keeper.plan.ready):
                keeper.mark_ready(status.pid)
        return any(keeper.status.phase is Phase.STARTING for keeper in self._keepers)

    def _stop(self) -> None:
        with self._lock:
            self._screen.stopping()
        for group in _stop_order(self._keepers):
            for keeper in group:
                keeper.ask_to_stop()
            deadline = time.monotonic() + STOP_DEADLINE_S
            for keeper in group:
                keeper.wait_stopped(max(deadline - time.monotonic(), 0.1))
        run_file(self._plan.folder).unlink(missing_ok=True)

    def _changed(self, status: Status) -> None:
        with self._lock:
            self._screen.changed(status)
            write_run_file(self._plan, [keeper.status for keeper in self._keepers])


def _stop_order(keepers: Sequence[Keeper]) -> list[list[Keeper]]:
    """Groups to stop one after the other: whoever is needed by others stops after them."""
    groups: list[list[Keeper]] = []
    left = list(keepers)
    while left:
        names = {keeper.plan.name for keeper in left}
        needed = {name for keeper in left for name in keeper.plan.after}
        needed |= {keeper.plan.name for keeper in left if not names.isdisjoint(keeper.plan.stops_after)}
        group = [keeper for keeper in left if keeper.plan.name not in needed] or left
        groups.append(group)
        left = [keeper for keeper in left if keeper not in group]
    return groups


def is_ready(check: ReadyCheck | None) -> bool:
    """Try a ready check once; takes a second at most."""
    if check is None:
        return True
    try:
        if check.path is None:
            socket.create_connection((check.host, check.port), 1.0).close()
            return True
        connection = http.client.HTTPConnection(check.host, check.port, timeout=1.0)
        with contextlib.closing(connection):
            connection.request("GET", check.path)
            return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def run_file(folder: Path) -> Path:
    """File in which a running launcher says what it runs: `url`, `pid` and `processes` (name to process id)."""
    return folder / "run.json"


def write_run_file(plan: Plan, statuses: Sequence[Status]) -> None:
    """Write the run file, whole or not at all; a full disk is not worth stopping for."""
    fields = {
        "url": plan.url,
        "pid": os.getpid(),
        "profile": plan.profile,
        "processes": {status.name: status.pid for status in statuses},
    }
    fresh = run_file(plan.folder).with_suffix(".new")
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        fresh.replace(run_file(plan.folder))
