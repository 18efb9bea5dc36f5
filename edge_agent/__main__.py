"""Command line of an edge agent: `python -m edge_agent --config FILE`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_agent.agent import Agent, AgentFailedError
from edge_agent.config import EdgeConfig, load_config
from edge_agent.sources.build import build_source
from edge_agent.sparkplug.settings import ConfigError

_LOG = logging.getLogger("edge_agent")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run an edge agent until it is told to stop; returns 0, 1 where it failed, 2 where its configuration is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_agent", description="Read machines and publish what they report."
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML file; see edge_agent/README.md")
    parser.add_argument("--check", action="store_true", help="check the configuration without connecting, and end")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        config = load_config(options.config)
        if options.check:
            sys.stdout.write(f"{options.config}: ok, {len(config.sources)} sources\n")
            return 0
        return asyncio.run(_run(config, options.config.resolve().parent, with_parent=options.exit_with_parent))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2


async def _run(config: EdgeConfig, base_dir: Path, *, with_parent: bool) -> int:
    agent = Agent(config, [build_source(source, base_dir) for source in config.sources])
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.call_soon_threadsafe(agent.stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())
    if with_parent:
        threading.Thread(target=_await_end_of_input, args=(stop,), daemon=True, name="parent").start()
    try:
        await agent.run()
    except AgentFailedError as error:
        _LOG.error("ended: %s", error)
        return 1
    _LOG.info("stopped")
    return 0


def _await_end_of_input(stop: Callable[[], None]) -> None:
    while os.read(0, 4096):
        pass
    stop()


if __name__ == "__main__":
    sys.exit(main())
