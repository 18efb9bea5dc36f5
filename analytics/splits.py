"""Splits into learnt and held-back rows: by unit, cycle, run or time, never by chance within one of them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError, UnusableInputError

Rows = NDArray[np.intp]


def leave_groups_out(groups: Sequence[object], folds: int, seed: int = 0) -> Iterator[tuple[Rows, Rows]]:
    """Yield learnt and held-back rows, every group held back once as a whole.

    Args:
        groups: unit, bearing, cycle or run of each row.
        folds: how many parts the groups are dealt into; as many as there are groups leaves one group out at a time.
        seed: shuffles the groups.

    Raises:
        NotEnoughDataError: fewer groups than folds, or fewer than two folds.
    """
    names, of_row = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    if not 2 <= folds <= len(names):
        raise NotEnoughDataError("split by group", f"{len(names)} groups for {folds} folds", "2 folds up to 1 a group")
    order = np.random.default_rng(seed).permutation(len(names))
    for held_back in np.array_split(order, folds):
        held = np.isin(of_row, held_back)
        yield np.flatnonzero(~held), np.flatnonzero(held)


def split_by_time(times: NDArray[np.int64], learnt_share: float) -> tuple[Rows, Rows]:
    """Return the rows of the first part of the time and those of the rest; equal times stay together.

    Args:
        times: int64[n], any unit, in any order.
        learnt_share: of the rows, above 0 and below 1.

    Raises:
        UnusableInputError: the share is out of range.
        NotEnoughDataError: one part would be empty.
    """
    if not 0.0 < learnt_share < 1.0:
        raise UnusableInputError("split by time", f"a share of {learnt_share:g}", "expected above 0 and below 1")
    if len(times) < 2 or times.min() == times.max():
        raise NotEnoughDataError("split by time", f"{len(times)} rows", "at least two different times are needed")
    ordered = np.sort(times)
    border = ordered[min(len(ordered) - 1, max(1, round(learnt_share * len(ordered))))]
    if border == ordered[0]:
        border = ordered[ordered > ordered[0]][0]
    return np.flatnonzero(times < border), np.flatnonzero(times >= border)


def split_rows(count: int, held_back_share: float, groups: Sequence[object] | None, seed: int = 0) -> tuple[Rows, Rows]:
    """Return learnt and held-back rows drawn by chance, for rows that have nothing to do with one another.

    Neighbours in one run are nearly copies of one another: drawn apart, the learnt ones give the held-back ones away
    and every score is too good. So this is refused where rows belong together.

    Args:
        count: rows.
        held_back_share: above 0 and below 1.
        groups: unit, bearing, cycle or run of each row, None where each row stands for itself.
        seed: of the draw.

    Raises:
        UnusableInputError: a group has several rows, or the share is out of range.
    """
    if not 0.0 < held_back_share < 1.0:
        raise UnusableInputError("split of rows", f"a share of {held_back_share:g}", "expected above 0 and below 1")
    if groups is not None and len(set(map(str, groups))) < count:
        several = f"{count} rows of {len(set(map(str, groups)))} groups"
        raise UnusableInputError("split of rows", several, "use leave_groups_out or split_by_time")
    order = np.random.default_rng(seed).permutation(count)
    held_back = order[: max(1, round(held_back_share * count))]
    return np.setdiff1d(np.arange(count), held_back), np.sort(held_back)
