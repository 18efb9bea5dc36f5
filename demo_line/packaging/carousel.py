"""Rotary machines: bottles pass the heads of a carousel in turn, so each head's share of a batch is known exactly."""

from collections.abc import Sequence
from math import erf, sqrt

from demo_line.draws import Draws

MEMORY = 0.05
"""Weight of the newest bottle in the mean of a head, which so remembers about twenty."""


def batch(means: Sequence[float], shown: list[float], spread: float, first: int, bottles: int, draws: Draws) -> float:
    """Share a batch of bottles out to the heads of a carousel; returns the sum of the value over the bottles.

    Args:
        means: expected value of each head.
        shown: mean of the last bottles of each head; follows what is drawn.
        spread: standard deviation between bottles of one head.
        first: number of the first bottle; bottle k passes head k modulo the number of heads.
        bottles: how many.
        draws: random numbers; one for each head that takes part.
    """
    count = len(means)
    rounds, rest = divmod(bottles, count)
    total = 0.0
    for i in range(count):
        n = rounds + ((i - first) % count < rest)
        if n:
            mean = means[i] + spread / sqrt(n) * draws.normal()
            shown[i] += (1.0 - (1.0 - MEMORY) ** n) * (mean - shown[i])
            total += n * mean
    return total


def share_below(limit: float, means: Sequence[float], spread: float) -> float:
    """Expected share of bottles below a limit, over heads that take equal numbers (normal distribution of each)."""
    total = 0.0
    for mean in means:
        z = (limit - mean) / spread
        if z > -7.0:
            total += 0.5 * (1.0 + erf(z / sqrt(2.0)))
    return total / len(means)
