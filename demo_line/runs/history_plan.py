"""Which history a folder holds, written before the history is made so that a second attempt makes the same."""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demo_line.clock import NS_PER_S
from demo_line.line import Line
from demo_line.runs.simulation import DAY_S
from demo_line.runs.snapshot import fingerprint

FORMAT = "showroom-history/1"
PLAN, MANIFEST, SNAPSHOT = "plan.json", "manifest.json", "end.snapshot"

_log = logging.getLogger(__name__)


class HistoryPlan(BaseModel):
    """Which history a folder holds.

    Attributes:
        format: version of the form of the files.
        line: fingerprint of the line.
        seed: of the run.
        until_ns: end, UTC nanoseconds since 1970; a whole minute.
        days: length.
        fine_hours: the last hours, second by second; before them minute by minute.
    """

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    line: str
    seed: int = Field(ge=0)
    until_ns: int
    days: float = Field(gt=0)
    fine_hours: float = Field(ge=0)

    @property
    def start_ns(self) -> int:
        """Begin, UTC nanoseconds since 1970; a whole minute."""
        return self.until_ns - round(self.days * DAY_S / 60.0) * 60 * NS_PER_S


def plan_history(
    folder: Path, line: Line, seed: int, now_ns: int, days: float, fine_hours: float
) -> HistoryPlan | None:
    """Plan of the history that a folder still needs; None where it is complete.

    A plan that was begun is kept, so that what is made in a second attempt is what was made in the first; it is dropped
    where the line has become another one meanwhile.
    """
    if (folder / MANIFEST).exists():
        return None
    mark = fingerprint(line)
    path = folder / PLAN
    if path.exists():
        begun = _begun(path)
        if begun is not None and (begun.format, begun.line) == (FORMAT, mark):
            return begun
        if begun is not None:
            _log.warning("%s: the history that was begun belongs to another line or version; it is made anew", folder)
    until_ns = now_ns // (60 * NS_PER_S) * 60 * NS_PER_S
    plan = HistoryPlan(line=mark, seed=seed, until_ns=until_ns, days=days, fine_hours=min(fine_hours, days * 24.0))
    folder.mkdir(parents=True, exist_ok=True)
    for chunk in folder.glob("chunk-*"):
        chunk.unlink()
    put(path, plan.model_dump_json(indent=2).encode() + b"\n")
    return plan


def _begun(path: Path) -> HistoryPlan | None:
    """The plan in a file; None, and a warning, where a power cut or a person has left something else in it."""
    try:
        return HistoryPlan.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _log.warning("%s is no plan of a history (%s); the history is made anew", path, error.errors()[0]["msg"])
        return None


def put(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    fresh = path.with_suffix(".partial")
    fresh.write_bytes(content)
    fresh.replace(path)
