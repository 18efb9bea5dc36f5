"""All benchmarks in one table: ours, trivial, best classical, best published, target."""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Benchmark, Case, Comparison, Scores, load, load_all
from analytics.errors import UnusableInputError

_HEADER = ("benchmark", "score", "ours", "trivial", "best classical", "best published", "target", "met")


@dataclass(frozen=True, slots=True)
class Figure:
    """One score of one case, ours and the trivial one."""

    case: Case
    comparison: Comparison
    ours: float
    trivial: float | None

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table, in the order of the header."""
        wanted = self.comparison
        met = {True: "yes", False: "NO", None: ""}[wanted.met(self.ours)]
        trivial = "" if self.trivial is None else _number(self.trivial)
        ours = f"{_number(self.ours)} {wanted.unit}".rstrip()
        return (
            *(self.case.name, wanted.key, ours, trivial),
            *(wanted.classical, wanted.published, wanted.target or "", met),
        )

    def as_object(self) -> dict[str, object]:
        """Return the entry of the JSON file."""
        wanted = self.comparison
        return {
            "name": f"{self.case.name} {wanted.key}",
            "value": _or_none(self.ours),
            "unit": wanted.unit,
            "target": wanted.target,
            "met": wanted.met(self.ours),
            "conditions": self.case.conditions,
            "trivial": _or_none(self.trivial),
            "classical": wanted.classical,
            "published": wanted.published,
        }


def main(arguments: Sequence[str]) -> int:
    """Run all cases of all benchmarks, or of some; returns 0 where every target is met, 1 otherwise."""
    options = _options(arguments)
    benchmarks = [load(name) for name in options.only] if options.only else load_all()
    figures: list[Figure] = []
    for benchmark in benchmarks:
        for case in benchmark.CASES:
            found = measure(benchmark, case, options.data)
            figures += found
            print("\n".join(_row(figure.cells()) for figure in found), flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    entries = [figure.as_object() for figure in figures]
    options.out.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    print("\n".join(["", _row(_HEADER), _row(["---"] * len(_HEADER)), *(_row(figure.cells()) for figure in figures)]))
    return 1 if any(figure.comparison.met(figure.ours) is False for figure in figures) else 0


def measure(benchmark: Benchmark, case: Case, data: Path) -> list[Figure]:
    """Predict and score one case, with our method and with the trivial one.

    Raises:
        UnusableInputError: the folder of the recordings does not have the files.
    """
    if not data.is_dir():
        raise UnusableInputError(str(data), "there is no such folder", "name the folder of the recordings with --data")
    with tempfile.TemporaryDirectory() as scratch:
        if case.prepare is not None:
            case.prepare(data, Path(scratch))
        places = {"data": data.as_posix(), "scratch": Path(scratch).as_posix()}
        out = Path(scratch) / "predictions.csv"
        predicting = argparse.ArgumentParser()
        predicting.add_argument("--seed", type=int, default=0)
        benchmark.add_predict_arguments(predicting)
        asked = predicting.parse_args([word.format(**places) for word in case.predict])
        scoring = argparse.ArgumentParser()
        benchmark.add_score_arguments(scoring)
        scored = scoring.parse_args([word.format(**places) for word in case.score])
        truth = [Path(word.format(**places)) for word in case.truth]

        began = time.perf_counter()
        columns.write(benchmark.predict(asked), out)
        seconds = time.perf_counter() - began
        ours = {**benchmark.score(columns.read_prediction(out), truth, scored), "seconds": seconds}
        columns.write(benchmark.trivial(asked), out)
        trivial = benchmark.score(columns.read_prediction(out), truth, scored)
    return [_figure(case, comparison, ours, trivial) for comparison in case.comparisons]


def _figure(case: Case, comparison: Comparison, ours: Scores, trivial: Scores) -> Figure:
    value, simple = ours[comparison.key], trivial.get(comparison.key)
    if not isinstance(value, float | int) or not isinstance(simple, float | int | None):
        raise TypeError(f"{case.name}: score {comparison.key!r} is no number and cannot stand in the table")
    return Figure(case, comparison, float(value), simple)


def _or_none(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _number(value: float) -> str:
    return f"{value:.4g}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analytics.benchmarks table", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the recordings")
    parser.add_argument("--only", action="append", help="one benchmark, e.g. skab (repeatable)")
    parser.add_argument("--out", type=Path, default=Path("build/bench-analytics.json"), help="figures as JSON")
    return parser.parse_args(arguments)
