"""Waits by polling with a deadline, never by sleeping for as long as something might take."""

import socket
import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], bool], timeout_s: float, what: Callable[[], str] | str, *, poll_s: float = 0.05
) -> float:
    """Poll until the condition holds; returns the seconds it took, raises AssertionError that says what was awaited."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what if isinstance(what, str) else what()}")
        time.sleep(poll_s)
    return time.monotonic() - begun


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
