"""Pairs stored rows with the offered rows they came from, by time and order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import Offered, Stored, same_value

STEP_NS = 100
"""Resolution of source times (OPC 10000-6, 5.2.2.5); the edge rounds finer ones up to the next step."""
TIE_BREAK_NS = STEP_NS - 1
"""Nanoseconds the edge may add so that times of one series are unique."""


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Pairing of m stored rows with n offered rows.

    Attributes:
        partner: intp[m], offered row of each stored row; -1 where there is none.
        duplicate: bool[m], True where the row repeats one that is paired already.
        kept: bool[n], True where an offered row has a stored row.
    """

    partner: NDArray[np.intp]
    duplicate: NDArray[np.bool_]
    kept: NDArray[np.bool_]


def match(offered: Offered, stored: Stored, *, single: bool = False) -> Match:
    """Pair rows; both must ascend by time. A stored row belongs to offered rows at most TIE_BREAK_NS before it.

    Where several values were offered at one time, or several were stored for it, they are paired in order, equal ones
    first, so that a lost one is told from a changed one. `single` compares numbers as float32.
    """
    partner = np.full(len(stored), -1, np.intp)
    duplicate = np.zeros(len(stored), np.bool_)
    kept = np.zeros(len(offered), np.bool_)
    if not len(offered) or not len(stored):
        return Match(partner, duplicate, kept)
    times, first, sizes = np.unique(offered.time_ns, return_index=True, return_counts=True)
    group = np.searchsorted(times, stored.time_ns, side="right") - 1
    near = (group >= 0) & (stored.time_ns - times[group] <= TIE_BREAK_NS)
    arrivals = np.bincount(group[near], minlength=len(times))
    plain = near & (arrivals[group] == 1) & (sizes[group] == 1)
    partner[plain] = first[group[plain]]
    crowded = np.flatnonzero(near & ~plain)
    for number in np.unique(group[crowded]):
        rows = crowded[group[crowded] == number] if len(crowded) < _FEW else _rows_of(group, crowded, number)
        begin = int(first[number])
        _pair(offered, stored, list(range(begin, begin + int(sizes[number]))), rows, partner, duplicate, single=single)
    kept[partner[partner >= 0]] = True
    return Match(partner, duplicate, kept)


_FEW = 64


def _rows_of(group: NDArray[np.intp], crowded: NDArray[np.intp], number: int) -> NDArray[np.intp]:
    ordered = group[crowded]  # ascends, because stored rows ascend by time
    low, high = np.searchsorted(ordered, [number, number + 1])
    return crowded[low:high]


def _pair(
    offered: Offered,
    stored: Stored,
    candidates: list[int],
    rows: NDArray[np.intp],
    partner: NDArray[np.intp],
    duplicate: NDArray[np.bool_],
    *,
    single: bool,
) -> None:
    position = 0
    unpaired: list[int] = []
    for row in rows.tolist():
        later = range(position, len(candidates))
        found = next((index for index in later if _equal(offered, candidates[index], stored, row, single=single)), None)
        if found is None:
            unpaired.append(row)
        else:
            partner[row] = candidates[found]
            position = found + 1
    taken = set(partner[rows].tolist())
    free = [candidate for candidate in candidates if candidate not in taken]
    for row in unpaired:
        repeats = any(_equal(offered, candidate, stored, row, single=single) for candidate in candidates)
        if not repeats and free:
            partner[row] = free.pop(0)  # offered once, stored with another value
        else:
            duplicate[row] = True


def _equal(offered: Offered, left: int, stored: Stored, right: int, *, single: bool) -> bool:
    if offered.quality[left] != stored.quality[right]:
        return False
    return bool(same_value(offered.values, np.array([left]), stored.values, np.array([right]), single=single)[0])
