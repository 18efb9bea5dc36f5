"""Bottles through a chain of machines with conveyors between them: how many each machine moves in one step.

A machine moves what it can, what waits before it (with what arrives in time) and what has room behind it (with what
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


def solve(can: Sequence[int], waiting: Sequence[int], room: Sequence[int], share: Sequence[float]) -> Moves:
    """Return the largest moves that respect every limit.

    Args:
        can: bottles that each of n machines could move in the step.
        waiting: bottles at the end of each of the n - 1 conveyors, which the machine behind it may take.
        room: places free on each of the n - 1 conveyors at the start of the step; negative where it is overfull.
        share: of the bottles that come onto a conveyor in the step, the share that travels to its end in time; 0 where
            the step is shorter than the way.

    The source before the first machine and the sink behind the last one have no limit here; what limits them stands in
    the first and last machine's `can`. Bottles that a machine rejects in the step leave fewer for the next one; its
    conveyor corrects that (see `demo_line/units/cnv.py`).
    """
    moved = list(can)
    last = len(moved) - 1
    starved, blocked = [False] * (last + 1), [False] * (last + 1)
    changed = True
    while changed:
        changed = False
        for i in range(last):
            most = waiting[i]
            if share[i] > 0.0:
                most += int(share[i] * moved[i])
            if moved[i + 1] > most:
                moved[i + 1] = most
                starved[i + 1], blocked[i + 1] = True, False
        for i in range(last - 1, -1, -1):
            most = room[i] + moved[i + 1]
            if moved[i] > most and moved[i] > 0:
                moved[i] = max(most, 0)
                starved[i], blocked[i] = False, True
                # Only what comes in time can leave less for the machine behind.
                changed = changed or share[i] > 0.0
    return Moves(moved, starved, blocked)
