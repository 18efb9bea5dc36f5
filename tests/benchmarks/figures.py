"""What a benchmark prints: figures with their unit, target and conditions."""

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    `target` is a bound: `>= x` or `<= x` with the number in `target_value`; both None where a figure is only reported.
    """

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    conditions: str = ""

    @property
    def target(self) -> str | None:
        """The bound in words."""
        if self.at_least is not None:
            return f">= {self.at_least:g} {self.unit}"
        if self.at_most is not None:
            return f"<= {self.at_most:g} {self.unit}"
        return None

    @property
    def met(self) -> bool | None:
        """Whether the bound holds; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile, share in 0..1; raises ValueError on no values."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_of(runs: int, measure: Callable[[], float]) -> tuple[float, str]:
    """Run `measure` several times; return the median and the spread in words."""
    values = [measure() for _ in range(runs)]
    return median(values), f"median of {runs}, {min(values):,.4g} to {max(values):,.4g}"


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table."""
    table = Table(title="Benchmarks", title_justify="left")
    for column, justify in (
        ("figure", "left"),
        ("value", "right"),
        ("target", "right"),
        ("met", "left"),
        ("conditions", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    words = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for figure in figures:
        table.add_row(
            figure.name, f"{figure.value:,.4g} {figure.unit}", figure.target or "", words[figure.met], figure.conditions
        )
    console.print(table)


def write_json(figures: Sequence[Figure], path: Path) -> None:
    """Write the figures as a JSON list of {name, value, unit, target, met, conditions, commit}."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    entries = []
    for figure in figures:
        fields = asdict(figure)
        entries.append(
            {
                "name": fields["name"],
                "value": fields["value"],
                "unit": fields["unit"],
                "target": figure.target,
                "met": figure.met,
                "conditions": fields["conditions"],
                "commit": commit.stdout.strip(),
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
