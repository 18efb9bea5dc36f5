"""`showroom analytics`: train, list and roll back models, acknowledge and shelve alarms, beside a running showroom."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.lock import default_folder

app = typer.Typer(
    help="What analytics has learnt, and its alarms. It trains by itself; a change counts from the next cycle on.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Data folder of the showroom; default: the platform's.")
]
AlarmName = Annotated[str, typer.Argument(help="Work unit and quantity, e.g. MIX-10.anomaly.")]


@app.command()
def train(data_dir: DataDir = None) -> None:
    """Learn from the stored history now; the new model is used only where it is better on a held-back window."""
    _run(data_dir, "train")


@app.command()
def models(data_dir: DataDir = None) -> None:
    """List what was learnt, from what, with its scores; * = in use."""
    _run(data_dir, "models")


@app.command()
def rollback(data_dir: DataDir = None) -> None:
    """Use the model before the one in use."""
    _run(data_dir, "rollback")


@app.command()
def acknowledge(alarm: AlarmName, data_dir: DataDir = None) -> None:
    """Say that somebody knows of an alarm."""
    _run(data_dir, "acknowledge", alarm)


@app.command()
def shelve(
    alarm: AlarmName,
    hours: Annotated[float, typer.Option(help="For so long; 0 takes it off the shelf.", min=0, max=168)] = 8.0,
    data_dir: DataDir = None,
) -> None:
    """Silence an alarm for a time; its condition is followed all the same."""
    _run(data_dir, "shelve", alarm, "--hours", f"{hours:g}")


def _run(data_dir: Path | None, *arguments: str) -> None:
    from analytics.__main__ import main

    config = (data_dir or default_folder()).resolve() / "config" / "analytics.toml"
    if not config.exists():
        print(
            f"showroom: {config} is missing: a showroom with analytics was never started here\n"
            "  -> start it with `showroom up`, or name its folder with --data-dir",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    raise typer.Exit(main([*arguments, "--config", str(config)], prog="showroom analytics"))
