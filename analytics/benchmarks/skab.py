"""SKAB: faults of a water circulation rig, judged row by row from the level of eight signals."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.detection.level_shift import LevelShiftScorer
from analytics.errors import NotEnoughDataError, UnusableInputError

NAME = "skab"


@dataclass(frozen=True, slots=True)
class Signal:
    """What a change of a signal means on this rig.

    Attributes:
        tolerance: change of level without meaning, as a share of the level.
        rise, fall: weight of a rise and of a fall, 0 to 1.
    """

    tolerance: float
    rise: float
    fall: float


# A fault takes flow away and adds vibration; the other way round it is half as likely one. Heat and temperature follow
# the room and the duty for hours, so only a marked rise counts. What the supply does says little of the rig.
SIGNALS = {
    "Volume Flow RateRMS": Signal(0.01, 0.5, 1.0),
    "Accelerometer1RMS": Signal(0.03, 1.0, 0.5),
    "Accelerometer2RMS": Signal(0.03, 1.0, 0.5),
    "Temperature": Signal(0.03, 1.0, 0.0),
    "Thermocouple": Signal(0.03, 1.0, 0.0),
    "Current": Signal(0.1, 0.5, 0.5),
    "Pressure": Signal(0.1, 0.5, 0.5),
    "Voltage": Signal(0.1, 0.5, 0.5),
}
_NEVER_READ = (
    *("anomaly", "changepoint", "label", "fault", "fault_free"),
    *("datetime", "timestamp", "row", "experiment", "stream", "source"),
)

_LIMIT = 0.9
_LIMIT_FACTORS = (1.0, 1.1, 1.2, 1.3, 1.4, 1.5)
_ALARMED_WHILE_NORMAL = 0.08
"""Share of a fault-free run that may be alarmed before the limit is raised."""
_JUDGED_PIECE = 350

_WINDOW_ROWS = 60
_NAB_FALSE_POSITIVE = 0.11
"""Weight of NAB's standard profile (Lavin and Ahmad 2015); the windows are those of SKAB's evaluation."""

_FILE = "{data}/skab/dev/skab_dev.csv.gz"
_NORMAL = "{data}/skab/dev/anomaly_free_dev.csv.gz"
_STREAMS = "{scratch}/streams.csv"


def cut_streams(data: Path, scratch: Path) -> None:
    """Cut the recordings into streams of 250 fault-free and 350 judged rows; every fifteenth has no fault."""
    recordings = columns.read(data / "skab/dev/skab_dev.csv.gz", texts=["datetime", "experiment"])
    normal = columns.read(data / "skab/dev/anomaly_free_dev.csv.gz", texts=["datetime"])
    anomalous = columns.numbers(recordings, "anomaly", data) > 0.0
    pieces = []
    for name, rows in _groups(columns.texts(recordings, "experiment", data)).items():
        onset = int(np.flatnonzero(anomalous[rows])[0])
        for lead in (80, 200):
            piece = recordings.slice(int(rows[0]) + onset - 250 - lead, 600).drop_columns(["experiment"])
            pieces.append(piece.append_column("stream", pa.array([f"{name} {lead}"] * piece.num_rows)))
    for first in range(0, normal.num_rows - 599, 600):
        piece = normal.slice(first, 600)
        for column in ("anomaly", "changepoint"):
            piece = piece.append_column(column, pa.array(np.zeros(600)))
        pieces.append(piece.append_column("stream", pa.array([f"normal {first}"] * 600)))
    names = pieces[0].column_names
    columns.write(pa.concat_tables([piece.select(names) for piece in pieces]), scratch / "streams.csv")


CASES = [
    Case(
        name="skab",
        predict=["--data", _FILE, "--group", "experiment", "--train-rows", "400", "--normal", _NORMAL],
        truth=[_FILE],
        comparisons=[
            Comparison("f1", at_least=0.85, classical="0.822 (EWMA-Mahalanobis)", published="0.78 (leaderboard)"),
            Comparison("far"),
            Comparison("mar"),
            Comparison("median_delay_s", "s", at_most=30.0),
        ],
        conditions="17 experiments, the first 400 rows of each taken as fault-free",
    ),
    Case(
        name="skab streams",
        predict=["--data", _STREAMS, "--group", "stream", "--train-rows", "250", "--normal", _NORMAL],
        truth=[_STREAMS],
        comparisons=[
            Comparison("f1"),
            Comparison("fault_free_alarmed", at_most=0.08, classical="0.38 to 0.54 (most methods)"),
            Comparison("median_delay_s", "s", at_most=30.0),
        ],
        prepare=cut_streams,
        conditions="34 streams with a fault and 10 without, 250 rows taken as fault-free and 350 judged",
    ),
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the recording and how to read it."""
    parser.add_argument("--data", type=Path, required=True, help="rows of all groups, each in order of time")
    parser.add_argument("--group", required=True, help="column that names the group of a row: experiment, stream")
    parser.add_argument("--train-rows", type=int, required=True, help="first rows of each group, taken as fault-free")
    parser.add_argument("--normal", type=Path, help="a fault-free run: raises the limit if it alarms too often")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return score and anomaly of every row after the training rows, group by group."""
    data, names, groups = _read(arguments)
    limit = _LIMIT
    if arguments.normal is not None:
        normal = columns.read(arguments.normal)
        limit = _limit_from(columns.matrix(normal, names, arguments.normal), names, arguments.train_rows)
    scores = {}
    for group, rows in groups.items():
        training, judged = np.split(data[rows], [arguments.train_rows])
        try:
            scores[group] = _scorer(names, limit).fit(training).score_samples(judged)
        except NotEnoughDataError as error:
            raise NotEnoughDataError(f"{arguments.data}, {arguments.group} {group}", str(error), error.remedy) from None
    return _predictions(scores, arguments.train_rows)


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return an alarm on every row."""
    _, _, groups = _read(arguments)
    ones = {group: np.ones(max(0, len(rows) - arguments.train_rows)) for group, rows in groups.items()}
    return _predictions(ones, arguments.train_rows)


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return F1, false and missed alarms over all rows, NAB, and the alarmed time of groups without a fault."""
    if len(truth) != 1:
        raise UnusableInputError("skab", f"{len(truth)} truth files", "name one: --truth FILE")
    judged = list(_judged(predictions, truth[0]))
    alarms = np.concatenate([group.alarms for group in judged])
    faults = np.concatenate([group.faults for group in judged])
    hits, false, missed = int((alarms & faults).sum()), int((alarms & ~faults).sum()), int((~alarms & faults).sum())
    free = [float(group.alarms.mean()) for group in judged if not group.faults.any()]
    delays = [delay for group in judged for delay in group.delays()]
    return {
        "f1": _share(2 * hits, 2 * hits + false + missed),
        "far": _share(false, int((~faults).sum())),
        "mar": _share(missed, int(faults.sum())),
        "nab_standard": _nab(judged),
        "fault_free_alarmed": float(np.mean(free)) if free else float("nan"),
        "median_delay_s": median(delays) if delays else float("nan"),
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Judged rows of one group: bool[n] each."""

    alarms: NDArray[np.bool_]
    faults: NDArray[np.bool_]
    changes: NDArray[np.bool_]

    def delays(self) -> list[float]:
        """Return rows (seconds at 1 Hz) to the first alarm within each fault, infinite where there is none."""
        found = []
        for first, last in _edges(self.faults).reshape(-1, 2):
            alarmed = np.flatnonzero(self.alarms[first:last])
            found.append(float(alarmed[0]) if len(alarmed) else float("inf"))
        return found


def _read(arguments: argparse.Namespace) -> tuple[NDArray[np.float64], list[str], Mapping[str, NDArray[np.intp]]]:
    table = columns.read(arguments.data, texts=[arguments.group])
    columns.require(table, [arguments.group], arguments.data)
    columns.only(table, [*SIGNALS, *_NEVER_READ, arguments.group], arguments.data)
    names = [name for name in SIGNALS if name in table.column_names]
    if not names:
        raise UnusableInputError(str(arguments.data), "no signal column", f"any of these is needed: {list(SIGNALS)}")
    groups = _groups(columns.texts(table, arguments.group, arguments.data))
    return columns.matrix(table, names, arguments.data), names, groups


def _groups(keys: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    names, places = np.unique(np.asarray(keys, dtype=object), return_inverse=True)
    first_seen = sorted(range(len(names)), key=lambda group: int((places == group).argmax()))
    return {str(names[group]): np.flatnonzero(places == group) for group in first_seen}


def _scorer(names: Sequence[str], limit: float) -> LevelShiftScorer:
    signals = [SIGNALS[name] for name in names]
    return LevelShiftScorer(
        tolerance=[signal.tolerance for signal in signals],
        rise=[signal.rise for signal in signals],
        fall=[signal.fall for signal in signals],
        limit=limit,
    )


def _limit_from(normal: NDArray[np.float64], names: Sequence[str], train_rows: int) -> float:
    """Return the lowest limit at which a fault-free run, cut into pieces, is alarmed seldom enough."""
    length = train_rows + _JUDGED_PIECE
    pieces = [normal[first : first + length] for first in range(0, len(normal) - length + 1, length)]
    if not pieces:
        return _LIMIT
    for factor in _LIMIT_FACTORS:
        limit = _LIMIT * factor
        scores = [_scorer(names, limit).fit(rows[:train_rows]).score_samples(rows[train_rows:]) for rows in pieces]
        if np.mean(np.concatenate(scores) >= 1.0) <= _ALARMED_WHILE_NORMAL:
            return limit
    return _LIMIT * _LIMIT_FACTORS[-1]


def _predictions(scores: Mapping[str, NDArray[np.float64]], train_rows: int) -> pa.Table:
    values = np.concatenate(list(scores.values())) if scores else np.empty(0)
    return columns.table(
        {
            "group": [group for group, rows in scores.items() for _ in rows],
            "row": [train_rows + row for rows in scores.values() for row in range(len(rows))],
            "score": values,
            "anomaly": (values >= 1.0).astype(np.int64),
        }
    )


def _judged(predictions: pa.Table, truth: Path) -> Iterator[_Group]:
    """Yield prediction and truth of each group, matched by group and row."""
    columns.require(predictions, ["group", "row", "score", "anomaly"], "predictions")
    predicted = _groups(columns.texts(predictions, "group", "predictions"))
    table = columns.read(truth)
    faults, changes = (columns.numbers(table, name, truth) > 0.0 for name in ("anomaly", "changepoint"))
    true = _truth_groups(table, predicted.keys(), truth)
    rows = columns.numbers(predictions, "row", "predictions").astype(np.int64)
    alarms = columns.numbers(predictions, "anomaly", "predictions") > 0.0
    for group, places in predicted.items():
        if rows[places].max() >= len(true[group]):
            raise UnusableInputError(str(truth), f"group {group} has {len(true[group])} rows", "predictions go beyond")
        matched = true[group][rows[places]]
        yield _Group(alarms[places], faults[matched], changes[matched])


def _truth_groups(table: pa.Table, wanted: AbstractSet[str], truth: Path) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each group by the column that holds all the groups of the predictions."""
    for name in table.column_names:
        if name not in SIGNALS and name not in ("anomaly", "changepoint", "datetime"):
            groups = _groups([str(value) for value in table[name].to_pylist()])
            if wanted <= groups.keys():
                return groups
    raise UnusableInputError(str(truth), "no column holds all groups of the predictions", "name the file they are of")


def _edges(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return where runs begin and where they have ended, in turn."""
    return np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))


def _nab(groups: Sequence[_Group]) -> float:
    """Return NAB's standard score, 0 to 100 where 0 is no detection and 100 each at once.

    A change of the alarm, on or off, is the detection of a change point; it counts in a window of 60 s after one.
    """
    score, windows = 0.0, 0
    for group in groups:
        detections = _edges(group.alarms)
        detections = detections[detections < len(group.alarms)]
        free = np.ones(len(detections), dtype=bool)
        for change in np.flatnonzero(group.changes):
            inside = (detections >= change) & (detections <= change + _WINDOW_ROWS)
            windows += 1
            free &= ~inside
            # NAB's scaled sigmoid: near 1 at the begin of the window, 0 at its end.
            lag = (detections[inside].min() - change) / _WINDOW_ROWS - 1.0 if inside.any() else np.nan
            score += 2.0 / (1.0 + np.exp(5.0 * lag)) - 1.0 if inside.any() else -1.0
        score -= _NAB_FALSE_POSITIVE * int(free.sum())
    return 100.0 * (score + windows) / (2.0 * windows) if windows else float("nan")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
