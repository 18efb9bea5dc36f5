"""The web face of the gateway: API and showroom page on one app."""

import time
from collections.abc import Callable

from fastapi import FastAPI

from gateway.api.application import create_api
from gateway.api.settings import WebSettings
from gateway.view import View


def create_app(view: View, settings: WebSettings | None = None, clock_ns: Callable[[], int] = time.time_ns) -> FastAPI:
    """Build the app that `python -m gateway` serves; see `create_api` for the arguments."""
    return create_api(view, settings, clock_ns)
