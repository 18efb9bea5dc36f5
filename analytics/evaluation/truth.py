"""The truth of a simulated run, for scoring alone: when faults began, failed and ended, and the life that was left."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analytics.errors import UnusableInputError


@dataclass(frozen=True, slots=True)
class Episode:
    """One appearance of a fault.

    Attributes:
        fault: its name.
        onset_ns: when it began.
        failed_ns: when it reached functional failure; None = it did not.
        ended_ns: when it was cured; None = it was not.
    """

    fault: str
    onset_ns: int
    failed_ns: int | None
    ended_ns: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The truth of a run.

    Attributes:
        seed: of the run.
        episodes: of all faults, in time.
        time_ns: int64[n], a row a minute.
        severity, remaining_h: float64[n] of each fault that appears.
    """

    seed: int
    episodes: tuple[Episode, ...]
    time_ns: NDArray[np.int64]
    severity: dict[str, NDArray[np.float64]]
    remaining_h: dict[str, NDArray[np.float64]]


def read_truth(folder: Path) -> Truth:
    """Read the truth of a run.

    Raises UnusableInputError where the folder has none.
    """
    try:
        told = json.loads((folder / "truth" / "truth.json").read_text(encoding="utf-8"))
        names = list(dict.fromkeys(each["name"] for each in told["faults"]))
        columns = ["time", *(f"severity.{name}" for name in names), *(f"remaining_h.{name}" for name in names)]
        table = pq.read_table(folder / "truth" / "truth.parquet", columns=columns)
    except OSError as error:
        raise UnusableInputError(str(folder), str(error), "score runs that were made without --no-truth") from error
    episodes = [
        Episode(each["name"], _instant(each["onset"]), _perhaps(each["functional_failure"]), _perhaps(each["ended"]))
        for each in told["faults"]
    ]
    return Truth(
        seed=int(told["seed"]),
        episodes=tuple(sorted(episodes, key=lambda each: each.onset_ns)),
        time_ns=table["time"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy(),
        severity={name: table[f"severity.{name}"].to_numpy() for name in names},
        remaining_h={name: table[f"remaining_h.{name}"].to_numpy() for name in names},
    )


def _instant(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e9)


def _perhaps(text: str | None) -> int | None:
    return None if text is None else _instant(text)
