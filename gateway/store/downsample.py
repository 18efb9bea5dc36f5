"""Arithmetic of down-sampling: rows to buckets, and buckets to wider buckets. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Buckets, Kind, Samples
from gateway.store.rollup import BucketPlan

GOOD_QUALITIES = (int(Quality.UNCERTAIN), int(Quality.GOOD))


@dataclass(frozen=True, slots=True, eq=False)
class Partials:
    """Parts of buckets of one series, in any order; several may fall into one bucket.

    Attributes:
        start_ns: int64[n], any time within the bucket.
        minimum, maximum, total: float64[n] over numeric values of good quality; NaN, NaN, 0 where there is none.
        numbers: int64[n], count of those values.
        count: int64[n], rows of good quality, texts included.
        bad: int64[n], other rows.
    """

    start_ns: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    total: NDArray[np.float64]
    numbers: NDArray[np.int64]
    count: NDArray[np.int64]
    bad: NDArray[np.int64]

    @classmethod
    def of(cls, samples: Samples) -> "Partials":
        """Take each row as a part of its own."""
        good = np.isin(samples.quality, GOOD_QUALITIES)
        numeric = good & np.isin(samples.kind, (Kind.FLOAT, Kind.INTEGER, Kind.BOOLEAN))
        value = np.where(numeric, samples.number, np.nan)
        return cls(
            start_ns=samples.time_ns,
            minimum=value,
            maximum=value,
            total=np.where(numeric, value, 0.0),
            numbers=numeric.astype(np.int64),
            count=good.astype(np.int64),
            bad=(~good).astype(np.int64),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Partials"]) -> "Partials":
        """Join parts; there must be at least one."""
        return cls(
            np.concatenate([part.start_ns for part in parts]),
            np.concatenate([part.minimum for part in parts]),
            np.concatenate([part.maximum for part in parts]),
            np.concatenate([part.total for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.bad for part in parts]),
        )

    def widened(self, origin_ns: int, width_ns: int) -> "Partials":
        """Merge into buckets [origin_ns + k * width_ns, ...), ascending, at most one part each."""
        slots, slot = np.unique((self.start_ns - origin_ns) // width_ns, return_inverse=True)
        minimum = np.full(len(slots), np.nan)
        maximum = np.full(len(slots), np.nan)
        np.fmin.at(minimum, slot, self.minimum)
        np.fmax.at(maximum, slot, self.maximum)
        total = np.zeros(len(slots))
        np.add.at(total, slot, self.total)
        counts = [np.zeros(len(slots), np.int64) for _ in range(3)]
        for merged, column in zip(counts, (self.numbers, self.count, self.bad), strict=True):
            np.add.at(merged, slot, column)
        return Partials(origin_ns + slots * width_ns, minimum, maximum, total, *counts)

    def to_buckets(self, plan: BucketPlan) -> Buckets:
        """Merge into the buckets of a plan."""
        merged = self.widened(plan.start_ns, plan.width_ns)
        mean = np.where(merged.numbers > 0, merged.total / np.maximum(merged.numbers, 1), np.nan)
        return Buckets(
            start_ns=merged.start_ns,
            width_ns=plan.width_ns,
            minimum=merged.minimum,
            maximum=merged.maximum,
            mean=mean,
            count=merged.count,
            bad=merged.bad,
            tier=plan.tier.name,
        )


def aggregate(samples: Samples, plan: BucketPlan) -> Buckets:
    """Down-sample rows of one series in memory: the reference that every store's own arithmetic must equal."""
    return Partials.of(samples).to_buckets(plan)
