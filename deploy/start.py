"""`showroom up`: prepares in a process of its own, then runs the launcher here until Ctrl-C or SIGTERM."""

import signal
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from deploy.launcher import Launcher
from deploy.lock import FolderLock, LockedError, default_folder
from deploy.plan import Plan
from deploy.screen import screen_for


def up(
    profile: str,
    data_dir: Path | None,
    ports: Mapping[str, int],
    settings: Sequence[str],
    *,
    open_browser: bool,
    as_json: bool,
) -> int:
    """Run a profile until stopped; return the exit code (2 where it could not be started)."""
    stop = threading.Event()
    _stop_on_signals(stop)
    folder = (data_dir or default_folder()).resolve()
    try:
        lock = FolderLock(folder)
    except LockedError as error:
        print(f"showroom: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"showroom: {folder} cannot be used: {error.strerror}\n  -> choose another --data-dir", file=sys.stderr)
        return 2
    try:
        plan = _prepare(profile, folder, ports, settings)
        if plan is None:
            return 2
        launcher = Launcher(plan, screen_for(plan, as_json=as_json), Random())
        launcher.run(stop, _open_browser if open_browser else _leave_closed)
    finally:
        lock.release()
    return 0


def _open_browser(url: str) -> None:
    webbrowser.open(url)  # where there is no browser it says so by returning False; the URL is on screen anyway


def _leave_closed(_url: str) -> None:
    """Open no browser."""


def _stop_on_signals(stop: threading.Event) -> None:
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)
    else:
        numbers.append(signal.SIGHUP)  # the terminal was closed
    for number in numbers:
        signal.signal(number, lambda *_: stop.set())


def _prepare(profile: str, folder: Path, ports: Mapping[str, int], settings: Sequence[str]) -> Plan | None:
    """Return the plan of this start, or None where the preparation has said why there is none."""
    command = [sys.executable, "-m", "deploy.prepare", "--profile", profile, "--folder", str(folder)]
    command += [word for name, port in ports.items() for word in ("--port", f"{name}={port}")]
    command += [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)  # noqa: S603 - ours
    return Plan.from_json(done.stdout) if done.returncode == 0 else None
