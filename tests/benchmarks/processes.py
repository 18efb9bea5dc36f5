"""CPU time and memory of a process tree, as the operating system accounts for them."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of one process over an interval: share of one core 0..n, proportional set size in bytes."""

    pid: int
    name: str
    cpu_share: float
    pss_bytes: int


def tree(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def pss_bytes(pid: int) -> int:
    """Return the proportional set size: shared pages are divided among those who share them (Linux only)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no Pss in the memory map of process {pid}")


def cpu_seconds(process: psutil.Process) -> float:
    """Return user plus system time of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def usage(pid: int, interval_s: float) -> list[Usage]:
    """Measure every process of a tree over an interval."""
    processes = tree(pid)
    before = {process.pid: cpu_seconds(process) for process in processes}
    begin = time.monotonic()
    time.sleep(interval_s)
    elapsed = time.monotonic() - begin
    return [
        Usage(
            process.pid,
            " ".join(process.cmdline()[:5]) or process.name(),
            (cpu_seconds(process) - before[process.pid]) / elapsed,
            pss_bytes(process.pid),
        )
        for process in processes
        if process.is_running()
    ]
