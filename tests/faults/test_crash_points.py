"""The points at which fault runs kill are points of the product."""

import importlib
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from tests.faults.crash_points import EDGE, GATEWAY, INFLUX, Point

POINTS = {point.name: point for point in (*EDGE, *GATEWAY, *INFLUX)}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_point_names_a_function(point: Point) -> None:
    """A function of the product that is renamed must be renamed here, or its point would never be passed."""
    module, _, path = point.where.partition(":")
    assert callable(attrgetter(path)(importlib.import_module(module)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_not_armed_does_its_work(tmp_path: Path) -> None:
    """Under the wrapper a command does what it does without it."""
    words = [sys.executable, "-m", "tests.faults.crash_points", str(tmp_path / "point"), "edge_agent", "--help"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--config" in done.stdout
