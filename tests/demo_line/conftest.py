"""Runs of the shipped line that several tests look at; each is made once."""

import pytest

from demo_line.runs.simulation import Solver
from tests.demo_line.days import Day, a_day


@pytest.fixture(scope="session")
def fine_day() -> Day:
    """A healthy day in steps of a second."""
    return a_day(Solver.FINE)


@pytest.fixture(scope="session")
def coarse_day() -> Day:
    """The same day in steps of a minute."""
    return a_day(Solver.COARSE)
