"""The web face of the gateway: API and showroom page on one app."""

import time
from collections.abc import Callable

from fastapi import FastAPI

from gateway.api.application import create_api
from gateway.api.settings import WebSettings
from gateway.view import View
from gateway.web import page


def create_app(view: View, settings: WebSettings | None = None, clock_ns: Callable[[], int] = time.time_ns) -> FastAPI:
    """Build the app that `python -m gateway` serves; see `create_api` for the arguments.

    Called once a process, because NiceGUI keeps its pages in one object for the process.
    """
    app = create_api(view, settings, clock_ns)
    page.mount(app)
    return app
