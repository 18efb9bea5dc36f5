"""Start a gateway: python -m gateway --config FILE [--check] [--exit-with-parent]."""

import argparse
import logging
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import uvicorn

from edge_agent.sparkplug.settings import ConfigError
from gateway.api.settings import WebSettings
from gateway.app import create_app
from gateway.config import GatewayConfig, load_config
from gateway.core import Gateway
from gateway.state.database import DatabaseFormatError

log = logging.getLogger("gateway")
_GRACE_S = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM, Ctrl-C or (with --exit-with-parent) the end of standard input; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description="Sparkplug host application and web server")
    parser.add_argument("--config", type=Path, required=True, help="TOML file")
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    parser.add_argument("--exit-with-parent", action="store_true", help="exit when standard input is closed")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("uvicorn", "httpx"):  # a line for each request says nothing
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        config = load_config(options.config)
        if options.check:
            print(f"{options.config}: valid", file=sys.stderr)
            return 0
        return _serve(config, exit_with_parent=options.exit_with_parent)
    except (ConfigError, DatabaseFormatError, OSError, sqlite3.OperationalError) as error:
        print(error, file=sys.stderr)
        return 2


def _serve(config: GatewayConfig, *, exit_with_parent: bool) -> int:
    settings = config.gateway
    listener = _listen(settings.http_host, settings.http_port)
    port = listener.getsockname()[1]
    gateway = Gateway(config)
    gateway.start()
    try:
        app = create_app(gateway, WebSettings(allowed_hosts=settings.allowed_hosts))
        server = _Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S, lifespan="on"),
            f"http://{settings.http_host}:{port}/",
        )
        if exit_with_parent:
            Thread(target=_follow_parent, args=(server,), name="parent", daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _ignore)  # the server stops by them and then raises them again
        server.run(sockets=[listener])
    finally:
        gateway.stop()
    log.info("stopped")
    return 0


class _Server(uvicorn.Server):
    """Web server that says when it answers."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            log.info("ready: %s", self._url)


def _ignore(_number: int, _frame: object) -> None:
    return


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts; raises OSError that says who is in the way and what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there the option means that two programs may share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"cannot serve at {host}:{port}: {error.strerror or error}; "
            "stop the program that uses this port, or set another gateway.http_port"
        ) from None
    return listener


def _follow_parent(server: uvicorn.Server) -> None:
    """Stop when the launcher's end of the pipe closes, however the launcher ended."""
    # Not through the buffer: its lock, held here for ever, would abort an interpreter that ends for another reason.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
