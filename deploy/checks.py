"""Checks of the machine before start: each says what it saw and, where something is wrong, what to do."""

import ctypes
import os
import shutil
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path

import psutil

from deploy.broker.configure import BrokerMissingError, Kind, find_program

RELEASED = date(2026, 11, 1)
"""No correct clock shows an earlier day."""
MIN_FREE_BYTES = 300_000_000
COMFORTABLE_FREE_BYTES = 3_000_000_000
MIN_MEMORY_BYTES = 1_100_000_000


class Level(Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it runs, but read this
    ERROR = "error"  # it cannot run like this


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check."""

    check: str
    level: Level
    seen: str
    remedy: str = ""


def python_version(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Finding:
    """Whether Python is new enough."""
    text = ".".join(str(part) for part in version)
    if version < (3, 11):
        return Finding("python", Level.ERROR, text, "install Python 3.11 or newer and run make install with it")
    return Finding("python", Level.OK, text)


def clock(now_s: float, synchronised: bool | None) -> Finding:
    """Whether the time of day can be right; `synchronised` is what the system says, None where it says nothing."""
    now = datetime.fromtimestamp(now_s, UTC)
    text = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.date() < RELEASED:
        return Finding(
            "clock",
            Level.ERROR,
            f"{text} lies before this release ({RELEASED}), so every sample would get a wrong time",
            "set the clock (sudo date -s '2026-11-22 12:00'), or its battery is empty",
        )
    if synchronised is None:
        return Finding("clock", Level.OK, f"{text}; whether it is synchronised is not known on this system")
    if not synchronised:
        remedy = "fine without a network; else switch it on: sudo timedatectl set-ntp true"
        return Finding("clock", Level.OK, f"{text}, not synchronised with a time server", remedy)
    return Finding("clock", Level.OK, f"{text}, synchronised")


def clock_synchronised() -> bool | None:
    """Whether the system clock follows a time server (Linux: adjtimex(2), STA_UNSYNC); None where unknown."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:
        return None
    answer = ctypes.create_string_buffer(512)  # struct timex, all zero: read only
    if ctypes.CDLL(None).adjtimex(answer) < 0:
        return None
    status: int = struct.unpack_from("I4xqqqqi", answer.raw)[5]
    return not status & 0x0040


def folder(path: Path) -> Finding:
    """Whether the data folder can be written and has room."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(path).free
    except OSError as error:
        remedy = "free some space, correct its owner, or choose another folder with --data-dir"
        return Finding("data folder", Level.ERROR, f"{path} cannot be written: {error.strerror}", remedy)
    text = f"{path}, {free / 1e9:.1f} GB free"
    if free < MIN_FREE_BYTES:
        remedy = "free some space, or choose another folder with --data-dir"
        seen = f"{path}, {free / 1e6:.0f} MB free, at least {MIN_FREE_BYTES / 1e6:.0f} MB are needed"
        return Finding("data folder", Level.ERROR, seen, remedy)
    if free < COMFORTABLE_FREE_BYTES:
        remedy = "enough to start; the edge logs and the store will fill it within days"
        return Finding("data folder", Level.WARNING, text, remedy)
    return Finding("data folder", Level.OK, text)


def memory(available: int | None = None) -> Finding:
    """Whether enough memory is free."""
    free = psutil.virtual_memory().available if available is None else available
    text = f"{free / 1e6:.0f} MB available"
    if free < MIN_MEMORY_BYTES:
        return Finding("memory", Level.WARNING, text, "close other programs: about 1,000 MB are needed")
    return Finding("memory", Level.OK, text)


def broker(kind: Kind, program: str | None = None) -> Finding:
    """Whether the broker program is there."""
    if program is not None:
        if shutil.which(program) is None:
            return Finding("broker", Level.ERROR, f"{program} is not a program", "correct --set broker_program")
        return Finding("broker", Level.OK, program)
    try:
        return Finding("broker", Level.OK, find_program(kind))
    except BrokerMissingError as error:
        what, _, remedy = str(error).partition("; ")
        return Finding("broker", Level.ERROR, what, remedy)


def occupied(port: int, host: str = "127.0.0.1") -> str | None:
    """Return why a server could not listen there now, such as "is taken by python (process 7)"; None where it could."""
    with socket.socket() as probe:
        if os.name == "posix":  # as servers do; on Windows this option would allow a second listener
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return "may be used by administrators only"
        except OSError:
            return f"is taken{_owner(port)}"
    return None


def free_port(avoid: set[int]) -> int:
    """Return a port on which nobody listens now, none of `avoid`."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port


def ports(wanted: Mapping[str, int]) -> Sequence[Finding]:
    """Whether the ports of a profile are free."""
    found = []
    for name, port in wanted.items():
        check = f"port {port} ({name})"
        reason = occupied(port)
        if reason is None:
            found.append(Finding(check, Level.OK, "free"))
        else:
            option = "--port" if name == "http" else f"--{name}-port"
            remedy = f"showroom up takes another one; to choose it yourself: {option}"
            found.append(Finding(check, Level.WARNING, reason.removeprefix("is "), remedy))
    return found


def _owner(port: int) -> str:
    """Name the process that listens on the port, where the system tells."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        return ""  # other users' processes are hidden on some systems
    return ""


def optional_servers() -> Sequence[Finding]:
    """Programs that some profiles and the tests can use; none is needed."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return [
        Finding(f"optional: {name}", Level.OK, shutil.which(program, path=path) or f"not installed; {use}")
        for name, program, use in (
            ("Mosquitto", "mosquitto", "another broker: --set broker=mosquitto"),
            ("InfluxDB", "influxd", "production store: showroom up --profile influx works with a remote one too"),
        )
    ]


def machine(data_folder: Path) -> Sequence[Finding]:
    """Checks that do not depend on the profile."""
    return [python_version(), clock(time.time(), clock_synchronised()), folder(data_folder), memory()]
