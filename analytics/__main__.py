"""Command line of analytics.

`python -m analytics --config FILE` runs it; `train`, `models` and `rollback` work on its models.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from analytics.config import AnalyticsConfig, load_config
from analytics.errors import AnalyticsError
from edge_agent.sparkplug.settings import ConfigError
from gateway.store.base import StoreUnavailableError

_LOG = logging.getLogger("analytics")
_COMMANDS = ("run", "train", "models", "rollback", "acknowledge", "shelve")
_TRAINING_THREADS = 2


def main(arguments: Sequence[str] | None = None, prog: str = "python -m analytics") -> int:
    """Run a command; returns 0, 1 where it failed, 2 where the configuration is wrong."""
    options = _parser(prog).parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        config = load_config(options.config)
        if options.check:
            sys.stderr.write(f"{options.config}: ok, {len(config.plant().machines)} work units\n")
            return 0
        if options.command == "run":
            return _run(config, options.config, with_parent=options.exit_with_parent)
        if options.command == "train":
            return _train(config, with_parent=options.exit_with_parent)
        if options.command in ("acknowledge", "shelve"):
            return _ask(config, options.command, options.alarm, options.hours)
        return _models(config) if options.command == "models" else _roll_back(config)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (AnalyticsError, StoreUnavailableError, OSError) as error:
        sys.stdout.write(f"{error}\n")
        return 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Condition monitoring: reads the gateway's store, publishes what it finds."
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=_COMMANDS,
        default="run",
        help="run: the live process (default); train: learn from the stored history now; models: list what was learnt, "
        "* = in use; rollback: use the model before; acknowledge, shelve: an alarm of the live process",
    )
    parser.add_argument("alarm", nargs="?", help="of acknowledge and shelve: work unit and quantity, MIX-10.anomaly")
    parser.add_argument("--hours", type=float, default=8.0, help="of shelve: for so long; 0 takes it off the shelf")
    parser.add_argument("--config", type=Path, required=True, help="TOML file; see analytics/README.md")
    parser.add_argument("--check", action="store_true", help="check the configuration without connecting, and end")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    return parser


def _run(config: AnalyticsConfig, config_file: Path, *, with_parent: bool) -> int:
    # Loading the libraries takes seconds: until there is something to stop, the end is the end of the process.
    end: list[Callable[[], None]] = [lambda: os._exit(0)]
    if with_parent:
        _end_with_parent(lambda: end[-1]())
    from analytics.runner import Runner

    runner = Runner(config, config_file)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: runner.stop())
    end.append(runner.stop)
    runner.run()
    if runner.failed:
        _LOG.error("ended: %s", runner.failed)
        return 1
    _LOG.info("stopped")
    return 0


def _train(config: AnalyticsConfig, *, with_parent: bool) -> int:
    """Learn in this process, in low priority and on two threads at most."""
    if with_parent:
        _end_with_parent(lambda: os._exit(1))
    if hasattr(os, "nice"):
        os.nice(10)
    import httpx
    from threadpoolctl import threadpool_limits

    from analytics.inputs import PlantInputs
    from analytics.registry import Registry
    from analytics.training import describe, train
    from gateway.store.remote import RemoteStore

    own, settings, machines = config.analytics, config.training, config.plant()
    registry = Registry(own.models)
    now_ns = time.time_ns()
    with httpx.Client(base_url=own.gateway, timeout=60.0, trust_env=False) as http:
        store = RemoteStore(own.gateway, timeout_s=60.0)
        history = PlantInputs(store, http, machines, own.group_id, 2).history(now_ns, settings.history_days)
        store.close()
    with threadpool_limits(_TRAINING_THREADS):
        trained = train(
            history, machines, registry, least_days=settings.least_days, held_back=settings.held_back, now_ns=now_ns
        )
    sys.stdout.write(describe(trained.version, registry.champion) + "\n")
    return 0


def _models(config: AnalyticsConfig) -> int:
    from analytics.registry import Registry
    from analytics.training import describe

    registry = Registry(config.analytics.models)
    versions = registry.versions()
    for version in versions:
        sys.stdout.write(describe(version, registry.champion) + "\n")
    if not versions:
        sys.stdout.write("nothing was learnt yet; analytics trains by itself, or: showroom analytics train\n")
    return 0


def _roll_back(config: AnalyticsConfig) -> int:
    from analytics.registry import Registry
    from analytics.training import fingerprint

    number = Registry(config.analytics.models).roll_back(fingerprint(config.plant()))
    sys.stdout.write(f"model {number} is in use from the next cycle on\n")
    return 0


def _ask(config: AnalyticsConfig, action: str, alarm: str | None, hours: float) -> int:
    """Leave a request where the live process finds it."""
    from analytics.requests import leave_request

    leave_request(config.requests, action, alarm or "", hours, time.time_ns())
    sys.stdout.write(f"{action} {alarm}: done with the next cycle, at most {config.analytics.cycle_s:g} s from now\n")
    return 0


def _end_with_parent(end: Callable[[], None]) -> None:
    def follow() -> None:
        while os.read(0, 4096):
            pass
        end()

    threading.Thread(target=follow, daemon=True, name="parent").start()


if __name__ == "__main__":
    sys.exit(main())
