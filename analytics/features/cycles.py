"""Features of machines that are measured once a cycle until they fail: normalised by condition, fused, smoothed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from analytics.errors import NotEnoughDataError, UnusableInputError

FloatArray = NDArray[np.float64]

_HEALTHY_CYCLES = 125
"""More cycles before the end than this, nothing of the wear shows yet (Heimes, PHM 2008, and most work since)."""

_DEGRADED_CYCLES = 60
_LATE_CYCLES = 80
_LAST_CYCLES = 8
_DISTINCT = 1.5
"""A sensor counts if its smoothed value is so many times further off at the end than while healthy."""

_SPANS = (5, 10, 20, 40, 80)
_SLOPES = (15, 30, 60)
_FIRST_CYCLES = 20
_FUSED_SPAN = 10
_MODES = 2
_FEWEST_UNITS = 6
_MOST_CONDITIONS = 8
_TIGHT = 0.001
"""Part of the variance of the settings that may remain within conditions."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Cycles of several units, those of one unit together and in order of time.

    Attributes:
        unit: int64[n].
        settings: what the operator or the flight asks for, float64[n, s].
        sensors: float64[n, m].
    """

    unit: NDArray[np.int64]
    settings: FloatArray
    sensors: FloatArray

    def __post_init__(self) -> None:
        for name, values in (("settings", self.settings), ("sensors", self.sensors)):
            if values.ndim != 2 or len(values) != len(self.unit) or not bool(np.isfinite(values).all()):
                raise UnusableInputError(
                    f"{name} of runs", f"shape {values.shape}, or no numbers", f"expected {len(self.unit)} rows"
                )
        starts = self.unit[np.flatnonzero(np.diff(self.unit, prepend=self.unit[:1] - 1))]
        if len(starts) != len(set(starts.tolist())):
            raise UnusableInputError("runs", "rows of one unit lie apart", "sort them by unit and cycle")

    def slices(self) -> Iterator[slice]:
        """Return the rows of each unit."""
        starts = np.flatnonzero(np.diff(self.unit, prepend=self.unit[:1] - 1))
        for first, last in zip(starts, [*starts[1:], len(self.unit)], strict=True):
            yield slice(int(first), int(last))

    def remaining(self) -> FloatArray:
        """Return the cycles that follow each row, for units that ran to their end, float64[n]."""
        return np.concatenate(
            [np.arange(each.stop - each.start - 1, -1, -1, dtype=np.float64) for each in self.slices()]
        )


class CycleFeatures:
    """Turns the sensors of each cycle into what a regression on remaining life needs; causal within a unit.

    Each operating condition has its own normal: a sensor is compared with what it shows in that condition far from
    the end. Sensors that move with wear are then fused into a few signals (regressions on the remaining life, the
    main directions of wear, the direction of each of two ways to fail), because one fused signal carries less noise
    than any sensor. Features are the fused signals smoothed over several spans, their slopes, their change since the
    unit was first seen, and its age.
    """

    def fit(self, runs: Runs) -> Self:
        """Learn conditions, normals and fusion from units that ran to their end.

        Raises:
            NotEnoughDataError: too few units, or none that was seen healthy.
            UnusableInputError: no sensor changes towards the end.
        """
        remaining = runs.remaining()
        healthy = remaining > _HEALTHY_CYCLES
        units = len(list(runs.slices()))
        if units < _FEWEST_UNITS or not healthy.any():
            raise NotEnoughDataError(
                "remaining life",
                f"{units} units, {int(healthy.sum())} cycles more than {_HEALTHY_CYCLES} before the end",
                f"{_FEWEST_UNITS} units that ran to their end, some longer than {_HEALTHY_CYCLES} cycles, are needed",
            )
        self._setting_scale = np.maximum(np.abs(runs.settings).max(axis=0), 1e-12)
        self._conditions = _conditions(runs.settings / self._setting_scale)
        condition, count = self._conditions.labels_, self._conditions.n_clusters
        normals = [runs.sensors[healthy & (condition == each)] for each in range(count)]
        if min(len(rows) for rows in normals) == 0:
            raise NotEnoughDataError("remaining life", "a condition without healthy cycles", "record longer lives")
        self._normal = np.array([rows.mean(axis=0) for rows in normals])
        spread = np.array([rows.std(axis=0) for rows in normals])
        # A sensor that never moves in a condition says nothing there, so its deviation is made zero.
        self._spread = np.where(spread > 1e-9 * (np.abs(self._normal) + 1.0), spread, np.inf)
        self._kept = np.arange(runs.sensors.shape[1])
        deviation = self._deviations(runs)
        smooth = np.vstack([smoothed(deviation[each], _FUSED_SPAN) for each in runs.slices()])
        last, rest = (np.sqrt((smooth[rows] ** 2).mean(axis=0)) for rows in (remaining < _LAST_CYCLES, healthy))
        self._kept = np.flatnonzero(last > _DISTINCT * np.maximum(rest, 1e-9))
        if self._kept.size == 0:
            raise UnusableInputError(
                "remaining life", "no sensor changes before the end", "add sensors that wear moves"
            )
        self._fuse(smooth[:, self._kept], remaining)
        return self

    def transform(self, runs: Runs) -> FloatArray:
        """Return the features of each cycle from it and those before it, float64[n, f]."""
        fused = self._deviations(runs) @ self._weights + self._offset
        return np.vstack([_trends(fused[each]) for each in runs.slices()])

    def _deviations(self, runs: Runs) -> FloatArray:
        condition = self._conditions.predict(runs.settings / self._setting_scale)
        deviation = (runs.sensors - self._normal[condition]) / self._spread[condition]
        return np.asarray(deviation[:, self._kept], dtype=np.float64)

    def _fuse(self, smooth: FloatArray, remaining: FloatArray) -> None:
        whole = Ridge(10.0).fit(smooth, np.minimum(remaining, _HEALTHY_CYCLES))
        late = remaining < _LATE_CYCLES
        end = Ridge(10.0).fit(smooth[late], remaining[late])
        wear = PCA(min(3, smooth.shape[1])).fit(smooth[remaining < _DEGRADED_CYCLES])
        last = smooth[remaining < _LAST_CYCLES]
        directions = last / np.maximum(np.linalg.norm(last, axis=1, keepdims=True), 1e-9)
        modes = KMeans(_MODES, n_init=5, random_state=0).fit(directions).cluster_centers_
        columns = [whole.coef_ / 40.0, end.coef_ / 25.0, *wear.components_, *(modes / 2.0)]
        self._weights = np.column_stack(columns)
        self._offset = np.array([whole.intercept_ / 40.0, end.intercept_ / 25.0, *[0.0] * (len(columns) - 2)])


def _conditions(settings: FloatArray) -> KMeans:
    """Operating conditions where the settings form tight clusters; one where they only scatter about a value."""
    whole = KMeans(1, n_init=1).fit(settings)
    distinct = len(np.unique(settings, axis=0))
    for count in range(2, min(_MOST_CONDITIONS, distinct) + 1):
        found = KMeans(count, n_init=3, random_state=0).fit(settings)
        if found.inertia_ < _TIGHT * whole.inertia_:
            return found
    return whole


def _trends(fused: FloatArray) -> FloatArray:
    """Features of the cycles of one unit, float64[n, 10 k + 2] from float64[n, k]."""
    age = np.arange(1.0, len(fused) + 1.0)[:, np.newaxis]
    first = np.cumsum(fused[:_FIRST_CYCLES], axis=0) / age[:_FIRST_CYCLES]
    start = np.vstack([first, np.repeat(first[-1:], max(len(fused) - _FIRST_CYCLES, 0), axis=0)])
    smooth = {span: smoothed(fused, span) for span in _SPANS}
    slopes = [slope(fused, width) for width in _SLOPES]
    return np.hstack([*smooth.values(), smooth[20] - start, start, *slopes, np.log(age), age])


def smoothed(values: FloatArray, span: int) -> FloatArray:
    """Return the exponentially weighted mean of all rows so far, weight 2 / (span + 1), float64[n, k]."""
    weight = 2.0 / (span + 1.0)
    total = lfilter([weight], [1.0, weight - 1.0], values, axis=0)
    seen = 1.0 - (1.0 - weight) ** np.arange(1, len(values) + 1)
    return np.asarray(total / seen[:, np.newaxis], dtype=np.float64)


def slope(values: FloatArray, width: int) -> FloatArray:
    """Return the least-squares slope over the last `width` rows, float64[n, k].

    While there are fewer rows it is multiplied by the part of them that there is, because it is the less certain.
    """
    count = len(values)
    place = np.arange(count, dtype=np.float64)[:, np.newaxis]
    last = np.arange(1, count + 1)
    first = np.maximum(0, last - width)
    rows = (last - first)[:, np.newaxis].astype(np.float64)
    total, moment = (_running(each, first, last) for each in (values, place * values))
    middle = (last + first - 1)[:, np.newaxis] / 2.0
    spread = rows * (rows**2 - 1.0) / 12.0
    return (moment - middle * total) / np.maximum(spread, 1.0) * (rows / width)


def _running(values: FloatArray, first: NDArray[np.int64], last: NDArray[np.int64]) -> FloatArray:
    total = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    return np.asarray(total[last] - total[first], dtype=np.float64)
