"""What each drive of a cyclic machine should do at this moment of its cycle, learnt from normal cycles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from analytics.errors import NotEnoughDataError, UnusableInputError

Floats = NDArray[np.float64]

CHANNELS = ("position", "voltage", "power")
"""Columns of each drive, in this order."""

_LEAST_CYCLES = 5
_LEAST_NEIGHBOURS = 10
_CLIP = 4.0
"""A single row counts as at most so many spreads, so that one sample at the edge of a step is not a fault."""
_FLOOR = 0.05
"""A spread is at least this share of the channel's standard deviation: what no cycle showed may still be harmless."""
_NORMAL_80 = 2.563
"""Standard deviations between the 10th and the 90th percentile of a normal distribution."""
_ONE_ROW_OF_MANY = 0.99
_LEAST_UNIT = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Cycles:
    """Rows of complete or broken-off cycles, each in order of time.

    Attributes:
        cycle: int64[n], number of the cycle of a row; rows of one cycle stand together.
        time_s: float64[n], since the beginning of the cycle.
        values: float64[n, drives, 3], see CHANNELS, in any units.
    """

    cycle: NDArray[np.int64]
    time_s: Floats
    values: Floats

    @classmethod
    def of(cls, X: Floats) -> "Cycles":  # noqa: N803
        """Read rows of (cycle, time_s, then position, voltage and power of each drive)."""
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] < 5 or (rows.shape[1] - 2) % 3:
            expected = "expected rows of cycle, time_s, then position, voltage, power of each drive"
            raise UnusableInputError("cycle twin", f"an array of shape {rows.shape}", expected)
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            raise UnusableInputError("cycle twin", f"row {row} lacks a value", "every row needs all of them")
        return cls(rows[:, 0].astype(np.int64), rows[:, 1], rows[:, 2:].reshape(len(rows), (rows.shape[1] - 2) // 3, 3))

    def parts(self) -> list[slice]:
        """Return the rows of each cycle."""
        edges = np.flatnonzero(np.diff(self.cycle)) + 1
        return [slice(a, b) for a, b in zip([0, *edges], [*edges, len(self.cycle)], strict=True) if b > a]

    def velocity(self) -> Floats:
        """Return the velocity of each drive, float64[n, drives], position units a second, by central differences."""
        found = np.zeros(self.values.shape[:2])
        for rows in self.parts():
            time, position = self.time_s[rows], self.values[rows, :, 0]
            if len(time) > 1:
                after, before = (
                    np.minimum(np.arange(len(time)) + 1, len(time) - 1),
                    np.maximum(np.arange(len(time)) - 1, 0),
                )
                elapsed = np.maximum(time[after] - time[before], 1e-3)
                found[rows] = (position[after] - position[before]) / elapsed[:, None]
        return found


class CycleTwinScorer(BaseEstimator):
    """Compares every drive with what normal cycles did at the same moment, position, velocity and voltage.

    Position is expected from the moment in the cycle; voltage from moment, position and velocity; power from all
    these: each as the median over the most similar rows of normal cycles, with their spread. The deviations keep their
    sign and are averaged over a few rows, so that noise and jitter of the controller cancel out and friction, which
    points one way for a second, adds up. Each channel is scaled by what normal cycles show against the other normal
    cycles (leave one cycle out), so that 1 is what a normal row exceeds once in a hundred.

    Args:
        similar_s: rows so many seconds apart are as different as rows of other position by `similar_position`.
        similar_position: share of a drive's travel.
        similar_speed: share of a drive's speed, and of its voltage.
        neighbours_share: similar rows that are looked at, as a share of the number of normal cycles.
        averaged_rows: rows before and after that are averaged, one or more; short faults show in the short average,
            weak ones in the long one, and the mean of both counts.
    """

    def __init__(
        self,
        similar_s: float = 0.3,
        similar_position: float = 0.02,
        similar_speed: float = 0.1,
        *,
        neighbours_share: float = 0.6,
        averaged_rows: Sequence[int] = (4, 8),
    ) -> None:
        self.similar_s = similar_s
        self.similar_position = similar_position
        self.similar_speed = similar_speed
        self.neighbours_share = neighbours_share
        self.averaged_rows = averaged_rows

    def fit(self, X: Floats, y: object = None) -> Self:  # noqa: N803, ARG002
        """Learn from float64[n, 2 + 3 drives], rows of normal cycles: see `Cycles.of`.

        Raises:
            NotEnoughDataError: fewer than five cycles.
        """
        normal = Cycles.of(X)
        count = len(np.unique(normal.cycle))
        if count < _LEAST_CYCLES:
            raise NotEnoughDataError("cycle twin", f"{count} normal cycles", f"at least {_LEAST_CYCLES} are needed")
        self.n_features_in_ = 2 + 3 * normal.values.shape[1]
        self.neighbours_ = max(_LEAST_NEIGHBOURS, round(self.neighbours_share * count))
        velocity = normal.velocity()
        self.travel_ = _positive(np.ptp(normal.values[:, :, 0], axis=0))
        self.speed_ = _positive(np.percentile(np.abs(velocity), 99.0, axis=0))
        self.voltage_ = _positive(np.percentile(np.abs(normal.values[:, :, 1]), 99.0, axis=0))
        self.floor_ = _positive(_FLOOR * normal.values.std(axis=0))
        self.cycle_, self.contexts_, self.learnt_ = normal.cycle, self._contexts(normal), normal.values
        averaged = self._averaged(normal, self._deviations(normal, left_out=True))
        unit = np.quantile(averaged, _ONE_ROW_OF_MANY, axis=1)
        # A channel that normal cycles never moved must not shout at the first step of its resolution.
        self.unit_ = np.maximum(unit, _LEAST_UNIT * unit.mean(axis=(1, 2), keepdims=True))
        return self

    def channel_scores(self, X: Floats) -> Floats:  # noqa: N803
        """Return float64[n, drives, 3], see CHANNELS: 1 is what a normal row exceeds once in a hundred."""
        check_is_fitted(self)
        cycles = Cycles.of(X)
        if 2 + 3 * cycles.values.shape[1] != self.n_features_in_:
            expected = f"expected {self.n_features_in_} columns, as learnt"
            raise UnusableInputError("cycle twin", f"{2 + 3 * cycles.values.shape[1]} columns", expected)
        averaged = self._averaged(cycles, self._deviations(cycles, left_out=False))
        scores: Floats = (averaged / self.unit_[:, None]).mean(axis=0)
        return scores

    def score_samples(self, X: Floats) -> Floats:  # noqa: N803
        """Return the score of the most conspicuous channel of each row, float64[n]."""
        scores: Floats = self.channel_scores(X).max(axis=(1, 2))
        return scores

    def _contexts(self, cycles: Cycles) -> Floats:
        """Return float64[n, drives, 4]: moment, position, velocity and voltage in units of similarity."""
        moment = np.broadcast_to((cycles.time_s / self.similar_s)[:, None], cycles.values.shape[:2])
        position = cycles.values[:, :, 0] / (self.similar_position * self.travel_)
        velocity = cycles.velocity() / (self.similar_speed * self.speed_)
        voltage = cycles.values[:, :, 1] / (self.similar_speed * self.voltage_)
        return np.stack([moment, position, velocity, voltage], axis=2)

    def _deviations(self, cycles: Cycles, *, left_out: bool) -> Floats:
        """Return float64[n, drives, 3] in spreads; `left_out` compares learnt cycles with the others only."""
        contexts = self._contexts(cycles)
        found = np.zeros(cycles.values.shape)
        known = self.neighbours_ * (2 if left_out else 1)
        for drive in range(cycles.values.shape[1]):
            for channel, needed in enumerate((1, 3, 4)):
                tree = cKDTree(self.contexts_[:, drive, :needed])
                _, nearest = tree.query(contexts[:, drive, :needed], k=min(known, len(self.cycle_)))
                values = self.learnt_[nearest, drive, channel]
                if left_out:
                    values = np.where(self.cycle_[nearest] == cycles.cycle[:, None], np.nan, values)
                low, middle, high = _deciles(values)
                spread = np.hypot((high - low) / _NORMAL_80, self.floor_[drive, channel])
                found[:, drive, channel] = (cycles.values[:, drive, channel] - middle) / spread
        return np.clip(found, -_CLIP, _CLIP)

    def _averaged(self, cycles: Cycles, deviations: Floats) -> Floats:
        """Return float64[averages, n, drives, 3]: absolute values of centred means within each cycle."""
        found = np.empty((len(self.averaged_rows), *deviations.shape))
        for index, reach in enumerate(self.averaged_rows):
            for rows in cycles.parts():
                part = deviations[rows]
                sums = np.concatenate([np.zeros((1, *part.shape[1:])), np.cumsum(part, axis=0)])
                first = np.maximum(np.arange(len(part)) - reach, 0)
                last = np.minimum(np.arange(len(part)) + reach + 1, len(part))
                found[index, rows] = np.abs(sums[last] - sums[first]) / (last - first)[:, None, None]
        return found


def _deciles(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the 10th, 50th and 90th percentile of each row, NaN left out (NumPy's own is fifty times slower)."""
    ordered = np.sort(values, axis=1)  # NaN goes last
    last = np.maximum(np.isfinite(ordered).sum(axis=1) - 1, 0)
    rows = np.arange(len(ordered))
    low, middle, high = (ordered[rows, np.rint(share * last).astype(np.intp)] for share in (0.1, 0.5, 0.9))
    return low, middle, high


def _positive(values: Floats) -> Floats:
    return np.where(values > 0.0, values, 1.0)


def example() -> tuple[CycleTwinScorer, Floats, None]:
    """Return an untrained scorer and ten cycles of one drive that moves there and back."""
    random = np.random.default_rng(0)
    cycles = []
    for cycle in range(10):
        time = np.arange(0.0, 6.0, 0.1)
        position = 100.0 * np.sin(np.pi * time / 6.0) + random.normal(0.0, 0.5, len(time))
        voltage = 50.0 * np.cos(np.pi * time / 6.0)
        power = np.abs(voltage) * 20.0 + random.normal(0.0, 10.0, len(time))
        cycles.append(np.column_stack([np.full(len(time), float(cycle)), time, position, voltage, power]))
    return CycleTwinScorer(), np.concatenate(cycles), None
