"""`python -m analytics.benchmarks NAME predict|score ...`, and `... table` for all of them in one table."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from analytics.benchmarks import columns, table
from analytics.benchmarks.benchmark import Benchmark, Scores, load
from analytics.errors import AnalyticsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, or 2 where it was given something unusable, which standard error names."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["table"]:
            return table.main(words[1:])
        if not words or words[0].startswith("-"):
            words = ["--help"]
        options = _parser(words[0]).parse_args(words[1:])
        return int(options.run(options))
    except AnalyticsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def predict(benchmark: Benchmark, options: argparse.Namespace) -> int:
    """Write the predictions."""
    columns.write(benchmark.predict(options), options.out)
    return 0


def score(benchmark: Benchmark, options: argparse.Namespace) -> int:
    """Print the scores."""
    scores = benchmark.score(columns.read_prediction(options.predictions), options.truth, options)
    print(json.dumps(_finite(scores), indent=1) if options.json else "\n".join(_lines(scores)))
    return 0


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m analytics.benchmarks {'NAME' if name == '--help' else name}",
        description="Predict without truth, or score predictions. NAME `table` runs all benchmarks.",
    )
    commands = parser.add_subparsers(required=True, metavar="predict|score")
    if name == "--help":
        parser.parse_args(["--help"])
    benchmark = load(name)

    predicting = commands.add_parser("predict", help="write predictions from what a method may know")
    predicting.add_argument("--out", type=Path, required=True, help="CSV file of the predictions, or .csv.gz")
    predicting.add_argument("--seed", type=int, default=0, help="fixes every random choice (default: 0)")
    benchmark.add_predict_arguments(predicting)
    predicting.set_defaults(run=lambda options: predict(benchmark, options))

    scoring = commands.add_parser("score", help="compare predictions with the truth")
    scoring.add_argument("--predictions", type=Path, required=True, help="file that predict wrote")
    scoring.add_argument("--truth", type=Path, default=[], nargs="+", help="file with the truth, where there is one")
    scoring.add_argument("--json", action="store_true", help="print one JSON object")
    benchmark.add_score_arguments(scoring)
    scoring.set_defaults(run=lambda options: score(benchmark, options))
    return parser


def _finite(scores: Scores) -> dict[str, object]:
    """Replace NaN, which JSON does not know, by null."""
    return {
        key: _finite(value) if not isinstance(value, float | int) else None if math.isnan(value) else value
        for key, value in scores.items()
    }


def _lines(scores: Scores, indent: str = "") -> list[str]:
    lines = []
    for key, value in scores.items():
        if isinstance(value, float | int):
            lines.append(f"{indent}{key:<24} {value:.6g}")
        else:
            lines += [f"{indent}{key}", *_lines(value, indent + "  ")]
    return lines


if __name__ == "__main__":
    sys.exit(main())
