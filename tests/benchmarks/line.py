"""Speed of the simulated line on one core: both solvers with all signals, a jump ahead, memory of a long run."""

import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import psutil

from demo_line.line import Line, load_definition
from demo_line.runs.recorder import Block, Recorder, Resolution
from demo_line.runs.run import RunOptions, write_run
from demo_line.runs.run_control import RunControl
from demo_line.runs.simulation import DAY_S, Simulation, Solver
from tests.benchmarks.figures import Figure, median_of

SEED = 7
RUNS = 5
FINE_S = 1800.0
COARSE_S = 0.5 * DAY_S
DAYS = 30
SETTLED_DAY = 10


def _forget(_block: Block) -> None:
    """Measured readings go nowhere: the benchmark is about making them."""


class _Running:
    """A line in production, advanced a piece at a time, with or without instruments that read it."""

    def __init__(self, line: Line, solver: Solver, resolution: Resolution | None) -> None:
        self.simulation = Simulation(line, SEED, solver=solver)
        self.recorder = (
            None if resolution is None else Recorder(line, SEED, self.simulation.start_ns, resolution, _forget)
        )
        self.simulation.advance(3600.0)

    def speed(self, seconds: float) -> float:
        """Simulated seconds a second of CPU time over the next piece."""
        simulation, recorder = self.simulation, self.recorder
        begin = time.process_time()
        simulation.advance(seconds, None if recorder is None else recorder.observe)
        if recorder is not None:
            recorder.flush()
        spent = time.process_time() - begin
        simulation.state.around.events.clear()
        simulation.state.around.bottles.clear()
        return seconds / spent


def _speeds(line: Line) -> list[Figure]:
    figures = []
    for solver, resolution, piece_s, target in (
        (Solver.FINE, Resolution.SECOND, FINE_S, 5_000.0),
        (Solver.COARSE, Resolution.MINUTE, COARSE_S, 100_000.0),
    ):
        bare, recorded = _Running(line, solver, None), _Running(line, solver, resolution)
        alone, _ = median_of(RUNS, partial(bare.speed, piece_s))
        value, spread = median_of(RUNS, partial(recorded.speed, piece_s))
        step_us, read_us = 1e6 * solver.step_s / alone, 1e6 * solver.step_s * (1.0 / value - 1.0 / alone)
        channels = len(recorded.recorder.channels) if recorded.recorder is not None else 0
        conditions = f"{channels} signals at {resolution}, one core, CPU time, {spread}; step {step_us:.0f} us"
        figures.append(
            Figure(
                f"line, {solver} solver",
                value,
                "simulated s/s",
                at_least=target,
                conditions=f"{conditions}, reading {read_us:.0f} us",
            )
        )
    return figures


def _jump(line: Line) -> Figure:
    control = RunControl(Simulation(line, SEED))
    begin = time.perf_counter()
    control.seek(DAYS * DAY_S)
    return Figure(
        f"jump to day {DAYS}",
        time.perf_counter() - begin,
        "s",
        at_most=60,
        conditions="coarse, the last quarter of an hour fine, with snapshots to go back to",
    )


def _month(line: Line, folder: Path) -> list[Figure]:
    process = psutil.Process()
    peaks = {True: 0, False: 0}
    begin = time.perf_counter()
    options = RunOptions(folder / "month", DAYS, SEED, solver=Solver.COARSE, resolution=Resolution.MINUTE)
    for share in write_run(line, options):
        early = share * DAYS <= SETTLED_DAY
        peaks[early] = max(peaks[early], process.memory_info().rss)
    seconds = time.perf_counter() - begin
    size = sum(path.stat().st_size for path in options.out.rglob("*.parquet"))
    conditions = f"showroom run --solver coarse, {DAYS} days to files of {size / 1e6:.0f} MB"
    return [
        Figure("run of a month", seconds, "s", conditions=conditions),
        Figure(
            "memory growth of a run",
            max(peaks[False] - peaks[True], 0) / 1e6,
            "MB",
            at_most=20,
            conditions=f"largest from day {SETTLED_DAY} to {DAYS} less largest before; {conditions}",
        ),
    ]


def measure() -> Sequence[Figure]:
    """Return the figures of the line."""
    line = Line(load_definition())
    with tempfile.TemporaryDirectory() as folder:
        return [*_speeds(line), _jump(line), *_month(line, Path(folder))]
