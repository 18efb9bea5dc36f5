"""Healthy lines of many seeds: `python -m tests.benchmarks.seeds --seeds 200 --days 30`.

Each must reach an OEE that a real plant has, keep every quantity finite and every physical limit, and have stops as
often and as long as configured. It takes some 15 s of one core for a month of one seed.
"""

import json
import math
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from demo_line.line import Line, LineState, load_definition
from demo_line.runs.simulation import DAY_S, Simulation, Solver
from demo_line.signals import DataType

OEE_LOW, OEE_HIGH = 0.55, 0.80
LOOK_S = 600.0
"""How often all quantities are looked at."""

LIMITS: dict[str, tuple[float, float]] = {
    "MIX-10.level_pct": (0.0, 100.0),
    "TNK-25.level_pct": (0.0, 100.0),
    "PAS-20.holding_a_degc": (0.0, 98.0),
    "CA-90.receiver_bar": (0.0, 8.0),
    "CH-91.supply_degc": (-1.0, 40.0),
    "CH-91.condensing_bar": (0.0, 25.0),
    "SHR-60.zone_1_degc": (0.0, 200.0),
}
"""Physical limits in the signal's unit: a vessel holds no more, a relief valve or a switch would have acted."""


@dataclass
class Healthy:
    """What one seed gave.

    Attributes:
        oee: good bottles / (planned busy time x rated speed of the bottleneck), ISO 22400.
        bottles: good bottles.
        stops_h, stop_median_s: own minor stops of the bottleneck per running hour and their median length.
        broken: limits violated and quantities that were not finite, each once.
    """

    seed: int
    oee: float
    bottles: int
    stops_h: float
    stop_median_s: float
    broken: list[str] = field(default_factory=list)


def _readings(line: Line, state: LineState) -> Iterator[tuple[str, float]]:
    for unit_id, unit in line.units.items():
        for signal in (*unit.signals, *unit.truth):
            if signal.datatype is not DataType.STRING:
                yield f"{unit_id}.{signal.name}", float(signal.value(state.units[unit_id]))


def study(seed: int, days: int) -> Healthy:
    """Run one healthy line on the coarse solver."""
    line = Line(load_definition())
    simulation = Simulation(line, seed, solver=Solver.COARSE)
    broken: dict[str, None] = {}
    lengths: list[float] = []
    for _ in range(round(days * DAY_S / LOOK_S)):
        simulation.advance(LOOK_S)
        state = simulation.state
        for name, value in _readings(line, state):
            low, high = LIMITS.get(name, (-math.inf, math.inf))
            if not math.isfinite(value) or not low <= value <= high:
                broken[f"{name} = {value:.4g} at {state.elapsed_s:.0f} s"] = None
        lengths += [
            float(event.fields["duration_s"])
            for event in state.around.events
            if event.kind == "stop" and event.unit_id == "MONO-30"
        ]
        state.around.events.clear()
        state.around.bottles.clear()
    filler, plan = simulation.state.units["MONO-30"], simulation.state.around.plan
    good = filler.prod_processed_count - filler.prod_defective_count
    rated = line.parameters["MONO-30"].model_dump()["rated_bottles_h"]
    return Healthy(
        seed,
        good / (plan.planned_busy_s / 3600.0 * rated),
        good,
        len(lengths) / (filler.run_s / 3600.0),
        statistics.median(lengths),
        list(broken)[:20],
    )


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds, from --first on.")] = 200,
    days: Annotated[int, typer.Option(help="Simulated days of each.")] = 30,
    first: Annotated[int, typer.Option(help="First seed.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes at the same time.")] = 2,
    out: Annotated[Path, typer.Option(help="Where the figures of every seed go as JSON.")] = Path("build/seeds.json"),
) -> None:
    """Run healthy lines of many seeds; fails where one of them is no credible healthy plant."""
    console = Console(stderr=True)
    wanted = range(first, first + seeds)
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(study, wanted, [days] * seeds)
        results = list(track(found, description=f"{seeds} healthy lines", total=seeds, console=console))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")
    for values, name in (
        ([result.oee for result in results], "OEE"),
        ([result.stops_h for result in results], "own stops of the filler per running hour"),
        ([result.stop_median_s for result in results], "their median length in s"),
    ):
        console.print(f"{name}: {min(values):.3f} to {max(values):.3f}, median {statistics.median(values):.3f}")
    bad = [result for result in results if result.broken or not OEE_LOW <= result.oee <= OEE_HIGH]
    for result in bad:
        console.print(f"seed {result.seed}: OEE {result.oee:.3f} {'; '.join(result.broken)}")
    console.print(f"{len(results) - len(bad)} of {len(results)} are credible healthy plants; figures in {out}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    typer.run(main)
