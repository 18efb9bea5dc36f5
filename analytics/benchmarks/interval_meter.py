"""Readings of an interval meter from CSV: `interval_start` in local time, `usage_kwh`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.errors import UnusableInputError

_TIME, _ENERGY = "interval_start", "usage_kwh"


def intervals(path: Path) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Return begin of each interval, datetime64[s][n], ascending, and its energy, float64[n] in kWh, NaN where missing.

    Raises:
        UnusableInputError: a column is missing, a time cannot be read, or the times do not rise.
    """
    table = columns.read(path, texts=[_TIME])
    written = columns.texts(table, _TIME, path)
    try:
        start = np.array(written, dtype="datetime64[s]")
    except ValueError as error:
        raise UnusableInputError(
            f"{path}, column {_TIME!r}", str(error), "expected local times like 2018-01-01 00:15:00"
        ) from None
    back = np.flatnonzero(np.diff(start) <= np.timedelta64(0, "s"))
    if len(back):
        row = int(back[0]) + 1
        raise UnusableInputError(
            f"{path}, row {row}", f"{written[row]} follows {written[row - 1]}", "sort the rows, each time once"
        )
    return start, columns.numbers(table, _ENERGY, path)


def hourly(path: Path) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """Return the hours, datetime64[h][n], and their energy, float64[n] in kWh; NaN where an interval is missing."""
    start, energy = intervals(path)
    hours, number, count = np.unique(start.astype("datetime64[h]"), return_inverse=True, return_counts=True)
    total = np.bincount(number, energy).astype(np.float64)
    total[count < np.max(count)] = np.nan
    return hours, total


def cut_in_time(recording: str, at: str) -> Callable[[Path, Path], None]:
    """Return what writes the rows before and from a time on as `train.csv` and `data.csv` of a scratch folder.

    Args:
        recording: file below the folder of the recordings.
        at: first local time of the second file, as the recording writes it.
    """

    def prepare(data: Path, scratch: Path) -> None:
        path = data / recording
        table = columns.read(path, texts=[_TIME])
        first = sum(text < at for text in columns.texts(table, _TIME, path))
        columns.write(table.slice(0, first), scratch / "train.csv")
        columns.write(table.slice(first), scratch / "data.csv")

    return prepare
