"""`run`: a simulated run as files; what sensors show and, in a folder of its own, the hidden truth.

A run's folder holds

- `signals.parquet`: a row an interval, `time` (its end, UTC) and a column a channel, a hole where no reading came;
  `bad` names the channels whose sensor is dead in the row,
- `events.parquet`: stops, orders, alarms and whatever else was reported,
- `bottles.parquet`: a row a bottle that has left the line (fine solver only),
- `truth/truth.parquet`: a row a minute of hidden quantities (see `truth.py`), `truth/truth.json`: the faults,
- `manifest.json`: what it is; written last.

Equal seeds give equal columns with equal packages on equal machines.
"""

import json
import platform
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from demo_line.clock import NS_PER_S
from demo_line.line import Line, LineError, LineState
from demo_line.runs.recorder import Block, Recorder, Resolution
from demo_line.runs.run_tables import (
    BOTTLES,
    EVENTS,
    FORMAT,
    bottle_columns,
    event_columns,
    signal_columns,
    signals_schema,
    truth_columns,
    truth_schema,
)
from demo_line.runs.simulation import DAY_S, PlannedFault, Simulation, Solver
from demo_line.runs.snapshot import fingerprint
from demo_line.runs.tables import TableFile, new_folder
from demo_line.runs.truth import Episode, TruthRecorder

_NO_BOTTLES = "the coarse solver counts bottles in groups; --solver fine records each of them"
_CHUNK_S = 3600.0
_PACKAGES = ("smart-factory-showroom", "numpy", "pyarrow", "pydantic")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is simulated and written.

    Attributes:
        out: folder that is made; it must not exist, or be empty.
        days: length of the run in days, rounded to whole minutes.
        seed: equal seeds give equal runs.
        faults: which begin when.
        solver: fine (1 s) or coarse (60 s).
        resolution: length of an interval of the signals; at least a step.
        start_ns: UTC nanoseconds since 1970 at which the run begins; None = as the line's plan says.
        truth: whether the truth is written.
    """

    out: Path
    days: float
    seed: int
    faults: tuple[PlannedFault, ...] = ()
    solver: Solver = Solver.FINE
    resolution: Resolution = Resolution.SECOND
    start_ns: int | None = None
    truth: bool = True


def write_run(line: Line, options: RunOptions) -> Generator[float, None, None]:
    """Simulate and write; yields the share that is done, so that the caller can show it or give up by closing it.

    Raises FolderError for a folder that is in use, LineError for options that contradict the line or each other.
    """
    if options.resolution.seconds < options.solver.step_s:
        raise LineError(
            f"--resolution {options.resolution} is finer than a step of the {options.solver} solver; "
            "give --resolution 1min or --solver fine"
        )
    with new_folder(options.out) as folder:
        yield from _Run(line, options, folder).write()


class _Run:
    """A run under way: the simulation, what looks at it, and the files that take it."""

    def __init__(self, line: Line, options: RunOptions, folder: Path) -> None:
        self.line, self.options, self.folder = line, options, folder
        self.run_s = max(round(options.days * DAY_S / 60.0), 1) * 60.0
        self.simulation = Simulation(line, options.seed, options.start_ns, options.solver)
        self.simulation.plan_faults(options.faults, self.run_s)
        self.recorder = Recorder(line, options.seed, self.simulation.start_ns, options.resolution, self._take_signals)
        self.truth = TruthRecorder(line) if options.truth else None
        self.files: dict[str, TableFile] = {}

    def write(self) -> Generator[float, None, None]:
        simulation = self.simulation
        with ExitStack() as stack:
            self._open(stack)
            while simulation.elapsed_s < self.run_s:
                simulation.advance_to(min(simulation.elapsed_s + _CHUNK_S, self.run_s), self._observe)
                self._take_records()
                yield simulation.elapsed_s / self.run_s
            self.recorder.flush()
        if self.truth is not None:
            _write_json(self.folder / "truth" / "truth.json", self._faults(self.truth))
        _write_json(self.folder / "manifest.json", self._manifest())

    def _observe(self, state: LineState) -> None:
        self.recorder.observe(state)
        if self.truth is not None:
            self.truth.observe(state)

    def _open(self, stack: ExitStack) -> None:
        schemas = {"signals.parquet": signals_schema(self.recorder.channels), "events.parquet": EVENTS}
        if self.options.solver is Solver.FINE:
            schemas["bottles.parquet"] = BOTTLES
        if self.truth is not None:
            (self.folder / "truth").mkdir()
            schemas["truth/truth.parquet"] = truth_schema(self.truth)
        for name, schema in schemas.items():
            self.files[name] = stack.enter_context(TableFile(self.folder / name, schema))

    def _take_signals(self, block: Block) -> None:
        self.files["signals.parquet"].append(signal_columns(block, self.recorder.channels, self.recorder.texts))

    def _take_records(self) -> None:
        around, start_ns = self.simulation.state.around, self.simulation.start_ns
        if around.events:
            self.files["events.parquet"].append(event_columns(around.events, start_ns))
        if around.bottles and "bottles.parquet" in self.files:
            self.files["bottles.parquet"].append(bottle_columns(around.bottles, start_ns))
        around.events.clear()
        around.bottles.clear()
        if self.truth is not None and len(self.truth):
            elapsed_s, values = self.truth.take()
            self.files["truth/truth.parquet"].append(truth_columns(elapsed_s, values, self.truth, start_ns))

    def _faults(self, truth: TruthRecorder) -> dict[str, Any]:
        faults = [self._fault(episode) for episode in truth.episodes]
        return {"format": FORMAT, "seed": self.options.seed, "faults": faults}

    def _fault(self, episode: Episode) -> dict[str, Any]:
        fault = self.line.faults[episode.name]
        return {
            "name": fault.name,
            "code": fault.code,
            "title": fault.title,
            "kind": fault.kind.value,
            "twin_of": fault.twin_of,
            "unit": fault.unit_id,
            "component": fault.component,
            "mechanism": fault.mechanism,
            "place": self.simulation.state.around.places[fault.name] if fault.places > 1 else None,
            "onset": self._said(episode.onset_s),
            "onset_day": episode.onset_s / DAY_S,
            "life_h": episode.life_h,
            "functional_failure": self._said(episode.failed_s),
            "ended": self._said(episode.ended_s),
            "severity": episode.severity,
        }

    def _said(self, elapsed_s: float | None) -> str | None:
        return None if elapsed_s is None else _iso(self.simulation.start_ns + round(elapsed_s * NS_PER_S))

    def _manifest(self) -> dict[str, Any]:
        options, simulation = self.options, self.simulation
        return {
            "format": FORMAT,
            "line": self.line.definition.name,
            "definition": fingerprint(self.line),
            "seed": options.seed,
            "days": self.run_s / DAY_S,
            "start": _iso(simulation.start_ns),
            "end": _iso(simulation.time_ns),
            "solver": options.solver.value,
            "resolution": options.resolution.value,
            "rows": {name: file.rows for name, file in self.files.items()},
            "bottles": None if options.solver is Solver.FINE else _NO_BOTTLES,
            "packages": {name: metadata.version(name) for name in _PACKAGES},
            "python": platform.python_version(),
            "machine": platform.machine(),
        }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).isoformat()
