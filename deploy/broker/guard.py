"""Runs a command that must not outlive whoever started it: `python -IS guard.py STARTER_PID COMMAND...`.

The starter keeps a pipe to this process's standard input open. When the pipe closes, because the starter ended in
whatever way, the command is ended. On Linux the kernel does the same for us, so this process becomes the command and
costs nothing. Started as a file, not as a module, and importing little, because it stays in memory elsewhere.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_PR_SET_PDEATHSIG = 1
_STOP_S = 5.0
_KILL_ON_JOB_CLOSE = 0x2000
_EXTENDED_LIMITS = 9


def become(starter: int, command: Sequence[str]) -> None:
    """Linux: replace this process by the command, which gets SIGTERM when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != starter:
        sys.exit("the starter is gone already")
    os.execvp(command[0], list(command))  # noqa: S606 - no shell is wanted


def watch(command: Sequence[str]) -> int:
    """Elsewhere: run the command until it ends or standard input closes; return its exit code."""
    child = subprocess.Popen(list(command), stdin=subprocess.DEVNULL)  # noqa: S603 - the launcher names the command
    job = _tie(child) if sys.platform == "win32" else None
    for number in {signal.SIGTERM, signal.SIGINT}:
        signal.signal(number, lambda *_: child.terminate())
    threading.Thread(target=_end_with_stdin, args=(child,), daemon=True).start()
    code = child.wait()
    del job
    return code


def _end_with_stdin(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    child.terminate()
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()


def _tie(child: "subprocess.Popen[bytes]") -> object:
    """Windows: put the child into a job object that is ended when this process is, even by force."""

    class Limits(ctypes.Structure):  # JOBOBJECT_EXTENDED_LIMIT_INFORMATION
        _fields_ = [
            ("per_process_user_time", ctypes.c_int64),
            ("per_job_user_time", ctypes.c_int64),
            ("flags", ctypes.c_uint32),
            ("minimum_working_set", ctypes.c_size_t),
            ("maximum_working_set", ctypes.c_size_t),
            ("active_processes", ctypes.c_uint32),
            ("affinity", ctypes.c_size_t),
            ("priority_class", ctypes.c_uint32),
            ("scheduling_class", ctypes.c_uint32),
            ("io_counters", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process_memory", ctypes.c_size_t),
            ("peak_job_memory", ctypes.c_size_t),
        ]

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    kernel.SetInformationJobObject.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32]
    kernel.AssignProcessToJobObject.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    job = kernel.CreateJobObjectW(None, None)
    limits = Limits(flags=_KILL_ON_JOB_CLOSE)
    done = kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    if not done or not kernel.AssignProcessToJobObject(job, int(child._handle)):  # type: ignore[attr-defined,unused-ignore]
        child.kill()
        sys.exit("the command could not be put into a job object")
    return job


def main(starter: int, command: Sequence[str]) -> int:
    """Run the command guarded; return its exit code (on Linux this does not return)."""
    if sys.platform == "linux":
        become(starter, command)
    return watch(command)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: guard.py STARTER_PID COMMAND [ARGUMENT...]")
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
