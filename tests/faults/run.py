"""One fault run: bring a setup up, do the fault, wait for recovery, drain, stop the line, check the books."""

import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deploy.ledger.account import Outage
from deploy.ledger.command import open_side, read_quarantine
from deploy.ledger.ledger import Ledger, Terms, check
from deploy.ledger.report import as_object
from tests.faults.clock import library
from tests.faults.disk import cannot_mount, small_disk
from tests.faults.influx_server import installed
from tests.faults.kind import Kind, Scale
from tests.faults.kinds import BY_NAME
from tests.faults.path import PUBLISH_INTERVAL_MS, DataPath, PathOptions, Store
from tests.faults.plant import Offer, Plant

DISK_MB = {"edge": 2, "gateway": 64}
_TOLERANCE_NS = 2 * (PUBLISH_INTERVAL_MS + PUBLISH_INTERVAL_MS) * 1_000_000
"""What a gap may exceed its outage by: two publish intervals, of the OPC UA server and of the edge together."""
_LAST_SECONDS_NS = 1_000_000_000
"""What was offered in the last second before the line stopped may not have reached anybody."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found.

    Attributes:
        fault, seed, store: what to run again.
        passed: whether the books balance and the fault had the effect it must have.
        problem: what was wrong; empty where nothing was.
        recovery_s: from the end of the fault until every signal flows again; None where it never did.
        drain_s: until the edge held nothing back any more.
        seconds: whole run.
        totals: sums of the ledger.
        gap_s: longest declared gap.
    """

    fault: str
    seed: int
    store: str
    passed: bool
    problem: str
    recovery_s: float | None
    drain_s: float | None
    seconds: float
    totals: dict[str, int] = field(default_factory=dict)
    gap_s: float = 0.0

    def as_object(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)


@dataclass(slots=True)
class _Course:
    """What is known while a run is under way."""

    recovery_s: float | None = None
    drain_s: float | None = None
    ledger: Ledger | None = None


def cannot_run(kind: Kind, store: str) -> str | None:
    """Return why this machine cannot do the fault; None where it can."""
    if store == "influx" and not installed():
        return "influxd is not installed (Debian: apt-get install influxdb)"
    if kind.sets_clock and library() is None:
        return "libfaketime is not installed (Debian: apt-get install faketime)"
    return cannot_mount() if kind.disk is not None else None


def run(name: str, seed: int, scale: Scale, store: Store = "duckdb", keep: Path | None = None) -> Result:
    """Do one fault.

    Args:
        name: of the fault, see tests.faults.kinds.
        seed: of everything random in the run.
        scale: how long things last.
        store: store of the gateway, unless the fault needs a certain one.
        keep: folder that receives all files of a run that failed.
    """
    kind = BY_NAME[name]
    store = kind.store or store
    begun = time.monotonic()
    course = _Course()
    problem = ""
    with _folder(keep) as (folder, failed):
        try:
            _run(kind, seed, scale, store, folder, course)
            problem = _problem(kind, course)
        except AssertionError as error:
            problem = str(error)
        except Exception as error:
            problem = "".join(traceback.format_exception(error))
        if problem:
            failed()
    return Result(
        name, seed, store, not problem, problem, course.recovery_s, course.drain_s, round(time.monotonic() - begun, 1),
        *_figures(course.ledger),
    )  # fmt: skip


@contextmanager
def _folder(keep: Path | None) -> Iterator[tuple[Path, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="fault-"))
    state = {"failed": False}
    try:
        yield folder, lambda: state.update(failed=True)
    finally:
        if keep is not None and state["failed"]:
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, keep / folder.name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("jetstream"))
        shutil.rmtree(folder, ignore_errors=True)


def _run(kind: Kind, seed: int, scale: Scale, store: Store, folder: Path, course: _Course) -> None:
    rng = random.Random(seed)
    with ExitStack() as stack:
        disk = None
        if kind.disk is not None:
            disk = stack.enter_context(small_disk(folder / f"{kind.disk}-disk", DISK_MB[kind.disk]))
        options = PathOptions(
            store=store,
            keepalive_s=scale.keepalive_s,
            edge_folder=disk if kind.disk == "edge" else None,
            gateway_folder=disk if kind.disk == "gateway" else None,
            throttled=kind.throttled,
        )
        plant = Plant(folder, options, Offer(seed=seed, rules=kind.rules))
        stack.callback(plant.close)
        plant.start(None if kind.prepare is None else partial(kind.prepare, plant))
        start_ns = time.time_ns()
        time.sleep(scale.season_s * rng.uniform(0.5, 1.5))
        from_ns = time.time_ns()
        lost = kind.inject(plant, rng, scale)
        course.recovery_s = round(plant.wait_flowing(scale.patience_s), 2)
        outages = ([Outage(from_ns, time.time_ns())] if lost else []) if isinstance(lost, bool) else list(lost)
        time.sleep(scale.season_s)
        end_ns = stop(plant, scale.patience_s, course)
        terms = Terms(start_ns, end_ns, (), outages, _TOLERANCE_NS)
        course.ledger = audit(plant, plant.journals, terms)


def stop(plant: Plant, patience_s: float, course: _Course) -> int:
    """Stop the line first, wait until all is delivered, then the rest; returns the end of what must be stored."""
    end_ns = time.time_ns() - _LAST_SECONDS_NS
    plant.line.stop()
    plant.load.stop()
    course.drain_s = round(plant.drain(patience_s), 2)
    plant.edge.stop()
    plant.gateway.stop()
    return end_ns


def audit(path: DataPath, journals: Sequence[Path], terms: Terms) -> Ledger:
    """Check journals against the store of a setup whose gateway has stopped."""
    with open_side(path.gateway_config, None) as (side, quarantine):
        assert quarantine is not None
        return check(journals, side, read_quarantine(quarantine), terms)


def _problem(kind: Kind, course: _Course) -> str:
    ledger = course.ledger
    if ledger is None:
        return "the books were not checked"
    if not ledger.balanced:
        shown = "\n".join(str(violation) for violation in ledger.violations.first[:10])
        return f"the books do not balance: {dict(ledger.violations.counts)}\n{shown}"
    if kind.quarantines and not ledger.total("quarantined"):
        return "nothing came into quarantine, so the fault did not happen"
    return "" if ledger.total("stored") else "nothing was stored"


def _figures(ledger: Ledger | None) -> tuple[dict[str, int], float]:
    if ledger is None:
        return {}, 0.0
    totals: dict[str, int] = as_object(ledger)["totals"]
    longest = max(((gap.to_ns - gap.from_ns) / 1e9 for gap, rows in ledger.gaps if rows), default=0.0)
    return totals, round(longest, 3)
