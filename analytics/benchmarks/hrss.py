"""HRSS: faults of the drives of a high-rack storage system, judged row by row within each cycle."""

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.detection.cycle_twin import CycleTwinScorer
from analytics.errors import UnusableInputError

NAME = "hrss"

DRIVES = ("BLO", "BHL", "BHR", "BRU", "HR", "HL")
_SIGNALS = [name for drive in DRIVES for name in (f"I_w_{drive}_Weg", f"O_w_{drive}_voltage", f"O_w_{drive}_power")]
_KNOWN = ["cycle", "Timestamp", *_SIGNALS, "Labels"]

_LIMIT = 1.7
"""A channel passes 1 in one normal row of a hundred; a row shows the largest of eighteen channels."""


def _case(kind: str, f1: float, pr_auc: float, classical: tuple[str, str]) -> Case:
    folder = "{data}/hrss/dev"
    return Case(
        name=f"hrss {kind}",
        predict=[
            *("--train-normal", f"{folder}/normal_{kind}.csv.gz"),
            *("--data", f"{folder}/anomalous_{kind}.csv.gz"),
        ],
        truth=[f"{folder}/anomalous_{kind}.csv.gz", f"{folder}/derived_fault_location_{kind}.csv"],
        comparisons=[
            Comparison("f1", at_least=f1, classical=classical[0]),
            Comparison("pr_auc", at_least=pr_auc, classical=classical[1]),
            Comparison("drive_accuracy", at_least=0.8),
            Comparison("seconds", "s"),
        ],
        conditions="learnt from the normal cycles whose numbers are not among the judged ones",
    )


CASES = [
    _case("standard", 0.86, 0.91, ("0.777 (phase band)", "0.854 (phase band)")),
    _case("optimized", 0.72, 0.78, ("0.596 (phase band)", "0.666 (phase band)")),
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the normal and the judged recording."""
    parser.add_argument("--train-normal", type=Path, required=True, help="rows of normal cycles")
    parser.add_argument("--data", type=Path, required=True, help="rows of the cycles to judge")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: --truth takes the labels and, beside them or named, the fault locations."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return score and anomaly of each row, and the drive where it is an anomaly.

    A cycle number that is among the judged ones is never learnt from: its normal twin would give the answer.
    """
    judged, normal = _read(arguments.data), _read(arguments.train_normal)
    scorer = CycleTwinScorer().fit(normal[~np.isin(normal[:, 0], judged[:, 0])])
    by_drive = scorer.channel_scores(judged).max(axis=2)
    scores = by_drive.max(axis=1)
    anomalous = scores >= _LIMIT
    return _predictions(judged[:, 0], scores, anomalous, _drives(judged[:, 0], by_drive, anomalous))


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return an anomaly of the first drive on every row."""
    judged = _read(arguments.data)
    ones = np.ones(len(judged))
    return _predictions(judged[:, 0], ones, ones > 0.0, [DRIVES[0]] * len(judged))


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return row F1 and area under precision and recall, false alarms, and cycles whose drive was named right."""
    columns.require(predictions, ["cycle", "row", "score", "anomaly", "drive"], "predictions")
    tables = {path: columns.read(path) for path in [*truth, *_neighbours(truth)]}
    labels = next((item for item in tables.items() if "Labels" in item[1].column_names), None)
    if labels is None:
        raise UnusableInputError("hrss", "no truth file has a column 'Labels'", "name the labelled recording")
    faulty = _labels(predictions, labels[1], labels[0])
    anomalous = columns.numbers(predictions, "anomaly", "predictions") > 0.0
    scores = columns.numbers(predictions, "score", "predictions")
    hits = int((anomalous & faulty).sum())
    flagged = int(anomalous.sum()) + int(faulty.sum())
    located = next((table for table in tables.values() if "drive_most_changed" in table.column_names), None)
    return {
        "f1": 2.0 * hits / flagged if flagged else float("nan"),
        "pr_auc": float(average_precision_score(faulty, scores)) if faulty.any() else float("nan"),
        "false_alarm_rows": float((anomalous & ~faulty).sum()),
        "drive_accuracy": float("nan") if located is None else _drive_accuracy(predictions, located),
    }


def _read(path: Path) -> NDArray[np.float64]:
    table = columns.read(path)
    columns.require(table, ["cycle", "Timestamp", *_SIGNALS], path)
    columns.only(table, _KNOWN, path)
    return columns.matrix(table, ["cycle", "Timestamp", *_SIGNALS], path)


def _predictions(
    cycle: NDArray[np.float64], scores: NDArray[np.float64], anomalous: NDArray[np.bool_], drives: Sequence[str]
) -> pa.Table:
    return columns.table(
        {
            "cycle": cycle.astype(np.int64),
            "row": _row_in_cycle(cycle),
            "score": scores,
            "anomaly": anomalous.astype(np.int64),
            "drive": [drive if flag else "" for drive, flag in zip(drives, anomalous, strict=True)],
        }
    )


def _row_in_cycle(cycle: NDArray[np.float64]) -> NDArray[np.int64]:
    rows = np.zeros(len(cycle), dtype=np.int64)
    for number in np.unique(cycle):
        places = np.flatnonzero(cycle == number)
        rows[places] = np.arange(len(places))
    return rows


def _drives(cycle: NDArray[np.float64], by_drive: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> list[str]:
    """Return one drive for each run of anomalous rows: the one with the largest sum of scores."""
    named = [""] * len(cycle)
    begins = np.flatnonzero(np.diff(cycle, prepend=np.nan) != 0.0)
    broken = np.diff(np.concatenate([[False], anomalous]).astype(np.int8)) != 0
    broken[begins] = True
    edges = [*np.flatnonzero(broken).tolist(), len(cycle)]
    for first, last in pairwise(edges):
        drive = DRIVES[int(by_drive[first:last].sum(axis=0).argmax())]
        named[first:last] = [drive] * (last - first)
    return named


def _labels(predictions: pa.Table, table: pa.Table, path: Path) -> NDArray[np.bool_]:
    """Return the label of each predicted row, matched by cycle and row in the cycle."""
    cycle = columns.numbers(table, "cycle", path)
    keys = zip(cycle.tolist(), _row_in_cycle(cycle).tolist(), strict=True)
    known = dict(zip(keys, (columns.numbers(table, "Labels", path) > 0.0).tolist(), strict=True))
    asked = zip(*(columns.numbers(predictions, name, "predictions").tolist() for name in ("cycle", "row")), strict=True)
    try:
        return np.array([known[cycle_number, int(row)] for cycle_number, row in asked], dtype=np.bool_)
    except KeyError as error:
        raise UnusableInputError(str(path), f"it lacks cycle and row {error}", "name the file they are of") from None


def _neighbours(truth: Sequence[Path]) -> list[Path]:
    """Return the file of fault locations that lies beside the labels, where no other truth was named."""
    if len(truth) != 1:
        return []
    name = truth[0].name.removesuffix(".gz").replace("anomalous", "derived_fault_location")
    beside = truth[0].with_name(name)
    return [beside] if name != truth[0].name and beside.exists() else []


def _drive_accuracy(predictions: pa.Table, locations: pa.Table) -> float:
    """Return the share of cycles with one changed drive where most anomalous rows name it; no alarm is wrong."""
    cycle = columns.numbers(predictions, "cycle", "predictions")
    anomalous = columns.numbers(predictions, "anomaly", "predictions") > 0.0
    drives = np.array([str(drive or "") for drive in predictions["drive"].to_pylist()])
    single = columns.numbers(locations, "drives_changed", "locations") == 1.0
    right = []
    cycles, expected = columns.numbers(locations, "cycle", "locations"), locations["drive_most_changed"].to_pylist()
    for number, drive in ((cycles[row], expected[row]) for row in np.flatnonzero(single)):
        named = drives[(cycle == number) & anomalous]
        names, counts = np.unique(named, return_counts=True)
        right.append(len(named) > 0 and names[counts.argmax()] == drive)
    return float(np.mean(right)) if right else float("nan")
