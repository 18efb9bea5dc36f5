"""Bottles through a chain of machines with conveyors between them: how many each machine moves in one step.

A machine moves what it can, what waits before it (with what arrives in the step) and what has room behind it (with what
leaves in the step). The same rule serves steps of a second and of a minute, so blocking and starving travel along the
chain in both solvers.
"""

from collections.abc import Sequence
from typing import NamedTuple


class Moves(NamedTuple):
    """Result for a chain of machines.

    Attributes:
        bottles: moved by each machine in the step.
        starved, blocked: which machines moved less than they could, for want of bottles before or of room behind.
    """

    bottles: list[int]
    starved: list[bool]
    blocked: list[bool]


def solve(can: Sequence[int], waiting: Sequence[int], room: Sequence[int]) -> Moves:
    """Return the largest moves that respect every limit.

    Args:
        can: bottles that each of n machines could move in the step.
        waiting: bottles on each of the n - 1 conveyors that the machine behind it may take.
        room: places free on each of the n - 1 conveyors at the start of the step.

    The source before the first machine and the sink behind the last one have no limit here; what limits them stands in
    the first and last machine's `can`.
    """
    moved = list(can)
    last = len(moved) - 1
    changed = True
    while changed:
        changed = False
        for i in range(1, last + 1):
            most = waiting[i - 1] + moved[i - 1]
            if moved[i] > most:
                moved[i] = most
                changed = True
        for i in range(last - 1, -1, -1):
            most = room[i] + moved[i + 1]
            if moved[i] > most:
                moved[i] = most
                changed = True
    starved = [i > 0 and moved[i] < can[i] and moved[i] == waiting[i - 1] + moved[i - 1] for i in range(last + 1)]
    blocked = [moved[i] < can[i] and not starved[i] for i in range(last + 1)]
    return Moves(moved, starved, blocked)
