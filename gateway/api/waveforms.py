"""Routes over stored waveforms: which there are, and one of them as JSON or as plain 32-bit numbers."""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Query, Response

from gateway.api.catalogue import Lookup
from gateway.api.models import SeriesItem, WaveformAnswer, WaveformItem, WaveformList
from gateway.api.problems import ProblemError, documented
from gateway.api.readers import ReaderPool
from gateway.api.samples import SeriesName
from gateway.api.times import TimeNs, format_time
from gateway.api.window import window
from gateway.store.base import Series
from gateway.view import View

BINARY = "application/octet-stream"
_DAY_S = 86_400


def router(view: View, readers: ReaderPool, clock_ns: Callable[[], int]) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["Samples"])
    lookup = Lookup(view)

    @routes.get("/waveforms", summary="Stored waveforms of one series", responses=documented(404, 422, 503))
    async def waveforms(
        series: SeriesName,
        start: Annotated[TimeNs | None, Query(description="Begin; a day before the end where absent")] = None,
        end: Annotated[TimeNs | None, Query(description="End, not included; now where absent")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="At most so many, the newest first")] = 100,
    ) -> WaveformList:
        """Times, rates and lengths; a series of another type than Bytes has none."""
        start_ns, end_ns = window(start, end, clock_ns(), default_s=_DAY_S)
        found = lookup.find(series)
        entries = await readers.call(view.waveforms, str(found.key), start_ns, end_ns, limit)
        return WaveformList(series=SeriesItem.of(found), waveforms=[WaveformItem.of(entry) for entry in entries])

    @routes.get(
        "/waveform",
        summary="One waveform",
        response_model=WaveformAnswer,
        responses={
            200: {
                "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}},
                "description": "JSON, or with format=float32 the samples as little-endian 32-bit numbers, with the "
                "headers X-Rate-Hz and X-Time-Ns",
            },
            **documented(404, 422, 503),
        },
    )
    async def waveform(
        series: SeriesName,
        at: Annotated[TimeNs | None, Query(description="The newest one that is not later; now where absent")] = None,
        format: Annotated[  # noqa: A002 - the name of the parameter in the URL
            Literal["json", "float32"], Query(description="Form of the answer")
        ] = "json",
    ) -> Response:
        """The newest waveform of a series, or the newest one before a time."""
        at_ns = clock_ns() if at is None else at
        return await readers.call(_respond, view, lookup.find(series), at_ns, as_json=format == "json")

    return routes


def _respond(view: View, series: Series, at_ns: int, *, as_json: bool) -> Response:
    kept = view.waveform(str(series.key), at_ns)
    if kept is None:
        raise ProblemError(
            404,
            "no-waveform",
            f"{series.key} has no waveform up to {format_time(at_ns)}",
            title="No waveform",
            remedy="GET /api/v1/waveforms lists those that are stored; waveforms are series of the type bytes",
        )
    if not as_json:
        headers = {"X-Rate-Hz": repr(kept.waveform.rate_hz), "X-Time-Ns": str(kept.time_ns)}
        return Response(kept.waveform.samples, media_type=BINARY, headers=headers)
    # Rounded to what a 32-bit number holds, so that 0.1 is not 0.10000000149011612.
    samples = [float(f"{value:.7g}") for value in np.frombuffer(kept.waveform.samples, "<f4").tolist()]
    answer = WaveformAnswer.of(series, kept, samples)
    return Response(answer.model_dump_json(), media_type="application/json")
