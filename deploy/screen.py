"""What the engineer sees of a launcher: a live table on a terminal, plain lines or JSON lines elsewhere."""

import json
import sys
import time
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.keeper import Phase, Status
from deploy.launcher import Screen
from deploy.plan import Plan

_STYLES = {
    Phase.WAITING: ("·", "dim"),
    Phase.STARTING: ("…", "yellow"),
    Phase.READY: ("●", "green"),
    Phase.RESTARTING: ("▲", "red"),
    Phase.STOPPED: ("○", "dim"),
}


def screen_for(plan: Plan, *, as_json: bool) -> Screen:
    """Return the screen that fits where standard output goes."""
    if as_json:
        return JsonScreen(sys.stdout)
    console = Console(highlight=False)
    return TerminalScreen(plan, console) if console.is_terminal else PlainScreen(plan, sys.stdout)


class PlainScreen:
    """One line an event."""

    def __init__(self, plan: Plan, out: TextIO) -> None:
        self._out = out
        self._phases: dict[str, Phase] = {}
        self._say(f"profile {plan.profile}, data in {plan.folder}")
        for note in plan.notes:
            self._say(f"note: {note}")

    def changed(self, status: Status) -> None:
        """Say what happened to a process."""
        process = "" if status.pid is None else f" (process {status.pid})"
        remark = f": {status.remark}" if status.phase is Phase.RESTARTING else ""
        self._say(f"{status.name} {status.phase.value}{process}{remark}")

    def ready(self, url: str, seconds: float) -> None:
        """Say where to look."""
        self._say(f"ready after {seconds:.1f} s: {url}   (Ctrl-C stops it)")

    def stopping(self) -> None:
        """Say that the stop has begun."""
        self._say("stopping")

    def _say(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=self._out, flush=True)


class JsonScreen:
    """One JSON object a line and event."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def changed(self, status: Status) -> None:
        """Print an object with `event` = `process`."""
        self._say(
            event="process",
            name=status.name,
            phase=status.phase.value,
            pid=status.pid,
            restarts=status.restarts,
            remark=status.remark,
        )

    def ready(self, url: str, seconds: float) -> None:
        """Print an object with `event` = `ready`."""
        self._say(event="ready", url=url, seconds=round(seconds, 3))

    def stopping(self) -> None:
        """Print an object with `event` = `stopping`."""
        self._say(event="stopping")

    def _say(self, **fields: object) -> None:
        print(json.dumps(fields), file=self._out, flush=True)


class TerminalScreen:
    """A table that follows the start; afterwards it is drawn again only where something changes."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._url = ""
        self._statuses = {process.name: Status(process.name, Phase.WAITING) for process in plan.processes}
        # No refresh thread: it would redraw, and cost, all the time.
        self._live = Live(self._drawn(), console=console, auto_refresh=False, transient=False)
        self._live.start()

    def changed(self, status: Status) -> None:
        """Draw the table again."""
        self._statuses[status.name] = status
        self._live.update(self._drawn(), refresh=True)

    def ready(self, url: str, seconds: float) -> None:
        """Add the URL."""
        self._url = f"\n  Showroom: {url}   ready after {seconds:.1f} s. Ctrl-C stops it."
        self._live.update(self._drawn(), refresh=True)

    def stopping(self) -> None:
        """Leave the table and say that the stop has begun."""
        self._live.stop()
        self._live.console.print("  stopping ...")

    def _drawn(self) -> Group:
        table = Table(box=None, padding=(0, 2))
        for title in ("process", "state", "id", "restarts"):
            table.add_column(title, justify="right" if title in ("id", "restarts") else "left")
        for status in self._statuses.values():
            mark, style = _STYLES[status.phase]
            table.add_row(
                status.name,
                Text(f"{mark} {status.phase.value}", style),
                "" if status.pid is None else str(status.pid),
                str(status.restarts or ""),
            )
        remarks = [
            Text(f"  {status.name}: {status.remark}", "red") for status in self._statuses.values() if status.remark
        ]
        notes = [Text(f"  note: {note}", "yellow") for note in self._plan.notes]
        head = Text(f"  {self._plan.profile}: data and logs in {self._plan.folder}", "dim")
        return Group(head, *notes, table, *remarks, Text(self._url, "bold"))
