"""`showroom influx init`: creates bucket and retention in an InfluxDB that is already running."""

import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from deploy.problem import Problem
from deploy.profile import ProfileFolder, fill
from edge_agent.sparkplug.settings import ConfigError, check_settings
from gateway.config import GatewayConfig, load_config
from gateway.store.base import StoreUnavailableError
from gateway.store.config import InfluxConfig
from gateway.store.influx import InfluxClient

app = typer.Typer(
    help="Set up an InfluxDB as the store.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def _influx() -> None:
    """Set up an InfluxDB as the store."""


@app.command()
def init(
    profile: Annotated[str, typer.Option(help="influx (2.x and newer), influx1, or a folder of your own.")] = "influx",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Setting, as given to `showroom up`.")
    ] = None,
    gateway_config: Annotated[
        Path | None, typer.Option(help="Take the store from this gateway configuration instead.")
    ] = None,
) -> None:
    """Create the buckets (InfluxDB 1.x: databases) of samples and rollups where missing, and set their retention.

    Give the same --set options as to `showroom up --profile influx`. Running it again changes nothing else.
    """
    try:
        store = _store_of_profile(profile, settings or []) if gateway_config is None else _store_of_file(gateway_config)
        server = InfluxClient(store)
        try:
            server.initialise()
        finally:
            server.close()
    except (Problem, ConfigError) as error:
        raise _failed(error) from None
    except StoreUnavailableError as error:
        raise _failed(f"{error}\n  -> {error.remedy}") from None
    keeps = "for ever" if store.retention_days is None else f"{store.retention_days:g} days"
    print(f"{store.url}: {store.bucket} keeps samples {keeps}, {store.rollups} keeps rollups for ever")


def _store_of_profile(name: str, settings: list[str]) -> InfluxConfig:
    source = ProfileFolder(name)
    pairs = [text.partition("=") for text in settings]
    profile = source.load({key: value for key, _, value in pairs})
    values = {**profile.settings, **{f"{port}_port": number for port, number in profile.ports.items()}}
    # Where the gateway keeps its own files does not matter here: nothing of them is touched.
    text = fill(source.template("gateway"), {**values, "folder": ".", "state": "."}, f"template of profile {name}")
    return _influx_only(check_settings(tomllib.loads(text), GatewayConfig, f"profile {name}"), f"profile {name}")


def _store_of_file(path: Path) -> InfluxConfig:
    return _influx_only(load_config(path), str(path))


def _influx_only(config: GatewayConfig, place: str) -> InfluxConfig:
    if not isinstance(config.store, InfluxConfig):
        raise Problem(f"{place} stores into {config.store.type}", "only InfluxDB is set up by this command")
    return config.store


def _failed(problem: object) -> typer.Exit:
    print(f"showroom: {problem}", file=sys.stderr)
    return typer.Exit(2)
