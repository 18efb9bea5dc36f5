"""What the launcher runs: plain values, so that the process that computed them may end and free its memory."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """How to see that a process does its work: it listens on a port or, with `path`, answers HTTP 200 there."""

    host: str
    port: int
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """One process.

    Attributes:
        name: name on screen and of its log file.
        command: program and arguments.
        after: names of processes that must be ready first.
        stops_after: names of processes that are stopped before it, although they do not need it.
        ready: how to see that it is ready; None = it has not ended for a moment.
        guarded: True where the program does not watch its standard input and needs the guard.
        environment: variables added to the launcher's own.
    """

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()
    stops_after: tuple[str, ...] = ()
    ready: ReadyCheck | None = None
    guarded: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the launcher needs to know.

    Attributes:
        profile: name of the profile it was made from.
        folder: folder of logs, state and generated files.
        url: first page.
        processes: in the order of the data path, so each is after those it needs.
        notes: what the engineer should know before start, such as a port that was moved.
    """

    profile: str
    folder: Path
    url: str
    processes: tuple[ProcessPlan, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the form that `from_json` reads."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read what `to_json` gave."""
        fields: dict[str, Any] = json.loads(text)
        processes = tuple(_process(entry) for entry in fields["processes"])
        return cls(fields["profile"], Path(fields["folder"]), fields["url"], processes, tuple(fields["notes"]))


def _process(entry: dict[str, Any]) -> ProcessPlan:
    ready = entry["ready"]
    return ProcessPlan(
        name=entry["name"],
        command=tuple(entry["command"]),
        after=tuple(entry["after"]),
        stops_after=tuple(entry["stops_after"]),
        ready=None if ready is None else ReadyCheck(**ready),
        guarded=entry["guarded"],
        environment=entry["environment"],
    )
