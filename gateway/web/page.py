"""The showroom page `/`: header, line, what analytics knows, data path, trends, signals."""

import hashlib
from pathlib import Path

from fastapi import FastAPI
from nicegui import ui
from nicegui.element import Element
from starlette.staticfiles import StaticFiles

TITLE = "Smart factory showroom"
_STATIC = Path(__file__).parent / "static"

_PANELS = (
    ("line", "Line", "Machines as they announced themselves. Colour means abnormal; press a value to see its trend."),
    ("knowledge", "What analytics knows", "Health: 1 as learnt, 0 failure. Press a machine's health for the evidence."),
    ("path", "Data path", "From the machines to this browser: age of the newest value, messages that wait."),
    ("trends", "Trends", "Band: minimum to maximum. Line: mean. Hatched: no samples."),
    ("signals", "Signals", "Every signal with its quality and origin."),
)


class Panel(Element, component="panel.js"):
    """A live panel; its script reaches the API by itself, so the server pushes no value through NiceGUI."""

    def __init__(self, name: str, assets: str) -> None:
        super().__init__()
        self._props["name"] = name
        self._props["assets"] = assets


def mount(app: FastAPI) -> None:
    """Serve the page and its files on the app.

    NiceGUI keeps its pages in one object for the process, so this is called once a process.
    """
    # The address changes with the content: browsers may keep a file for ever and never mix two versions.
    assets = f"/assets/{_fingerprint()}"
    app.mount(assets, StaticFiles(directory=_STATIC), name="assets")

    @ui.page("/", title=TITLE)
    def showroom() -> None:
        _build(assets)

    ui.run_with(
        app,
        title=TITLE,
        favicon=_STATIC / "mark.svg",
        language="en-US",
        tailwind=False,
        binding_refresh_interval=None,  # nothing is bound: live values do not pass through NiceGUI
        show_welcome_message=False,
    )


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(_STATIC.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _build(assets: str) -> None:
    ui.add_head_html(f'<link rel="stylesheet" href="{assets}/showroom.css">')
    ui.add_head_html(
        '<meta name="theme-color" content="#22303c"><meta name="description" content="Live view of the line">'
    )
    ui.context.client.layout.classes("showroom-layout")
    with ui.element("header").classes("masthead"):
        Panel("masthead", assets)
    with ui.element("main").classes("board").props("id=board"):
        for name, title, hint in _PANELS:
            with ui.element("section").classes(f"panel panel-{name}").props(f'aria-labelledby="title-{name}"'):
                with ui.element("div").classes("panel-head"):
                    ui.html(title, tag="h2", sanitize=False).props(f"id=title-{name}")
                    ui.html(hint, tag="p", sanitize=False)
                Panel(name, assets)
