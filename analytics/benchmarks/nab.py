"""NAB: internal temperature of a machine before its failure, and of a room; a demonstration without a target."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.detection.level_shift import LevelShiftScorer
from analytics.errors import UnusableInputError

NAME = "nab"

_NEVER_READ = ("label", "anomaly")
_TOLERANCE = 0.05
"""A temperature in degrees Fahrenheit that changes by a twentieth says nothing by itself."""
_LIMIT = 1.5
_MEMORY_ROWS = 500.0


def _case(name: str, file: str) -> Case:
    return Case(
        name=f"nab {name}",
        predict=["--data", f"{{data}}/nab_machine_temp/dev/{file}.csv", "--train-fraction", "0.15"],
        truth=["{data}/nab_machine_temp/dev/labels.json"],
        score=["--series", file],
        comparisons=[Comparison("windows_found"), Comparison("windows"), Comparison("alarmed_outside")],
        conditions="a demonstration: two to four windows a series",
    )


CASES = [
    _case("machine temperature", "machine_temperature_system_failure"),
    _case("ambient temperature", "ambient_temperature_system_failure"),
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the series and the part of it that is learnt."""
    parser.add_argument("--data", type=Path, required=True, help="columns timestamp and value")
    parser.add_argument(
        "--train-fraction", type=float, required=True, help="first part that is taken as normal, 0 to 1"
    )


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name of the series among the labels."""
    parser.add_argument("--series", default="", help="part of the series' name in labels.json, where it holds several")


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return score and anomaly of every row after the learnt part."""
    times, values, learnt = _read(arguments)
    scorer = LevelShiftScorer(_TOLERANCE, limit=_LIMIT, memory_rows=_MEMORY_ROWS).fit(values[:learnt, None])
    return _predictions(times[learnt:], scorer.score_samples(values[learnt:, None]))


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return an anomaly on every row."""
    times, values, learnt = _read(arguments)
    return _predictions(times[learnt:], np.ones(len(values) - learnt))


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:
    """Return how many windows hold an alarm, and the share of the time outside of them that is alarmed."""
    if len(truth) != 1:
        raise UnusableInputError("nab", f"{len(truth)} truth files", "name labels.json: --truth FILE")
    labels = json.loads(truth[0].read_text(encoding="utf-8"))
    found = [name for name in labels if arguments.series in name]
    if len(found) != 1:
        raise UnusableInputError(str(truth[0]), f"it holds {', '.join(labels)}", "name one series with --series")
    windows = labels[found[0]]["windows"]
    times = np.array(columns.texts(predictions, "timestamp", "predictions"), dtype="datetime64[s]")
    alarms = columns.numbers(predictions, "anomaly", "predictions") > 0.0
    inside = [(times >= _time(begin)) & (times <= _time(end)) for begin, end in windows]
    outside = ~np.any(inside, axis=0) if inside else np.ones(len(times), dtype=bool)
    judged = [window for window in inside if window.any()]
    return {
        "windows_found": float(sum(bool((alarms & window).any()) for window in judged)),
        "windows": float(len(judged)),
        "alarmed_outside": float(alarms[outside].mean()) if outside.any() else float("nan"),
    }


def _time(text: str) -> np.datetime64:
    return np.datetime64(text.partition(".")[0].replace(" ", "T"), "s")


def _read(arguments: argparse.Namespace) -> tuple[list[str], NDArray[np.float64], int]:
    if not 0.0 < arguments.train_fraction < 1.0:
        raise UnusableInputError(
            "--train-fraction", f"{arguments.train_fraction:g}", "expected a share between 0 and 1"
        )
    table = columns.read(arguments.data, texts=["timestamp"])
    columns.require(table, ["timestamp", "value"], arguments.data)
    columns.only(table, ["timestamp", "value", *_NEVER_READ], arguments.data)
    values = columns.numbers(table, "value", arguments.data)
    return columns.texts(table, "timestamp", arguments.data), values, round(arguments.train_fraction * len(values))


def _predictions(times: Sequence[str], scores: NDArray[np.float64]) -> pa.Table:
    anomaly = (scores >= 1.0).astype(np.int64)
    return columns.table({"timestamp": list(times), "score": scores, "anomaly": anomaly})
