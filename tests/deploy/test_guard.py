"""A guarded command never outlives whoever started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.broker import guard

SLEEPER = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(300)"]
STARTER = """
import os, subprocess, sys, time
words = [word.replace("STARTER", str(os.getpid())) for word in sys.argv[1:]]
child = subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE)
time.sleep(300)
"""
EXEC = ["-IS", guard.__file__, "STARTER"]
STAY = [
    "-c",
    f"import sys; sys.path.insert(0, {str(Path(guard.__file__).parent)!r}); import guard; guard.watch(sys.argv[1:])",
]


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie nobody has collected has ended too)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    "how", [pytest.param(EXEC, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only")), STAY]
)
def test_command_ends_with_a_killed_starter(how: list[str]) -> None:
    """When the starter is killed by force, the command ends within seconds."""
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *how, *SLEEPER], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert not gone(pid)
    starter.kill()
    starter.wait(10)
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, "the command still runs"
        time.sleep(0.02)


def test_exit_code_is_passed_on() -> None:
    """The guard ends with the exit code of its command, so that the launcher can tell a failure from a stop."""
    command = [sys.executable, "-IS", guard.__file__, str(os.getpid()), sys.executable, "-c", "raise SystemExit(7)"]
    assert subprocess.run(command, stdin=subprocess.PIPE, check=False).returncode == 7


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere standard input tells")
def test_refuses_when_the_starter_is_gone() -> None:
    """A starter that died before the guard could watch it leaves no command behind."""
    command = [sys.executable, "-IS", guard.__file__, "1", sys.executable, "-c", "print('ran')"]
    result = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
