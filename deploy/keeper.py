"""Keeps one process running: starts it, reads its output into its log, starts it again when it ends, stops it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from deploy.backoff import Backoff
from deploy.broker import guard
from deploy.log_file import LogFile
from deploy.plan import ProcessPlan

if sys.platform == "win32":
    _NEW_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _NEW_GROUP = 0


class Phase(Enum):
    """Where a process is."""

    WAITING = "waiting"  # for others to be ready
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it ended by itself; see the remark
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """State of one process as the engineer sees it.

    Attributes:
        pid: process id while it runs.
        restarts: how often it was started again.
        remark: why it ended and what happens next; empty where all is well.
    """

    name: str
    phase: Phase
    pid: int | None = None
    restarts: int = 0
    remark: str = ""


class Keeper:
    """One supervised process. A thread of its own starts it, reads what it prints and waits for its end."""

    def __init__(self, plan: ProcessPlan, log: LogFile, changed: Callable[[Status], None], random: Random) -> None:
        self.plan = plan
        self.log = log
        self.status = Status(plan.name, Phase.WAITING)
        self._changed = changed
        self._random = random
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._began = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keep-{plan.name}", daemon=True)

    def start(self) -> None:
        """Start the process, once; returns at once."""
        self.status = Status(self.plan.name, Phase.STARTING)
        self._thread.start()

    def mark_ready(self, pid: int | None) -> None:
        """Note that the process with this id was seen to do its work."""
        if self.status.phase is Phase.STARTING and self.status.pid == pid:
            self._set(Phase.READY, pid)

    def ran_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self._began

    def ask_to_stop(self) -> None:
        """Ask the process to end cleanly: its standard input closes and, where there are signals, SIGTERM comes."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            _close_stdin(process)
            if os.name == "posix":
                process.terminate()

    def wait_stopped(self, deadline_s: float) -> bool:
        """Wait for the end, then kill; return whether it ended by itself. Call `ask_to_stop` before."""
        if not self._thread.ident:
            return True
        self._thread.join(deadline_s)
        if not self._thread.is_alive():
            return True
        with self._lock:
            if self._process is not None:
                self._process.kill()
        self._thread.join(5.0)
        return False

    def _keep(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            self._began = time.monotonic()
            ending = self._run_once()
            if self._stopping.is_set():
                break
            backoff = backoff.failed(self.ran_s())
            delay_s = backoff.delay_s(self._random)
            remark = f"{ending}; started again in {delay_s:.1f} s; log: {self.log.path}"
            self.log.write(f"-- {remark}\n".encode())
            self._set(Phase.RESTARTING, None, remark)
            self._stopping.wait(delay_s)
            self.status = Status(self.plan.name, Phase.RESTARTING, None, self.status.restarts + 1, remark)
        self._set(Phase.STOPPED, None)
        self.log.close()

    def _run_once(self) -> str:
        """Run the process until it ends; return how it ended, in words."""
        try:
            process = self._spawn()
        except OSError as error:
            return f"{self.plan.command[0]} could not be started: {error.strerror}"
        self._set(Phase.STARTING, process.pid, self.status.remark)
        if self._stopping.is_set():  # a stop between the check before and now would not have seen the process
            self.ask_to_stop()
        if process.stdout is not None:
            with process.stdout:
                for line in process.stdout:
                    self.log.write(line)
        code = process.wait()
        with self._lock:
            self._process = None
        _close_stdin(process)
        last = self.log.tail[-1] if self.log.tail else ""
        how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"{how}: {last}" if last and code > 0 else how

    def _spawn(self) -> "subprocess.Popen[bytes]":
        # A group of its own, so that Ctrl-C reaches only the launcher, which then stops all in the right order.
        process = subprocess.Popen(  # noqa: S603 - the plan names the command
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"} | dict(self.plan.environment),
            creationflags=_NEW_GROUP,
            start_new_session=os.name == "posix",
        )
        with self._lock:
            self._process = process
        return process

    def _command(self) -> Sequence[str]:
        if not self.plan.guarded:
            return self.plan.command
        return (sys.executable, "-IS", guard.__file__, str(os.getpid()), *self.plan.command)

    def _set(self, phase: Phase, pid: int | None, remark: str = "") -> None:
        self.status = Status(self.plan.name, phase, pid, self.status.restarts, remark)
        self._changed(self.status)


def _close_stdin(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:
            return  # the process has closed its end already
