"""How every command of this package runs.

One event loop, a clean stop on Ctrl-C, SIGTERM or (if asked) when the parent's pipe closes.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)


def log_to_stderr(verbose: bool) -> None:
    """One line per event on stderr; the OPC UA library speaks up only from warnings on."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("asyncua").setLevel(logging.INFO if verbose else logging.ERROR)


Work = Callable[[asyncio.Event, asyncio.Event], Awaitable[None]]


async def until_stopped(work: Work, *, exit_with_parent: bool, listen_to_stdin: bool = False) -> None:
    """Run `work(stop, go)`; it must return soon after `stop` is set.

    Args:
        work: what runs. `stop` is set by Ctrl-C and SIGTERM, `go` by a line on stdin.
        exit_with_parent: set `stop` when stdin ends.
        listen_to_stdin: set `go` when a line comes; without a line before its end, nothing more can come and `stop` is
            set.
    """
    stop, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    _stop_on_signals(loop, stop)
    if exit_with_parent or listen_to_stdin:
        _watch_stdin(loop, stop, go, exit_with_parent=exit_with_parent)
    await work(stop, go)


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        # The event loop has no signal handlers there; SIGBREAK is what a console sends to a process group.
        for number in (*signals, signal.SIGBREAK):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    else:
        for number in signals:
            loop.add_signal_handler(number, stop.set)


def _watch_stdin(
    loop: asyncio.AbstractEventLoop, stop: asyncio.Event, go: asyncio.Event, *, exit_with_parent: bool
) -> None:
    def watch() -> None:
        lines = False
        try:
            # Not sys.stdin: a thread waiting in its buffered reader makes the interpreter abort at its end.
            while received := os.read(descriptor, 4096):
                if b"\n" in received:
                    lines = True
                    loop.call_soon_threadsafe(go.set)
            if exit_with_parent or not lines:
                _log.info("stdin was closed; stopping")
                loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            return  # the loop has ended meanwhile, so there is nothing left to tell

    descriptor = sys.stdin.fileno()
    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()


async def wait_until(stop: asyncio.Event, seconds: float) -> bool:
    """Sleep unless stopped; tells whether `stop` was set."""
    if seconds <= 0.0:
        await asyncio.sleep(0)
        return stop.is_set()
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
