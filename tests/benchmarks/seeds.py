"""Healthy lines of many seeds: `python -m tests.benchmarks.seeds --seeds 200 --days 30`.

Each must reach an OEE that a real plant has, keep every quantity finite and every physical limit, and show nothing of
a fault: no severity, no wear that could be detected, no abort, no alarm. All together must have stops as often, for
the reasons and as long as configured. It takes some 25 s of one core for a month of one seed.
"""

import json
import math
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from demo_line.line import Line, LineState, load_definition
from demo_line.packml import State
from demo_line.runs.recorder import Columns
from demo_line.runs.simulation import DAY_S, Simulation, Solver
from demo_line.signals import Channel, DataType
from tests.alarm_watch import AlarmWatch
from tests.benchmarks.stop_statistics import LEVEL, Stops, StopWatch, judge, refuted

OEE_LOW, OEE_HIGH = 0.55, 0.80

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

SOUND: dict[str, tuple[float, float]] = {
    "MIX-10.bearing_wear": (0.0, 0.0),
    "MIX-10.misalignment": (0.0, 0.0),
    "MIX-10.cavitation": (0.0, 0.0),
    "PAS-20.fouling_k_kw": (0.0, 0.0093),
    "TNK-25.under_heated_l": (0.0, 0.0),
    "CA-90.drain_m3_min": (0.0, 0.0),
    "CA-90.leaky_zone": (0.0, 0.0),
    "CH-91.fouling": (0.0, 0.0),
    "CH-91.charge": (1.0, 1.0),
    "CH-91.drier": (0.0, 0.0),
    "CH-91.non_condensables_bar": (0.0, 0.0),
    "CH-91.starved": (0.0, 0.0),
}
"""Hidden state of sound components. Plates foul a little in every shift; a tenth of what the fault M3 deposits
(0.0929 K/kW) moves the valve by less than its daily course."""


@dataclass
class Healthy:
    """What one seed gave.

    Attributes:
        oee: good bottles / (planned busy time x rated speed of the bottleneck), ISO 22400.
        bottles: good bottles.
        stops_h, stop_median_s: own minor stops of the bottleneck per running hour and their median length.
        stops: of every packaging machine.
        broken: limits violated, quantities that were not finite, and whatever looked like a fault; each kind once.
    """

    seed: int
    oee: float = math.nan
    bottles: int = 0
    stops_h: float = math.nan
    stop_median_s: float = math.nan
    stops: dict[str, Stops] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class _Watch:
    """Looks at a line after every step; keeps all its quantities and judges them day by day.

    Args:
        line: the line.
        seed: of the noise of its sensors.
    """

    def __init__(self, line: Line, seed: int) -> None:
        self._line = line
        numeric = [
            Channel(unit_id, signal)
            for unit_id, unit in line.units.items()
            for signal in (*unit.signals, *unit.truth)
            if signal.datatype is not DataType.STRING
        ]
        self._columns = Columns(numeric, {})
        self._names = [channel.name for channel in self._columns.channels]
        self._allowed = np.array([(LIMITS | SOUND).get(name, (-math.inf, math.inf)) for name in self._names]).T
        self.alarms = AlarmWatch(self._columns.channels, seed)
        machines = {unit_id: line.parameters[unit_id] for unit_id in line.definition.packaging[::2]}
        self.stops = StopWatch(machines)
        self.lengths: list[float] = []
        self.broken: dict[str, str] = {}

    def observe(self, state: LineState) -> None:
        """Count stops, and once a day look at everything; takes the events away."""
        around = state.around
        self._columns.append(state.units)
        self.stops.observe(state)
        for event in around.events:
            if event.kind == "stop" and event.unit_id == "MONO-30" and event.fields["state"] == "HELD":
                self.lengths.append(float(event.fields["duration_s"]))
        if around.elapsed_s % DAY_S == 0.0:
            self._look_at_faults(state)
            self._look_at_readings(around.elapsed_s, around.dt_s)
        around.events.clear()
        around.bottles.clear()

    def _look_at_faults(self, state: LineState) -> None:
        """Whatever says that a fault has begun."""
        now_s = state.elapsed_s
        for name, severity in state.around.severity.items():
            if severity != 0.0 or name in state.conditions:
                self._note(f"fault {name}", f"{severity:.3g}", now_s)
        for unit_id, unit in self._line.units.items():
            if unit.machine is not None:
                aborted_s = unit.machine(state.units[unit_id]).seconds[State.ABORTED]
                if aborted_s > 0.0:
                    self._note(f"{unit_id} ABORTED", f"{aborted_s:g} s", now_s)
        for job in state.work.done:
            self._note("work order", str(job), now_s)

    def _look_at_readings(self, now_s: float, step_s: float) -> None:
        """True quantities against their limits, then what the sensors show of them against the table of alarms."""
        true = self._columns.take()
        low, high = self._allowed
        for row, column in np.argwhere(~((true >= low) & (true <= high) & np.isfinite(true))):
            at_s = now_s - (len(true) - 1 - row) * step_s
            self._note(self._names[column], f"{true[row, column]:.4g}", at_s)
        self.alarms.see(true, now_s, step_s)

    def _note(self, what: str, value: str, now_s: float) -> None:
        self.broken.setdefault(what, f"{what} = {value} at {now_s:.0f} s")


def study(seed: int, days: int) -> Healthy:
    """Run one healthy line on the coarse solver."""
    line = Line(load_definition())
    simulation = Simulation(line, seed, solver=Solver.COARSE)
    watch = _Watch(line, seed)
    simulation.advance(days * DAY_S, watch.observe)
    filler, plan = simulation.state.units["MONO-30"], simulation.state.around.plan
    good = filler.prod_processed_count - filler.prod_defective_count
    rated = line.parameters["MONO-30"].model_dump()["rated_bottles_h"]
    return Healthy(
        seed,
        good / (plan.planned_busy_s / 3600.0 * rated),
        good,
        len(watch.lengths) / (filler.run_s / 3600.0),
        statistics.median(watch.lengths),
        watch.stops.stops,
        [*watch.broken.values(), *watch.alarms.raised.values()],
    )


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds, from --first on.")] = 200,
    days: Annotated[int, typer.Option(help="Simulated days of each.")] = 30,
    first: Annotated[int, typer.Option(help="First seed.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes at the same time.")] = 2,
    out: Annotated[Path, typer.Option(help="Where the figures of every seed go, a line of JSON each.")] = Path(
        "build/seeds.jsonl"
    ),
) -> None:
    """Run healthy lines of many seeds; fails where one of them is no credible healthy plant."""
    console = Console(stderr=True)
    wanted = range(first, first + seeds)
    results: list[Healthy] = []
    out.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool, out.open("w", encoding="utf-8") as file:
        found = pool.map(study, wanted, [days] * seeds)
        for result in track(found, description=f"{seeds} healthy lines", total=seeds, console=console):
            results.append(result)
            file.write(json.dumps(_record(result)) + "\n")
            file.flush()
    sys.exit(0 if report(results, console) else 1)


def _record(result: Healthy) -> dict[str, Any]:
    """A result without the causes, which stand in the line's definition."""
    record = asdict(result)
    for stops in record["stops"].values():
        del stops["causes"]
    return record


def report(results: Sequence[Healthy], console: Console) -> bool:
    """Show the figures of all seeds; returns whether all are credible healthy plants."""
    for values, name in (
        ([result.oee for result in results], "OEE"),
        ([result.stops_h for result in results], "own stops of the filler per running hour"),
        ([result.stop_median_s for result in results], "their median length in s"),
    ):
        console.print(f"{name}: {min(values):.3f} to {max(values):.3f}, median {statistics.median(values):.3f}")
    judgements = judge([result.stops for result in results])
    for judgement in judgements:
        console.print(f"{judgement.what}: p = {judgement.probability:.3g}")
    wrong = refuted(judgements)
    for judgement in wrong:
        console.print(f"{judgement.what} are not as configured (level {LEVEL:g} for all tests together)")
    bad = [result for result in results if result.broken or not OEE_LOW <= result.oee <= OEE_HIGH]
    for result in bad:
        console.print(f"seed {result.seed}: OEE {result.oee:.3f} {'; '.join(result.broken)}")
    console.print(f"{len(results) - len(bad)} of {len(results)} are credible healthy plants")
    return not bad and not wrong


if __name__ == "__main__":
    typer.run(main)
