"""An edge agent that notes what each transaction of its log costs: `python -m tests.benchmarks.timed_log FILE ...`.

The first argument is where the notes go when the agent ends, the others are those of `python -m edge_agent`.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.__main__ import main as run_edge
from edge_agent.sparkplug.log import DurableLog

Note = tuple[str, float, float, float]
"""What was done, when it ended (monotonic), and how long it took, on the wall and on the processor (s)."""


def _timed(name: str, method: Callable[..., Any], notes: list[Note]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        wall_s, cpu_s = time.monotonic(), time.thread_time()
        result = method(*arguments, **named)
        ended_s = time.monotonic()
        notes.append((name, ended_s, ended_s - wall_s, time.thread_time() - cpu_s))
        return result

    return call


def main() -> int:
    """Run the agent; returns its exit status."""
    out, *arguments = sys.argv[1:]
    notes: list[Note] = []
    for name in ("append", "acknowledge", "mark"):
        setattr(DurableLog, name, _timed(name, getattr(DurableLog, name), notes))
    status = run_edge(arguments)
    Path(out).write_text(json.dumps(notes), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
