"""CPU time and memory of a process tree, as the operating system accounts for them."""

import time
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class CpuAccount:
    """CPU time over an interval, in seconds: ours by process, and how much of the machine nobody used.

    Attributes:
        elapsed_s: length of the interval.
        used_s: user and system time of each process asked for.
        idle_s: time that the cores of the machine had nothing to do, summed over cores.
    """

    elapsed_s: float
    used_s: tuple[float, ...]
    idle_s: float

    def in_words(self) -> str:
        """Say how many cores we had, and how many other programs or nobody had."""
        cores = psutil.cpu_count() or 1
        ours, idle = sum(self.used_s) / self.elapsed_s, self.idle_s / self.elapsed_s
        return (
            f"{ours:.2f} of {cores} cores used, {max(0.0, cores - ours - idle):.2f} by other programs, {idle:.2f} idle"
        )


class CpuMeter:
    """Takes the CPU time of processes from now on."""

    def __init__(self, pids: Sequence[int]) -> None:
        """Begin."""
        self._processes = [psutil.Process(pid) for pid in pids]
        self._begin_s, self._used_s, self._idle_s = self._read()

    def account(self) -> CpuAccount:
        """Return what was used since the begin."""
        now_s, used_s, idle_s = self._read()
        used = tuple(after - before for before, after in zip(self._used_s, used_s, strict=True))
        return CpuAccount(now_s - self._begin_s, used, idle_s - self._idle_s)

    def _read(self) -> tuple[float, list[float], float]:
        machine = psutil.cpu_times()
        idle_s = machine.idle + getattr(machine, "iowait", 0.0)  # waiting for a disk is known on Linux only
        return time.monotonic(), [cpu_seconds(process) for process in self._processes], idle_s


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
