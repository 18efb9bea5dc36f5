"""Makes the runs of an evaluation: each in a process of its own, once; a run that is there is used again."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from analytics.errors import AnalyticsError


def make_run(folder: Path, days: float, seed: int, faults: Sequence[str] = (), *, fine: bool = False) -> Path:
    """Make a run unless it is there, and return its folder.

    Raises AnalyticsError where the simulation fails, with its last line.
    """
    if (folder / "manifest.json").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    solver, resolution = ("fine", "10s") if fine else ("coarse", "1min")
    command = [sys.executable, "-m", "demo_line", "run", "--days", str(days), "--seed", str(seed)]
    command += ["--solver", solver, "--resolution", resolution, "--out", str(folder)]
    for fault in faults:
        command += ["--fault", fault]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise AnalyticsError(f"{folder}: the simulation failed: {lines[-1]}; try `{' '.join(command[1:])}` by itself")
    return folder
