"""One process of a setup under test: started, killed, frozen and started again as a launcher would."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from tests.faults.waiting import wait_until

START_TIMEOUT_S, STOP_TIMEOUT_S = 240.0, 120.0
"""Nothing here depends on how fast a machine is; on one that does ten things at once a start takes minutes."""
_ENVIRONMENT: Mapping[str, str] = dict(os.environ) | {"PYTHONPATH": str(Path(__file__).parents[2])}
"""The packages of this checkout, also where they are not installed."""


def _python(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", *words, "--exit-with-parent"]


class Child:
    """A process with its log file; it ends with this one, because its standard input closes.

    Args:
        name: name in messages and of the log file.
        command: program and arguments.
        folder: working folder; the log is `<name>.log` in it, appended to over restarts.
        ready: says whether the running process serves; polled after a start.
    """

    def __init__(self, name: str, command: Sequence[str], folder: Path, ready: Callable[[], bool]) -> None:
        self.name = name
        self.command = list(command)
        self.log = folder / f"{name}.log"
        self._folder = folder
        self._ready = ready
        self.environment: Mapping[str, str] = {}
        """Variables of its own, from its next start on."""
        self._process: subprocess.Popen[bytes] | None = None

    def wrap(self, *words: str) -> None:
        """Let its next start run the module `words[0]`, with the other words and the command of today after it."""
        self.command[2:2] = words

    def reword(self, words: Sequence[str]) -> None:
        """Give other arguments to the next start: package and what follows it."""
        self.command = _python(words)

    def say(self, text: str) -> None:
        """Write a line to its standard input."""
        assert self._process is not None, f"{self.name} does not run"
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode() + b"\n")

    @property
    def ended(self) -> int | None:
        """Its exit code where it ended by itself; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self, timeout_s: float = START_TIMEOUT_S, *, wait: bool = True) -> None:
        """Start it and wait until it serves; raises AssertionError with the end of its log where it does not."""
        assert self._process is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self._folder,
                env={**_ENVIRONMENT, **self.environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                bufsize=0,
            )
        if wait:
            self.wait_ready(timeout_s)

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until it serves."""

        def settled() -> bool:
            self.check_alive()
            return self._ready()

        wait_until(settled, timeout_s, lambda: f"{self.name} to serve; its log ends:\n{self.tail()}")

    def check_alive(self) -> None:
        """Raise AssertionError where it ended by itself: nothing here may crash because of a fault elsewhere."""
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            raise AssertionError(f"{self.name} ended by itself with code {code}; its log ends:\n{self.tail()}")

    @classmethod
    def python(cls, name: str, words: Sequence[str], folder: Path, ready: Callable[[], bool]) -> Self:
        """Return a process of this project: package and its arguments."""
        return cls(name, _python(words), folder, ready)

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped or killed."""
        return self._process is not None

    def forget(self) -> None:
        """Take note that it ended by itself, as it should."""
        assert self.ended is not None, f"{self.name} still runs"
        self._finish()

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL)."""
        if self._process is not None:
            self.check_alive()
            self._process.kill()
            self._finish()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask it to end and wait; after the time-out it is killed and that is an error."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._finish()
            raise AssertionError(f"{self.name} did not stop in {timeout_s} s; its log ends:\n{self.tail()}") from None
        self._finish()

    def _finish(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop its threads without telling anybody (SIGSTOP)."""
        psutil.Process(self.pid).suspend()

    def thaw(self) -> None:
        """Let it go on."""
        psutil.Process(self.pid).resume()

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
