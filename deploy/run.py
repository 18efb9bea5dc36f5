"""`showroom run`: a simulated run as files, with a progress bar; the options are those of `python -m demo_line run`."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from demo_line.cli import main


def run(arguments: Sequence[str]) -> int:
    """Run the command with a bar on standard error; returns the exit code."""
    columns = (TextColumn("simulating"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("run", total=1.0, visible=False)
        return main(
            ["run", *arguments],
            prog="showroom",
            progress=lambda share: bar.update(task, completed=share, visible=True),
        )
