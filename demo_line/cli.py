"""Commands `serve`, `replay`, `load`, `run` and `history`."""

import argparse
import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from demo_line.arguments import Command, moment, parser_of
from demo_line.clock import NS_PER_S
from demo_line.config import ConfigError, MqttConfig, OpcuaConfig, load_config
from demo_line.journal import Journal, JournalError
from demo_line.line import SHIPPED_DEFINITION, Line, LineError, load_definition
from demo_line.load import LoadOptions, generate
from demo_line.process import log_to_stderr, until_stopped
from demo_line.runs.recorder import Resolution
from demo_line.runs.simulation import DAY_S, PlannedFault, Solver
from demo_line.secret import SecretError
from demo_line.sensors import SensorError
from demo_line.serve import serve
from demo_line.servers.pki import UntrustedError

_log = logging.getLogger("demo_line")

_EXPECTED = (ConfigError, LineError, SensorError, SecretError, JournalError, UntrustedError, OSError)

_REPLAY_NAMESPACE = "urn:smart-factory-showroom:replay"
_LOAD_NAMESPACE = "urn:smart-factory-showroom:load"


class UsageError(ValueError):
    """The options contradict each other; the text names them and the remedy."""


def main(
    arguments: Sequence[str], prog: str = "python -m demo_line", progress: Callable[[float], None] | None = None
) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed with an explanation, 2 wrong usage.

    Args:
        arguments: command and options.
        prog: how the program is called, for its help.
        progress: is told the share of a `run` that is done; None = log it.
    """
    commands: dict[str, Command] = {
        "serve": _serve,
        "load": _load,
        "replay": _replay,
        "run": partial(_run, progress),
        "history": _history,
    }
    options = parser_of(commands, prog).parse_args(arguments)
    log_to_stderr(options.verbose)
    try:
        asyncio.run(options.run(options))
    except UsageError as error:
        _log.error("%s", error)
        return 2
    except _EXPECTED as error:
        _log.error("%s", error)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    config = load_config(options.config)
    await until_stopped(lambda stop, _go: serve(config, stop), exit_with_parent=options.exit_with_parent)


async def _load(options: argparse.Namespace) -> None:
    config = _opcua_of(options, options.url, _LOAD_NAMESPACE)
    what = LoadOptions(
        options.nodes,
        options.rate,
        duration_s=options.duration,
        wait_readers=options.wait_subscribers,
        seed=options.seed,
    )

    async def work(stop: asyncio.Event, _go: asyncio.Event) -> None:
        with ExitStack() as stack:
            journal = None if options.journal is None else stack.enter_context(Journal(options.journal))
            print(await generate(config, what, journal, stop), flush=True)

    await until_stopped(work, exit_with_parent=options.exit_with_parent)


async def _replay(options: argparse.Namespace) -> None:
    # pyarrow is heavy; a process that does not replay must not carry it.
    from demo_line.recording import ReadOptions, Recording, RecordingError
    from demo_line.servers.replay import MqttOutlet, OpcuaOutlet, Outlet, Pace, replay

    _check_replay(options)
    start_row, start_ms = _start(options.start)
    read = ReadOptions(
        options.time_column,
        options.group_column,
        options.time_unit,
        options.interval,
        options.origin,
        tuple(options.text),
        tuple(options.leave_out),
        start_row,
        start_ms,
        options.limit,
    )
    speed = None if options.speed == "max" else float(options.speed)
    pace = Pace(speed, options.time == "rebased", options.loop, options.rate, options.patience, options.linger)
    name = options.name or options.file.name.split(".")[0]

    async def work(stop: asyncio.Event, go: asyncio.Event) -> None:
        with ExitStack() as stack:
            journal = None if options.journal is None else stack.enter_context(Journal(options.journal))
            recording = Recording(options.file, read)
            outlet: Outlet
            if options.opcua is not None:
                outlet = OpcuaOutlet(
                    _opcua_of(options, options.opcua, _REPLAY_NAMESPACE), name, recording.columns, journal
                )
            else:
                outlet = MqttOutlet(
                    _mqtt_of(options), options.prefix, name, recording.columns, journal, options.unacknowledged
                )
            begin = go if options.wait_stdin else None
            await replay(recording, outlet, pace, stop, begin=begin, wait_readers=options.wait_subscribers)

    try:
        await until_stopped(work, exit_with_parent=options.exit_with_parent, listen_to_stdin=options.wait_stdin)
    except RecordingError as error:
        raise ConfigError(str(error)) from error


async def _run(progress: Callable[[float], None] | None, options: argparse.Namespace) -> None:
    # pyarrow is heavy; a process that writes no run must not carry it.
    from demo_line.runs.run import RunOptions, write_run
    from demo_line.runs.tables import FolderError

    solver = Solver(options.solver)
    resolution = Resolution(options.resolution or ("1s" if solver is Solver.FINE else "1min"))
    start_ns = None if options.start is None else round(options.start.timestamp()) * NS_PER_S
    what = RunOptions(
        options.out,
        options.days,
        options.seed,
        tuple(_planned(text) for text in options.fault),
        solver,
        resolution,
        start_ns,
        not options.no_truth,
    )

    async def work(stop: asyncio.Event, _go: asyncio.Event) -> None:
        line = Line(load_definition(options.definition or SHIPPED_DEFINITION))
        with closing(write_run(line, what)) as shares:
            for share in shares:
                (progress or _log_share)(share)
                await asyncio.sleep(0)
                if stop.is_set():
                    raise InterruptedError(f"stopped; {options.out} was not written")

    try:
        await until_stopped(work, exit_with_parent=options.exit_with_parent)
    except FolderError as error:
        raise UsageError(str(error)) from error
    if options.json:
        print((options.out / "manifest.json").read_text(encoding="utf-8"), end="")


async def _history(options: argparse.Namespace) -> None:
    from demo_line.runs.history import write_history
    from demo_line.runs.history_plan import plan_history

    if sys.platform != "win32":
        os.nice(10)  # the line that serves and the gateway go first

    async def work(stop: asyncio.Event, _go: asyncio.Event) -> None:
        line = Line(load_definition(options.definition or SHIPPED_DEFINITION))
        plan = plan_history(options.out, line, options.seed, time.time_ns(), options.days, options.fine_hours)
        if plan is None:
            _log.info("%s: the history is complete", options.out)
            return
        for share in write_history(
            line, plan, options.out, lambda channel: f"nsu={options.namespace};s={channel.name}"
        ):
            await asyncio.sleep(0)
            if stop.is_set():
                raise InterruptedError(f"stopped at {share:.0%} of the history; the next start makes it again")
        _log.info("%s: %g days of history", options.out, plan.days)

    await until_stopped(work, exit_with_parent=options.exit_with_parent)


def _log_share(share: float) -> None:
    if share == 1.0 or round(share * 1000.0) % 100 == 0:
        _log.info("%.0f %% simulated", share * 100.0)


def _planned(text: str) -> PlannedFault:
    name, at, day = text.partition("@")
    if not at:
        return PlannedFault(name)
    try:
        onset_s = float(day) * DAY_S
    except ValueError:
        onset_s = -1.0
    if not 0.0 <= onset_s < float("inf"):
        raise UsageError(f"--fault {text}: {day!r} is no day of the run; write for example {name}@10.5")
    return PlannedFault(name, onset_s)


def _check_replay(options: argparse.Namespace) -> None:
    if options.mqtt is not None and options.wait_subscribers is not None:
        raise UsageError("--wait-subscribers works with --opcua only, MQTT does not tell who listens; use --wait-stdin")
    if options.time == "rebased" and options.speed == "max":
        raise UsageError(
            "--time rebased needs a speed as a number: at --speed max its times would run ahead of the clock"
        )
    if options.speed != "max" and float(options.speed) <= 0.0:
        raise UsageError(f"--speed {options.speed} must be above 0, or max")


def _start(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    return (int(text), None) if text.isdecimal() else (0, round(moment(text).timestamp() * 1000))


def _opcua_of(options: argparse.Namespace, url: str, namespace: str) -> OpcuaConfig:
    """Endpoint of `replay` and `load`.

    The [opcua] section of --config, or without it unsecured and on loopback only.
    """
    parts = _address(url, "opc.tcp")
    padding = options.namespace_padding
    path = parts.path or "/"
    if options.config is not None:
        sections = load_config(options.config).opcua
        if not sections:
            raise ConfigError(f"{options.config} has no [opcua] section, which gives security and users")
        section = sections[0]
        return section.model_copy(
            update={
                "host": parts.hostname,
                "port": parts.port,
                "path": path,
                "namespace_uri": namespace,
                "namespace_padding": padding,
            }
        )
    _only_loopback(parts, url)
    return OpcuaConfig(
        host=parts.hostname or "",
        port=parts.port or 4840,
        path=path,
        security=("none",),
        anonymous=True,
        namespace_uri=namespace,
        namespace_padding=padding,
    )


def _mqtt_of(options: argparse.Namespace) -> MqttConfig:
    parts = _address(options.mqtt, "mqtt")
    if options.config is not None:
        section = load_config(options.config).mqtt
        if section is None:
            raise ConfigError(f"{options.config} has no [mqtt] section, which gives user and password file")
        return section.model_copy(update={"host": parts.hostname, "port": parts.port})
    return MqttConfig(
        host=parts.hostname or "",
        port=parts.port or 1883,
        username=options.username,
        password_file=options.password_file,
    )


def _address(url: str, scheme: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme != scheme or not parts.hostname or not parts.port:
        raise UsageError(f"{url!r} is not an address like {scheme}://127.0.0.1:{4841 if scheme == 'opc.tcp' else 1883}")
    return parts


def _only_loopback(parts: SplitResult, url: str) -> None:
    host = parts.hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback:
        raise UsageError(f"{url} would be open to the network without users; give --config with an [opcua] section")
