"""High-rack store: what an optimised way of moving saves in energy and time a cycle."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.energy.cycles import Cycles, compare, measure_cycles
from analytics.errors import UnusableInputError

NAME = "hrss-energy"

CASES = [
    Case(
        name="hrss-energy",
        predict=[
            *("--standard", "{data}/hrss/dev/normal_standard.csv.gz"),
            *("--optimized", "{data}/hrss/dev/normal_optimized.csv.gz"),
        ],
        truth=[],
        comparisons=[
            Comparison("energy_change_pct", "%", published="-26.5 on all cycles, -27.6 on these"),
            Comparison("duration_change_pct", "%", published="-21.5 on all cycles"),
        ],
        conditions="normal cycles of the development part",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two recordings."""
    parser.add_argument("--standard", type=Path, required=True, help="cycles before: cycle, Timestamp, *_power")
    parser.add_argument("--optimized", type=Path, required=True, help="cycles after, same columns")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return energy and duration of a mean cycle before and after, and their change, each with a 90 % interval."""
    before, after = _cycles(arguments.standard), _cycles(arguments.optimized)
    seed = arguments.seed
    rows = []
    for name, first, second in (
        ("energy", before.energy, after.energy),
        ("duration", before.duration_s, after.duration_s),
    ):
        unit = "_s" if name == "duration" else ""
        rows += [
            (f"{name}_standard{unit}", compare(first, second, seed=seed, what=lambda old, _new: old)),
            (f"{name}_optimized{unit}", compare(first, second, seed=seed, what=lambda _old, new: new)),
            (f"{name}_change_pct", compare(first, second, seed=seed, what=lambda old, new: 100.0 * (new / old - 1.0))),
        ]
    return columns.table(
        {
            "metric": [name for name, _ in rows],
            "value": [found.value for _, found in rows],
            "low": [found.low for _, found in rows],
            "high": [found.high for _, found in rows],
        }
    )


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return no change, which is what a meter that is read once a year shows of a cycle."""
    found = predict(arguments)
    zeros = pa.array(np.zeros(found.num_rows))
    return columns.table({"metric": found["metric"], "value": zeros, "low": zeros, "high": zeros})


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return the changes; there is no truth beside them."""
    found = dict(zip(predictions["metric"].to_pylist(), predictions["value"].to_pylist(), strict=True))
    return {name: found[name] for name in ("energy_change_pct", "duration_change_pct")}


def _cycles(path: Path) -> Cycles:
    table = columns.read(path)
    powers = [name for name in table.column_names if name.endswith("_power")]
    if not powers:
        raise UnusableInputError(str(path), "has no column *_power", f"it has: {', '.join(table.column_names)}")
    power = np.sum(columns.matrix(table, powers, path), axis=1)
    cycle = columns.numbers(table, "cycle", path).astype(np.int64)
    return measure_cycles(cycle, columns.numbers(table, "Timestamp", path), power)
