"""Command-line options of all commands; their help is the manual."""

import argparse
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

LINE_NAMESPACE = "urn:smart-factory-showroom:line"

Command = Callable[[argparse.Namespace], Awaitable[None]]


def moment(text: str) -> datetime:
    """A time in ISO 8601; without an offset it is UTC."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def _begin(text: str) -> datetime:
    """Begin of a run: between 1970 and 2150, as times are counted in nanoseconds since 1970, in 64 bits until 2262."""
    try:
        begin = moment(text)
    except ValueError:
        begin = None
    if begin is None or not 1970 < begin.astimezone(UTC).year < 2150:
        raise argparse.ArgumentTypeError(f"{text!r} is no date between 1971 and 2149; write for example 2026-05-04")
    return begin


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more; write for example 7")
    return int(text)


def _speed(text: str) -> str:
    if text != "max":
        float(text)
    return text


def parser_of(commands: Mapping[str, Command], prog: str) -> argparse.ArgumentParser:
    """The parser; `run` of the parsed options is the command that was named."""
    parser = argparse.ArgumentParser(
        prog=prog, description="The demonstration line: stands in for the hardware of a plant."
    )
    names = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--exit-with-parent", action="store_true", help="stop when stdin is closed (used by the launcher)"
    )
    common.add_argument("--verbose", action="store_true", help="log every event, also those of the libraries")
    server = names.add_parser(
        "serve", parents=[common], help="run the simulated line behind OPC UA and an MQTT energy meter"
    )
    server.add_argument(
        "--config", type=Path, required=True, help="TOML file; demo_line/README.md shows a complete one"
    )
    server.set_defaults(run=commands["serve"])
    offering = argparse.ArgumentParser(add_help=False, parents=[common])
    offering.add_argument("--journal", type=Path, help="CSV file that receives every value before it is offered")
    offering.add_argument(
        "--config", type=Path, help="TOML file whose [opcua] or [mqtt] section gives security and users"
    )
    offering.add_argument(
        "--namespace-padding", type=int, default=0, metavar="N", help="register N foreign namespaces first"
    )
    load = names.add_parser(
        "load", parents=[offering], help="serve many nodes that change at a given rate, for benches"
    )
    load.set_defaults(run=commands["load"])
    _add_load(load)
    replay = names.add_parser(
        "replay",
        parents=[offering],
        help="serve a recording with its own timing",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    replay.set_defaults(run=commands["replay"])
    _add_replay(replay)
    run = names.add_parser(
        "run",
        parents=[common],
        help="simulate days of the line and write what its sensors show, and the truth apart",
        epilog=_RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.set_defaults(run=commands["run"])
    _add_run(run)
    history = names.add_parser(
        "history", parents=[common], help="make the past of a line, for a gateway to import (serve does it by itself)"
    )
    history.set_defaults(run=commands["history"])
    _add_history(history)
    return parser


_RUN_EXAMPLES = """examples:
  showroom run --days 30 --seed 7 --solver coarse --fault M1@10 --fault compressed_air_leaks --out run7
  showroom run --days 1 --seed 8 --out day --resolution 10s --start 2026-05-04

The folder holds signals.parquet, events.parquet, bottles.parquet (fine solver), truth/ and manifest.json. Equal seeds
give equal columns with equal packages on equal machines.
"""


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=_days, required=True, metavar="D", help="length of the run")
    parser.add_argument("--seed", type=_seed, required=True, metavar="S", help="equal seeds give equal runs")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="ID[@DAY]",
        help="a fault by name or code and the day of its onset, from 0; without a day the seed decides (repeatable)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder that is made; refused if in use")
    parser.add_argument(
        "--solver", choices=("fine", "coarse"), default="fine", help="steps of 1 s or of 60 s (default: %(default)s)"
    )
    parser.add_argument(
        "--resolution",
        choices=("1s", "10s", "1min"),
        help="interval of the signals: means of analogue readings, last values of others (default: 1s; coarse: 1min)",
    )
    parser.add_argument(
        "--start", type=_begin, metavar="DATE", help="when it begins (ISO 8601, UTC; default: as the line's plan says)"
    )
    parser.add_argument("--no-truth", action="store_true", help="leave the truth out")
    parser.add_argument(
        "--definition", type=Path, metavar="FILE", help="line definition (default: the shipped bottling line)"
    )
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON on stdout")


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the files")
    parser.add_argument("--days", type=_days, default=30.0, metavar="D", help="length (default: %(default)s)")
    parser.add_argument(
        "--fine-hours",
        type=_hours,
        default=24.0,
        metavar="H",
        help="the last hours second by second, before them minute by minute (default: %(default)s)",
    )
    parser.add_argument("--seed", type=_seed, default=1, metavar="S", help="as the line's (default: %(default)s)")
    parser.add_argument("--definition", type=Path, metavar="FILE", help="line definition (default: the shipped one)")
    parser.add_argument(
        "--namespace", metavar="URI", default=LINE_NAMESPACE, help="of the nodes (default: %(default)s)"
    )


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1.0 / 1440.0 <= value < 36_600.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1/1440 (a minute) to 36600 (a century)")
    return value


def _hours(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 878_400.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours of 0 or more; write for example 24")
    return value


def _add_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="opc.tcp://127.0.0.1:4842/load", help="endpoint (default: %(default)s)")
    parser.add_argument("--nodes", type=int, required=True, metavar="N", help="number of nodes")
    parser.add_argument("--rate", type=float, required=True, metavar="R", help="values a second over all nodes")
    parser.add_argument("--duration", type=float, metavar="S", help="seconds; left out = until stopped")
    parser.add_argument("--wait-subscribers", action="store_true", help="begin when every node is read")
    parser.add_argument("--seed", type=int, default=1, help="of the random walk (default: %(default)s)")


_EXAMPLES = """examples:
  python -m demo_line replay plant.csv.gz --opcua opc.tcp://127.0.0.1:4841 --speed 10 --loop
  python -m demo_line replay cycles.csv --mqtt mqtt://127.0.0.1:1883 --group-column cycle --speed max --journal j.csv
"""


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help=".csv, .csv.gz or .parquet")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--opcua", metavar="URL", help="serve over OPC UA at opc.tcp://HOST:PORT[/PATH]; one node per column"
    )
    where.add_argument("--mqtt", metavar="URL", help="publish to the broker mqtt://HOST:PORT; one JSON object per row")
    parser.add_argument("--name", help="name of the recording in nodes and topics (default: the file's)")
    parser.add_argument("--prefix", default="replay", help="MQTT topic prefix: <prefix>/<name> (default: %(default)s)")
    parser.add_argument("--username", help="MQTT user")
    parser.add_argument("--password-file", type=Path, help="file (mode 0600) with the MQTT password")
    parser.add_argument(
        "--unacknowledged",
        type=int,
        default=50,
        metavar="N",
        help="most MQTT messages under way (default: %(default)s)",
    )
    parser.add_argument(
        "--speed", type=_speed, default="1", help="times real time, or max: as fast as readers take it (default: 1)"
    )
    parser.add_argument("--rate", type=float, metavar="ROWS", help="at most so many rows a second")
    parser.add_argument("--loop", action="store_true", help="begin anew at the end, for ever")
    parser.add_argument(
        "--start", metavar="ROW|TIME", help="first row: its number from 0, or a recorded time (ISO 8601, UTC)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="only N rows")
    parser.add_argument(
        "--time",
        choices=("recorded", "rebased"),
        default="recorded",
        help="times as recorded, or moved so that it happens now (default: %(default)s)",
    )
    parser.add_argument("--time-column", metavar="NAME", help="default: time, timestamp, datetime, date or ts")
    parser.add_argument(
        "--time-unit", choices=("s", "ms", "us", "ns"), default="s", help="of a numeric time (default: %(default)s)"
    )
    parser.add_argument(
        "--origin",
        type=moment,
        default="2000-01-01T00:00:00+00:00",
        metavar="TIME",
        help="where times begin that count from the recording's own start (default: %(default)s)",
    )
    parser.add_argument("--interval", type=float, metavar="S", help="seconds between rows of a recording without times")
    parser.add_argument("--group-column", metavar="NAME", help="cycles or experiments, joined end to end")
    parser.add_argument(
        "--text", action="append", default=[], metavar="NAME", help="serve this column as text (repeatable)"
    )
    parser.add_argument(
        "--leave-out", action="append", default=[], metavar="NAME", help="do not serve this column (repeatable)"
    )
    parser.add_argument(
        "--wait-subscribers",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="wait after the first row until N columns (default: all) are read over OPC UA",
    )
    parser.add_argument(
        "--wait-stdin", action="store_true", help="wait after the first row until a line comes on stdin"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=10.0,
        metavar="S",
        help="how long a full reader may hold it up (default: %(default)s)",
    )
    parser.add_argument(
        "--linger", type=float, default=2.0, metavar="S", help="seconds it stays after the end (default: %(default)s)"
    )
