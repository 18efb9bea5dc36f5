"""`showroom quarantine`: what could not be decoded or stored, read beside a running gateway."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.lock import default_folder
from gateway.state.database import DatabaseFormatError
from gateway.state.quarantine import Quarantine, QuarantinedValue, QuarantineEntry

app = typer.Typer(
    help="Read what the gateway could not decode or store; it was put on disk, and counts as received.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Data folder of the showroom; default: the platform's.")
]
File = Annotated[Path | None, typer.Option("--file", help="Quarantine file of a gateway that was started otherwise.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]


@app.command("list")
def list_entries(
    data_dir: DataDir = None,
    file: File = None,
    limit: Annotated[int, typer.Option(help="Most entries to list, newest first.", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """List what was refused last, newest first."""
    with _opened(data_dir, file) as quarantine:
        entries = quarantine.list(limit=limit)
        total = quarantine.count()
    if as_json:
        print(json.dumps({"total": total, "entries": [_as_object(entry) for entry in entries]}, indent=2))
        return
    for entry in entries:
        times = f"{entry.times} times, last " if entry.times > 1 else ""
        print(f"{entry.id:6}  {times}{_time(entry.last_ns)}  {entry.topic}\n{'':8}{entry.reason}")
    print(f"{total} in quarantine" + (f"; the {len(entries)} newest are shown" if total > len(entries) else ""))


@app.command()
def show(
    entry: Annotated[int, typer.Argument(help="Number that `list` shows.")],
    data_dir: DataDir = None,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Show one entry with its single values and its payload in hexadecimal."""
    with _opened(data_dir, file) as quarantine:
        try:
            found = quarantine.show(entry)
        except KeyError as error:
            raise _failed(error.args[0]) from None
        values = list(quarantine.values(entry))
    if as_json:
        print(json.dumps(_as_object(found, values), indent=2))
        return
    fields = _as_object(found)
    payload = fields.pop("payload_hex")
    for name, value in fields.items():
        print(f"{name:14} {'' if value is None else value}")
    for value in values:
        print(f"{'value':14} {value.series} {_time(value.time_ns)} {value.value!r}: {value.reason}")
    print(f"{'payload':14} {payload or '(none)'}")


@contextmanager
def _opened(data_dir: Path | None, file: Path | None) -> Iterator[Quarantine]:
    """Open the quarantine file for reading and turn what can go wrong into a message."""
    path = file or (data_dir or default_folder()) / "state" / "gateway" / "quarantine.db"
    try:
        with Quarantine.reading(path) as quarantine:
            yield quarantine
    except FileNotFoundError:
        raise _failed(f"{path} does not exist: no gateway has run there yet, or give --data-dir") from None
    except (DatabaseFormatError, sqlite3.Error) as error:
        raise _failed(f"{path} cannot be read: {error}") from None


def _failed(problem: object) -> typer.Exit:
    print(f"showroom: {problem}", file=sys.stderr)
    return typer.Exit(2)


def _as_object(entry: QuarantineEntry, values: list[QuarantinedValue] | None = None) -> dict[str, Any]:
    fields = asdict(entry)
    payload: bytes = fields.pop("payload")
    fields |= {"first": _time(entry.first_ns), "last": _time(entry.last_ns), "payload_hex": payload.hex()}
    if values is not None:
        fields["values"] = [asdict(value) for value in values]
    return fields


def _time(time_ns: int | None) -> str:
    if time_ns is None:
        return "(no time)"
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
