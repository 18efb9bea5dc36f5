"""CWRU bearings, leave one fault size out: learnt from the other sizes, so from other bearings."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from analytics.benchmarks import bearing_recordings as bearings
from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.diagnosis.bearing_windows import NORMAL, BearingDiagnoser, Verdict
from analytics.features.bearing import ORDERS_6205

NAME = "cwru-cv"

CASES = [
    Case(
        name="cwru-cv",
        predict=["--data", "{data}/cwru/dev"],
        truth=["{data}/cwru/dev/index.csv"],
        comparisons=[
            Comparison(
                "accuracy",
                at_least=0.82,
                classical="0.747 (envelope orders), 0.23 (time and frequency features)",
                published="0.998 with windows of one bearing in training and test, which is leakage",
            ),
            Comparison("accuracy_answered"),
            Comparison("share_answered"),
        ],
        conditions="leave one fault size out; windows of 0.5 s at 12 kHz",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder."""
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and one .npz of waveforms")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the label of each window, learnt without the recordings of its fault size.

    Recordings without damage have no size: they are the baseline of every fold. Each of them is judged with a
    baseline from the others.
    """
    place = arguments.data / "index.csv"
    index = bearings.read_index(arguments.data)
    sizes, faults = (columns.texts(index, name, place) for name in ("fault_mil", "fault"))
    measured = list(bearings.recordings(arguments.data, index, ORDERS_6205))
    found: dict[str, list[tuple[str, int, Verdict]]] = {}
    for judged, known in _folds(columns.texts(index, "key", place), faults, sizes):
        diagnoser = BearingDiagnoser()
        diagnoser.learn(
            [window for row in known for window in measured[row].windows],
            [faults[row] for row in known for _ in measured[row].windows],
        )
        for recording in (measured[row] for row in judged):
            verdicts = ((number, diagnoser.judge(window)) for number, window in enumerate(recording.windows))
            found[recording.key] = [(recording.key, number, verdict) for number, verdict in verdicts]
    ordered = [verdict for recording in measured for verdict in found[recording.key]]
    folds = [size for recording, size in zip(measured, sizes, strict=True) for _ in recording.windows]
    return bearings.as_table(ordered, fold=folds)


def _folds(keys: Sequence[str], faults: Sequence[str], sizes: Sequence[str]) -> list[tuple[list[int], list[int]]]:
    """Rows that are judged and rows that are learnt from."""
    healthy = [row for row, fault in enumerate(faults) if fault == NORMAL]
    damaged = [row for row, fault in enumerate(faults) if fault != NORMAL]
    folds = []
    for size in sorted({sizes[row] for row in damaged}):
        others = [row for row in damaged if sizes[row] != size]
        folds.append(([row for row in damaged if sizes[row] == size], others + healthy))
    folds += [([row], damaged + [other for other in healthy if keys[other] != keys[row]]) for row in healthy]
    return folds


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return the outer race, which breaks most often, for every window."""
    index = bearings.read_index(arguments.data)
    sizes = columns.texts(index, "fault_mil", arguments.data / "index.csv")
    measured = list(bearings.recordings(arguments.data, index, ORDERS_6205))
    found = [(each.key, number, Verdict("outer", 1.0)) for each in measured for number, _ in enumerate(each.windows)]
    folds = [size for recording, size in zip(measured, sizes, strict=True) for _ in recording.windows]
    return bearings.as_table(found, fold=folds)


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return shares of windows that are labelled right."""
    return bearings.score(predictions, truth)
