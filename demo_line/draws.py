"""Random numbers of one unit: a stream of its own, drawn in blocks because single draws are slow."""

from math import exp, log

from numpy.random import Generator

_BLOCK = 512


class Draws:
    """Scalar draws from a generator; equal generators and equal calls give equal numbers.

    The object is part of a line's state: a copy of it goes on with the same numbers.

    Args:
        generator: where the blocks come from; nobody else may draw from it.
    """

    __slots__ = ("_generator", "_normals", "_uniforms")

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._normals: list[float] = []
        self._uniforms: list[float] = []

    def normal(self) -> float:
        """Return a draw from the standard normal distribution."""
        if not self._normals:
            self._normals = self._generator.standard_normal(_BLOCK).tolist()
        return self._normals.pop()

    def uniform(self) -> float:
        """Return a draw from [0, 1)."""
        if not self._uniforms:
            self._uniforms = self._generator.random(_BLOCK).tolist()
        return self._uniforms.pop()

    def exponential(self, mean: float) -> float:
        """Return a draw from the exponential distribution with that mean."""
        return -mean * log(1.0 - self.uniform())

    def lognormal(self, median: float, spread: float) -> float:
        """Return a draw whose logarithm is normal with standard deviation `spread`."""
        return median * exp(spread * self.normal())

    def poisson(self, mean: float) -> int:
        """Return a draw from the Poisson distribution (for small means: it counts exponential intervals)."""
        if mean <= 0.0:
            return 0
        if mean > 30.0:
            return int(self._generator.poisson(mean))
        count, product, limit = 0, self.uniform(), exp(-mean)
        while product > limit:
            count += 1
            product *= self.uniform()
        return count

    def binomial(self, trials: int, share: float) -> int:
        """Return how many of `trials` happen, each with probability `share`."""
        if trials <= 0 or share <= 0.0:
            return 0
        if trials <= 3:
            return sum(self.uniform() < share for _ in range(trials))
        return int(self._generator.binomial(trials, min(share, 1.0)))

    def normals(self, count: int) -> list[float]:
        """Return `count` draws from the standard normal distribution, for one bottle each."""
        return [self.normal() for _ in range(count)] if count < 8 else self._generator.standard_normal(count).tolist()
