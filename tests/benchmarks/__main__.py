"""`python -m tests.benchmarks [NAME ...]`: measure, print a table, write build/bench.json."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.benchmarks.figures import Figure, show, write_json

NAMES = ("line", "past", "footprint", "edge", "opcua_server", "ingest", "page", "queries", "analytics")


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which benchmarks: {', '.join(NAMES)}; all if none.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the figures go as JSON.")] = Path("build/bench.json"),
) -> None:
    """Measure throughput, latency, memory and query times of the platform on this machine.

    Figures depend on what else the machine does: quote medians and ratios. A missed target does not fail the command.
    """
    console = Console(stderr=True)
    wanted: Sequence[str] = names or NAMES
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        console.print(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        raise typer.Exit(2)
    figures: list[Figure] = []
    for name in wanted:
        with console.status(f"measuring {name} ..."):
            figures.extend(importlib.import_module(f"tests.benchmarks.{name}").measure())
        write_json(figures, out)
    show(figures, Console(width=None if sys.stdout.isatty() else 150))
    console.print(f"written to {out}")


if __name__ == "__main__":
    typer.run(main)
