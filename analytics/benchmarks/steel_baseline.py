"""Steel plant: may savings be claimed on an hourly baseline that knows the calendar alone? They may not."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.benchmarks.interval_meter import cut_in_time, hourly
from analytics.energy.calendar_baseline import CalendarBaseline

NAME = "steel-baseline"

CASES = [
    Case(
        name="steel-baseline",
        predict=["--train", "{scratch}/train.csv", "--data", "{scratch}/data.csv"],
        truth=[],
        comparisons=[
            Comparison("accepted", at_most=0.0, published="must be refused"),
            Comparison("cv_rmse", "%"),
            Comparison("nmbe", "%"),
        ],
        prepare=cut_in_time("steel/dev/steel_jan_sep.csv.gz", "2018-07-01"),
        conditions="hour-of-week means of January to June, judged on July to September",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two files."""
    parser.add_argument("--train", type=Path, required=True, help="baseline period: interval_start, usage_kwh")
    parser.add_argument("--data", type=Path, required=True, help="hours it is judged on, same columns")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> Mapping[str, object]:
    """Return whether savings may be claimed, and why not."""
    baseline = CalendarBaseline().fit(*hourly(arguments.train))
    fit = baseline.judge(*hourly(arguments.data))
    return {
        "accepted": fit.accepted,
        "cv_rmse": round(fit.cv_rmse_pct, 3),
        "nmbe": round(fit.nmbe_pct, 3),
        "reasons": fit.reasons(),
    }


def trivial(arguments: argparse.Namespace) -> Mapping[str, object]:
    """Return what is claimed where nobody looks at the fit."""
    return {**predict(arguments), "accepted": True, "reasons": []}


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return the figures of the prediction; there is no truth beside them."""
    return {
        name: float(columns.numbers(predictions, name, "predictions")[0]) for name in ("accepted", "cv_rmse", "nmbe")
    }
