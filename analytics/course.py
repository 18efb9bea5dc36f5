"""How the condition of a plant went over a window: the averaged deviation of every indicator, and suspected sensors."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.features.expectation import Floats
from analytics.features.process import Mask
from analytics.machines import Machine
from analytics.validation import Suspicion


class Track(NamedTuple):
    """One indicator over n rows of a window.

    Attributes:
        deviation: float64[n], averaged deviation; the last known one where the indicator did not count; NaN = unknown.
        counted: bool[n], rows in which it counted.
        limit: deviation that is abnormal.
    """

    deviation: Floats
    counted: Mask
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class UnitCourse:
    """One work unit over n rows of a window.

    Attributes:
        machine: which.
        tracks: by indicator.
        suspicions: of its sensors, by signal.
        unknown: why indicators are unknown, for people; by indicator.
        duty: bool[n], rows in which its parts wore.
    """

    machine: Machine
    tracks: dict[str, Track]
    suspicions: dict[str, list[Suspicion]]
    unknown: dict[str, str]
    duty: Mask

    def scores(self, row: int) -> dict[str, float]:
        """Averaged deviations of one row in multiples of their limits, signed; NaN = unknown."""
        return {name: float(track.deviation[row]) / track.limit for name, track in self.tracks.items()}

    def alarm_scores(self) -> Floats:
        """Distance from normal of every row in multiples of the limit, float64[n]; NaN where nothing is known."""
        best: Floats | None = None
        for indicator in self.machine.indicators:
            track = self.tracks.get(indicator.name)
            if track is None or not indicator.alarm:
                continue
            score = track.deviation / track.limit
            if indicator.one_sided:
                score = np.maximum(
                    score if indicator.one_sided == "up" else -score, np.where(np.isnan(score), np.nan, 0.0)
                )
            score = np.abs(score)
            best = score if best is None else np.fmax(best, score)
        return best if best is not None else np.full(len(self.duty), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A plant over n rows of a window; `time_ns` is int64[n]."""

    time_ns: NDArray[np.int64]
    step_s: float
    units: dict[str, UnitCourse]
