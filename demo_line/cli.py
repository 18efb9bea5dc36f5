"""Commands `serve`, `replay` and `load`."""

import argparse
import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from demo_line.config import ConfigError, load_config
from demo_line.journal import JournalError
from demo_line.line import LineError
from demo_line.process import log_to_stderr, until_stopped
from demo_line.secret import SecretError
from demo_line.serve import serve
from demo_line.servers.pki import UntrustedError

_log = logging.getLogger("demo_line")

_EXPECTED = (ConfigError, LineError, SecretError, JournalError, UntrustedError, OSError)


def main(arguments: Sequence[str]) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed with an explanation, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    log_to_stderr(options.verbose)
    try:
        asyncio.run(_run(options))
    except _EXPECTED as error:
        _log.error("%s", error)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _run(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    await until_stopped(lambda stop: serve(config, stop), exit_with_parent=options.exit_with_parent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo_line", description="The demonstration line: stands in for the hardware of a plant."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--exit-with-parent", action="store_true", help="stop when stdin is closed (used by the launcher)"
    )
    common.add_argument("--verbose", action="store_true", help="log every event, also those of the libraries")
    server = commands.add_parser(
        "serve", parents=[common], help="run the simulated line behind OPC UA and an MQTT energy meter"
    )
    server.add_argument(
        "--config", type=Path, required=True, help="TOML file; see demo_line/README.md for a complete one"
    )
    return parser
