"""`showroom ledger check`: the loss ledger as a command."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from deploy.ledger.account import Outage
from deploy.ledger.journal import JournalError
from deploy.ledger.ledger import QuarantinedTimes, Terms, check
from deploy.ledger.report import as_object, print_ledger
from deploy.ledger.stored import StoredSide
from edge_agent.sparkplug.settings import ConfigError
from gateway.config import load_config
from gateway.state.database import DatabaseFormatError
from gateway.state.quarantine import Quarantine
from gateway.store.base import StoreUnavailableError
from gateway.store.open import open_store
from gateway.store.remote import RemoteStore

app = typer.Typer(
    help="Prove that nothing was lost between the line and the store.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_UNREADABLE = 2


class LedgerInputError(ValueError):
    """Something the check needs cannot be used; the text names it and the remedy."""


@app.callback()
def _ledger() -> None:
    """Prove that nothing was lost between the line and the store."""


@app.command("check")
def check_command(
    journal: Annotated[list[Path], typer.Option(help="Journal of a source (repeatable)")],
    gateway_config: Annotated[
        Path | None,
        typer.Option(help="gateway.toml: reads store and quarantine directly; DuckDB needs the gateway stopped"),
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of a running gateway, e.g. http://127.0.0.1:8080")] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Quarantine file; the one of --gateway-config if left out")
    ] = None,
    outages: Annotated[
        Path | None, typer.Option(help="JSON list of injected outages that gaps are held against")
    ] = None,
    publish_interval_ms: Annotated[
        float, typer.Option(help="Of source and edge together; a gap may exceed its outage by two", min=1)
    ] = 200,
    start: Annotated[str | None, typer.Option(help="Rows offered earlier need not be stored (ISO 8601, or ns)")] = None,
    end: Annotated[str | None, typer.Option(help="Rows offered later need not be stored (ISO 8601, or ns)")] = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Journal nodes that no edge reads: * and ? match")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables")] = False,
    scratch: Annotated[Path | None, typer.Option(help="Folder for temporary files (30 bytes a row)")] = None,
) -> None:
    """Check offered = stored + suppressed + quarantined + declared gaps, row by row.

    Exit code 0: the books balance. 1: they do not. 2: something could not be read.
    """
    try:
        terms = Terms(
            start_ns=_time_ns(start, "--start"),
            end_ns=_time_ns(end, "--end"),
            ignore=ignore or (),
            outages=None if outages is None else read_outages(outages),
            tolerance_ns=round(2 * publish_interval_ms * 1e6),
        )
        with open_side(gateway_config, url) as (side, own_quarantine):
            file = quarantine or own_quarantine
            ledger = check(journal, side, {} if file is None else read_quarantine(file), terms, scratch)
    except (LedgerInputError, JournalError, ConfigError, StoreUnavailableError) as error:
        remedy = f"; {error.remedy}" if isinstance(error, StoreUnavailableError) else ""
        typer.echo(f"ledger check: {error}{remedy}", err=True)
        raise typer.Exit(_UNREADABLE) from None
    if as_json:
        json.dump(as_object(ledger), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        print_ledger(ledger, Console())
    if not ledger.balanced:
        raise typer.Exit(1)


@contextmanager
def open_side(gateway_config: Path | None, url: str | None) -> Iterator[tuple[StoredSide, Path | None]]:
    """Open the store's side directly or through a running gateway; also gives the quarantine file that is known.

    Raises LedgerInputError, ConfigError or StoreUnavailableError.
    """
    if (gateway_config is None) == (url is None):
        raise LedgerInputError("give either --gateway-config (gateway stopped) or --url (gateway running)")
    if url is not None:
        reader = RemoteStore(url)
        try:
            yield reader, None
        finally:
            reader.close()
        return
    assert gateway_config is not None  # noqa: S101 - told apart above
    config = load_config(gateway_config)
    store = open_store(config.store)
    try:
        store.load()
        yield store, config.gateway.quarantine
    finally:
        store.close()


def read_quarantine(path: Path) -> QuarantinedTimes:
    """Return the times of quarantined values by path of the series; no file means that nothing was refused."""
    if not path.exists():
        return {}
    times: dict[str, list[int]] = {}
    try:
        with Quarantine.reading(path) as quarantine:
            for value in quarantine.values():
                if value.time_ns is not None:
                    times.setdefault(value.series, []).append(value.time_ns)
    except (DatabaseFormatError, OSError) as error:
        raise LedgerInputError(f"quarantine {path}: {error}") from None
    return {series: np.unique(np.array(found, np.int64)) for series, found in times.items()}


def read_outages(path: Path) -> list[Outage]:
    """Read injected outages; raises LedgerInputError that names what is wrong."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [_outage(item) for item in content]
    except OSError as error:
        raise LedgerInputError(f"outages {path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise LedgerInputError(
            f'outages {path}: {error}; expected a list like [{{"from_ns": 1, "to_ns": 2, "edge": null, "cause": null}}]'
        ) from None


def _outage(item: Any) -> Outage:
    outage = Outage(**item)
    if not (isinstance(outage.from_ns, int) and isinstance(outage.to_ns, int) and outage.from_ns <= outage.to_ns):
        raise ValueError(f"{item} is no interval of nanoseconds")
    return outage


def _time_ns(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LedgerInputError(f"{option} {text!r}: expected ISO 8601 with its offset, or nanoseconds") from None
    if moment.tzinfo is None:
        raise LedgerInputError(f"{option} {text!r}: name the offset, e.g. {text}Z")
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the sub-command on its own: python -m deploy.ledger check ..."""
    app(arguments)
