"""Fixtures of tests in a real browser: Chromium, and the real app over a plant in memory."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests import servers
from tests.servers import Server

ROOT = Path(__file__).parents[2]

OpenPage = Callable[..., Page]

expect.set_options(timeout=30_000)  # the usual 5 s are too short for a machine that does other work


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window.

    Of one module, because an event loop runs while it is open, and asynchronous tests cannot run beside it.
    """
    path = servers.require_server("chromium", servers.find_program("chromium"))
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve_plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts the app over a scenario of tests.e2e.plant_server, once for all tests that leave it as it is."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def start(scenario: str) -> Server:
            if scenario not in started:
                started[scenario] = stack.enter_context(_serving(scenario, tmp_path_factory.mktemp(scenario)))
            return started[scenario]

        yield start


@pytest.fixture
def own_plant(tmp_path: Path) -> Iterator[Server]:
    """The bottling line on a server of the test's own, to be frozen and killed."""
    with _serving("bottling", tmp_path) as server:
        yield server


@contextmanager
def _serving(scenario: str, folder: Path) -> Iterator[Server]:
    port = servers.find_free_port()
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.e2e.plant_server import main; main()"
    command = [sys.executable, "-c", program, scenario, str(port), str(folder)]
    server = Server(f"plant {scenario}", command, port, folder, lambda: _answers(port))
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens the showroom page; fails the test where its script fails or asks another host for anything."""
    problems: list[str] = []
    with ExitStack() as stack:

        def open_at(server: Server, width: int = 1920, height: int = 1080) -> Page:
            page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
            stack.callback(page.close)
            page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
            page.on("request", lambda request: _check_host(request.url, server, problems))
            page.goto(server.url)
            return page

        yield open_at
    assert problems == []


def _check_host(url: str, server: Server, problems: list[str]) -> None:
    if not url.startswith((server.url + "/", "data:", "blob:")):
        problems.append(f"request to another host: {url}")
