"""Shows a checked ledger: tables for people, one object for programs."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.ledger.ledger import Ledger

COLUMNS = ("offered", "stored", "suppressed", "quarantined", "gaps", "missing")
BESIDE = ("repeated", "outside", "state_marks", "vouched")


def as_object(ledger: Ledger) -> dict[str, Any]:
    """Return the whole result as JSON-ready values; times are nanoseconds since 1970."""
    return {
        "balanced": ledger.balanced,
        "totals": {column: ledger.total(column) for column in COLUMNS + BESIDE},
        "series": [asdict(account) for account in ledger.accounts],
        "gaps": [asdict(gap) | {"rows": rows} for gap, rows in ledger.gaps],
        "violations": {str(fault): count for fault, count in ledger.violations.counts.items()},
        "first_violations": [asdict(violation) for violation in ledger.violations.first],
        "without_journal": ledger.without_journal,
        "ignored_rows": ledger.ignored_rows,
        "seconds": round(ledger.seconds, 3),
    }


def print_ledger(ledger: Ledger, console: Console) -> None:
    """Print the equation by series, the gaps, the violations and the verdict."""
    console.print(_accounts(ledger))
    if ledger.gaps:
        console.print(_gaps(ledger))
    if ledger.violations.first:
        console.print(_violations(ledger))
    if ledger.without_journal:
        console.print(f"{len(ledger.without_journal)} series have no journal and were not checked.")
    if ledger.ignored_rows:
        console.print(f"{ledger.ignored_rows} rows of ignored nodes were left out.")
    rows = ledger.total("offered")
    if ledger.balanced:
        console.print(f"[green]The books balance:[/] {rows} rows offered, each accounted for ({ledger.seconds:.1f} s).")
    else:
        console.print(f"[red]The books do not balance:[/] {ledger.violations.total} violations in {rows} rows offered.")


def time_text(time_ns: int) -> str:
    """Write a time with all its nanoseconds, UTC."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _accounts(ledger: Ledger) -> Table:
    table = Table(title="offered = stored + suppressed + quarantined + gaps", title_justify="left")
    table.add_column("series", overflow="fold")
    for column in COLUMNS + BESIDE:
        table.add_column(column.replace("_", " "), justify="right")
    for account in ledger.accounts:
        numbers = asdict(account)
        table.add_row(account.series, *(str(numbers[column]) for column in COLUMNS + BESIDE))
    table.add_section()
    table.add_row("all", *(str(ledger.total(column)) for column in COLUMNS + BESIDE), style="bold")
    return table


def _gaps(ledger: Ledger) -> Table:
    table = Table(title="declared gaps", title_justify="left")
    for column in ("gap", "from", "seconds", "declared", "rows lost"):
        table.add_column(column, overflow="fold")
    shown = ledger.gaps[:_SHOWN_GAPS]
    for gap, rows in shown:
        count = "unknown" if gap.count is None else str(gap.count)
        seconds = f"{(gap.to_ns - gap.from_ns) / 1e9:.3f}"
        table.add_row(str(gap), time_text(gap.from_ns), seconds, count, str(rows))
    if len(ledger.gaps) > len(shown):
        table.caption = f"{len(ledger.gaps) - len(shown)} more; --json lists all"
    return table


_SHOWN_GAPS = 40


def _violations(ledger: Ledger) -> Table:
    counts = ", ".join(f"{count} {fault}" for fault, count in ledger.violations.counts.items())
    table = Table(title=f"violations: {counts} (the first of each)", title_justify="left", style="red")
    for column in ("what", "where", "time", "expected", "found"):
        table.add_column(column, overflow="fold")
    for violation in ledger.violations.first:
        time = time_text(violation.time_ns)
        table.add_row(str(violation.fault), violation.series, time, violation.expected, violation.found)
    return table
