"""Kills a process at an exact point of its work: `python -m tests.faults.crash_points FILE PACKAGE ARGUMENTS...`.

The product knows nothing of it. This module runs a package in its own process with the functions below wrapped; on
SIGUSR1 it reads the name of a point from FILE, and the next thread that passes there ends the process (SIGKILL).
"""

import functools
import importlib
import os
import random
import runpy
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deploy.ledger.account import Outage
from tests.faults.child import Child
from tests.faults.kind import Inject, Scale
from tests.faults.plant import Plant
from tests.faults.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the work.

    Attributes:
        name: of the point.
        where: module and function, `module:function` or `module:Class.function`.
        when: before the function is called, or after it has returned.
    """

    name: str
    where: str
    when: Literal["before", "after"]


EDGE: Sequence[Point] = (
    Point("before the log", "edge_agent.sparkplug.log:DurableLog.append", "before"),
    Point("logged, not published", "edge_agent.sparkplug.log:DurableLog.append", "after"),
    Point("published", "edge_agent.sparkplug.publisher:Publisher.publish", "after"),
    Point("acknowledged, not deleted", "edge_agent.sparkplug.log:DurableLog.acknowledge", "before"),
    Point("deleted", "edge_agent.sparkplug.log:DurableLog.acknowledge", "after"),
)
_ACKNOWLEDGING: Sequence[Point] = (
    Point("before the acknowledgement", "gateway.pipeline:acknowledgement_payload", "before"),
    Point("acknowledged", "gateway.pipeline:DataPath._command", "after"),
)
GATEWAY: Sequence[Point] = (
    Point("before the store", "gateway.store.duckdb_store:DuckDbStore.write", "before"),
    Point("stored", "gateway.store.duckdb_store:DuckDbStore.write", "after"),
    *_ACKNOWLEDGING,
)
INFLUX: Sequence[Point] = (
    Point("announced, nothing written", "gateway.store.influx_ledger:InfluxLedger.announce", "after"),
    Point("written, no receipt", "gateway.store.influx_ledger:InfluxLedger.settle", "before"),
    Point("receipt kept", "gateway.store.influx_ledger:InfluxLedger.settle", "after"),
    *_ACKNOWLEDGING,
)


def wrap(child: Child) -> None:
    """Let a process of this project, from its next start on, be one that can be killed at a point."""
    child.wrap("tests.faults.crash_points", str(_file(child).resolve()))


def crash(pick: Callable[[Plant], Child], points: Sequence[Point], *, loses: bool) -> Inject:
    """Return a fault that kills a wrapped process at every point, in an order that the seed decides."""

    def inject(plant: Plant, rng: random.Random, scale: Scale) -> Sequence[Outage]:
        child = pick(plant)
        outages = []
        for point in rng.sample(points, len(points)):
            plant.wait_flowing(scale.patience_s)
            begin_ns = time.time_ns()
            _kill_at(child, point, scale.patience_s)
            time.sleep(rng.uniform(0.0, 2.0))
            child.start(wait=False)
            plant.wait_flowing(scale.patience_s)
            outages.append(Outage(begin_ns, time.time_ns()))
        return outages if loses else []

    return inject


def _kill_at(child: Child, point: Point, patience_s: float) -> None:
    _file(child).write_text(point.name, encoding="utf-8")
    child.signal(signal.SIGUSR1)
    wait_until(lambda: child.ended is not None, patience_s, f"{child.name} to come by the point {point.name!r}")
    assert child.ended == -signal.SIGKILL, f"{child.name} ended with {child.ended} before the point {point.name!r}"
    child.forget()


def _file(child: Child) -> Path:
    return child.log.with_suffix(".point")


class _Armed:
    """The point at which this process is to die; None at first."""

    def __init__(self) -> None:
        self.point: str | None = None

    def guard(self, point: Point) -> None:
        """Wrap the function of a point."""
        module_name, _, path = point.where.partition(":")
        owner: Any = importlib.import_module(module_name)
        *classes, name = path.split(".")
        for part in classes:
            owner = getattr(owner, part)
        function = getattr(owner, name)

        @functools.wraps(function)
        def guarded(*arguments: Any, **named: Any) -> Any:
            if point.when == "before":
                self._pass(point)
            result = function(*arguments, **named)
            if point.when == "after":
                self._pass(point)
            return result

        setattr(owner, name, guarded)

    def _pass(self, point: Point) -> None:
        if self.point == point.name:
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the package."""
    file, package = Path(sys.argv[1]), sys.argv[2]
    armed = _Armed()
    for point in EDGE if package == "edge_agent" else {point.name: point for point in (*GATEWAY, *INFLUX)}.values():
        armed.guard(point)

    def arm(_number: int, _frame: object) -> None:
        armed.point = file.read_text(encoding="utf-8")

    signal.signal(signal.SIGUSR1, arm)
    sys.argv = [package, *sys.argv[3:]]
    runpy.run_module(package, run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
