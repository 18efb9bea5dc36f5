"""AI4I: failures of a milling machine, judged row by row."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.detection.cutting_failure import CuttingFailureClassifier
from analytics.errors import UnusableInputError

NAME = "ai4i"

_LABEL = "Machine failure"
_PARTS_OF_THE_LABEL = ("TWF", "HDF", "PWF", "OSF", "RNF")
_QUALITY = "Type"
_MEASURED = (
    *("Air temperature [K]", "Process temperature [K]", "Rotational speed [rpm]"),
    *("Torque [Nm]", "Tool wear [min]"),
)
_NEVER_READ = ("UDI", "Product ID", *_PARTS_OF_THE_LABEL)
_STRAIN_LIMIT_NM_MIN = {"L": 11_000.0, "M": 12_000.0, "H": 13_000.0}
"""By quality of the part (Matzka 2020)."""

_DEV = "ai4i/dev/ai4i_first8000.csv"
_TRAIN_ROWS = 6000


def split_by_time(data: Path, scratch: Path) -> None:
    """Cut the recording in two: what came first is learnt, what came later is judged."""
    table = columns.read(data / _DEV)
    columns.write(table.slice(0, _TRAIN_ROWS), scratch / "first.csv")
    columns.write(table.slice(_TRAIN_ROWS), scratch / "later.csv")


CASES = [
    Case(
        name="ai4i",
        predict=["--train", "{scratch}/first.csv", "--data", "{scratch}/later.csv"],
        truth=["{scratch}/later.csv"],
        comparisons=[
            Comparison("f1", classical="0.836 (rules, rows 8000 to 9999)"),
            Comparison("precision", at_least=0.98, classical="1.0 (rules)"),
            Comparison("recall"),
        ],
        prepare=split_by_time,
        conditions="learnt from rows 0 to 5999, judged on 6000 to 7999",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the learnt and the judged rows."""
    parser.add_argument("--train", type=Path, required=True, help="rows with 'Machine failure'")
    parser.add_argument("--data", type=Path, required=True, help="rows to judge")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return probability of a failure and the verdict of each row."""
    labels = columns.numbers(columns.read(arguments.train), _LABEL, arguments.train)
    model = CuttingFailureClassifier().fit(_read(arguments.train), labels.astype(np.int64))
    rows = _read(arguments.data)
    return _predictions(model.predict_proba(rows)[:, 1], model.predict(rows))


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return a failure on every row."""
    ones = np.ones(len(_read(arguments.data)))
    return _predictions(ones, ones.astype(np.int64))


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return F1, precision and recall of the failures."""
    if len(truth) != 1:
        raise UnusableInputError("ai4i", f"{len(truth)} truth files", "name one: --truth FILE")
    failed = columns.numbers(columns.read(truth[0]), _LABEL, truth[0]) > 0.0
    rows = columns.numbers(predictions, "row", "predictions").astype(np.int64)
    if len(rows) != len(failed) or not np.array_equal(np.sort(rows), np.arange(len(failed))):
        raise UnusableInputError("predictions", f"{len(rows)} rows", f"the truth has {len(failed)}, from row 0")
    told = columns.numbers(predictions, "failure", "predictions") > 0.0
    hits = int((told & failed[rows]).sum())
    precision, recall = _share(hits, int(told.sum())), _share(hits, int(failed.sum()))
    return {"f1": _share(2 * hits, int(told.sum()) + int(failed.sum())), "precision": precision, "recall": recall}


def _read(path: Path) -> NDArray[np.float64]:
    table = columns.read(path)
    columns.require(table, [_QUALITY, *_MEASURED], path)
    columns.only(table, [_QUALITY, *_MEASURED, _LABEL, *_NEVER_READ], path)
    qualities = columns.texts(table, _QUALITY, path)
    unknown = sorted(set(qualities) - set(_STRAIN_LIMIT_NM_MIN))
    if unknown:
        raise UnusableInputError(str(path), f"{_QUALITY} {unknown[0]!r} is unknown", "known are L, M and H")
    limits = np.array([_STRAIN_LIMIT_NM_MIN[quality] for quality in qualities])
    return np.column_stack([columns.matrix(table, _MEASURED, path), limits])


def _predictions(probability: NDArray[np.float64], failure: NDArray[np.int64]) -> pa.Table:
    return columns.table({"row": np.arange(len(failure)), "probability": probability, "failure": failure})


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
