"""FEMTO bearings run to failure: one alarm for each bearing, from what was measured before it."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.errors import UnusableInputError
from analytics.prognosis.onset import Onset, OnsetRule

NAME = "femto"

_SNAPSHOT_S = 10.0
_LEAD_S = 60.0
_LEVEL = "h_rms"
"""The bearing is loaded horizontally; the vertical level already rises by far in the first half of some lives."""

CASES = [
    Case(
        name="femto",
        predict=["--data", "{data}/femto/dev/femto_learning_features.csv.gz"],
        truth=["{data}/femto/dev/femto_learning_features.csv.gz"],
        comparisons=[
            Comparison("useful", "of 6", at_least=5.0, classical="12 of 17 on all bearings"),
            Comparison("early", "of 6", at_most=0.0, classical="2 of 17 on all bearings"),
            Comparison("late", "of 6"),
            Comparison("never", "of 6"),
        ],
        conditions="6 learning bearings; the target for all 17 is 14 useful and at most 1 early",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file."""
    parser.add_argument("--data", type=Path, required=True, help=f"columns: bearing, snapshot, {_LEVEL}")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the snapshot at which each bearing's damage has begun to run, and its level in multiples of normal."""
    rule = OnsetRule()
    return _alarms([(bearing, snapshots, rule.find(level)) for bearing, snapshots, level in _bearings(arguments.data)])


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return an alarm at the first level above mean and three standard deviations of the first ten minutes."""
    found = []
    for bearing, snapshots, level in _bearings(arguments.data):
        limit = float(np.nanmean(level[:60]) + 3.0 * np.nanstd(level[:60]))
        places = np.flatnonzero(level[60:] > limit)
        onset = Onset(60 + int(places[0]), float(level[60 + places[0]] / limit)) if places.size else None
        found.append((bearing, snapshots, onset))
    return _alarms(found)


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return how many bearings got a useful alarm: in the second half of life, and a minute or more before its end."""
    if len(truth) != 1:
        raise UnusableInputError("--truth", f"{len(truth)} files", "expected the file of the features")
    columns.require(predictions, ["severity"], "predictions")
    bearings = columns.texts(predictions, "bearing", "predictions")
    alarms = dict(zip(bearings, columns.numbers(predictions, "alarm_snapshot", "predictions").tolist(), strict=True))
    counts = {"useful": 0, "early": 0, "late": 0, "never": 0}
    lives = {bearing: snapshots for bearing, snapshots, _ in _bearings(truth[0])}
    if lives.keys() != alarms.keys():
        odd = sorted(lives.keys() ^ alarms.keys())
        raise UnusableInputError(
            "predictions", f"bearing {odd[0]!r} is only in one of the two files", f"see {truth[0]}"
        )
    for bearing, snapshots in lives.items():
        first, last = float(snapshots[0]), float(snapshots[-1])
        alarm = alarms[bearing]
        if np.isnan(alarm):
            counts["never"] += 1
        elif alarm < (first + last) / 2.0:
            counts["early"] += 1
        else:
            counts["useful" if (last - alarm) * _SNAPSHOT_S >= _LEAD_S else "late"] += 1
    return {name: float(count) for name, count in counts.items()}


def _alarms(found: Sequence[tuple[str, NDArray[np.int64], Onset | None]]) -> pa.Table:
    return columns.table(
        {
            "bearing": [bearing for bearing, _, _ in found],
            "alarm_snapshot": [None if onset is None else int(snapshots[onset.place]) for _, snapshots, onset in found],
            "severity": [None if onset is None else onset.ratio for _, _, onset in found],
        }
    )


def _bearings(path: Path) -> Iterator[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
    """Return name, snapshot numbers and levels of each bearing, in order of time."""
    table = columns.read(path, texts=["bearing"])
    names = np.array(columns.texts(table, "bearing", path), dtype=str)
    snapshots, levels = (columns.numbers(table, name, path) for name in ("snapshot", _LEVEL))
    for name in dict.fromkeys(names.tolist()):
        rows = np.flatnonzero(names == name)
        ordered = rows[np.argsort(snapshots[rows], kind="stable")]
        yield name, snapshots[ordered].astype(np.int64), levels[ordered]
