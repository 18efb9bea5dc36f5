"""CWRU bearings: which part is damaged, in windows of half a second, from physics alone or learnt elsewhere."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from analytics.benchmarks import bearing_recordings as bearings
from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.diagnosis.bearing_windows import BearingDiagnoser, Verdict
from analytics.features.bearing import ORDERS_6205

NAME = "cwru"

_CLASSICAL = "0.747 (envelope orders)"
_PUBLISHED = "0.998 with windows of one bearing in training and test, which is leakage"

CASES = [
    Case(
        name="cwru physics only",
        predict=["--train", "none", "--data", "{data}/cwru/dev"],
        truth=["{data}/cwru/dev/index.csv"],
        comparisons=[
            Comparison("accuracy", at_least=0.82, classical=_CLASSICAL, published=_PUBLISHED),
            Comparison("accuracy_answered"),
            Comparison("share_answered"),
        ],
        conditions="nothing learnt, orders of the 6205; windows without damage count as wrong: there is no baseline",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folders and the orders of the bearing."""
    parser.add_argument("--train", required=True, help="folder with labelled recordings, or none: physics alone")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv and one .npz of waveforms")
    parser.add_argument(
        "--orders", type=bearings.parse_orders, default=ORDERS_6205, help="bpfi=,bpfo=,bsf=,ftf= (default: 6205)"
    )


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the label of each window; what is learnt comes from the training folder, whose bearing is a 6205."""
    diagnoser = BearingDiagnoser()
    if arguments.train != "none":
        folder = Path(arguments.train)
        index = bearings.read_index(folder)
        faults = columns.texts(index, "fault", folder / "index.csv")
        known = list(zip(bearings.recordings(folder, index, ORDERS_6205), faults, strict=True))
        diagnoser.learn(
            [window for recording, _ in known for window in recording.windows],
            [fault for recording, fault in known for _ in recording.windows],
        )
    found = [
        (recording.key, number, diagnoser.judge(window))
        for recording in bearings.recordings(arguments.data, bearings.read_index(arguments.data), arguments.orders)
        for number, window in enumerate(recording.windows)
    ]
    return bearings.as_table(found)


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return the outer race, which breaks most often, for every window."""
    found = [
        (recording.key, number, Verdict("outer", 1.0))
        for recording in bearings.recordings(arguments.data, bearings.read_index(arguments.data), arguments.orders)
        for number, _ in enumerate(recording.windows)
    ]
    return bearings.as_table(found)


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return shares of windows that are labelled right."""
    return bearings.score(predictions, truth)
