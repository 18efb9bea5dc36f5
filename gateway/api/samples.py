"""Routes over stored samples: raw where few, else buckets; an exact raw export page by page; many series at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Header, Query, Response
from numpy.typing import NDArray
from pydantic_core import to_json

from edge_agent.sparkplug.metric import BYTES_TYPES, TEXT_TYPES
from gateway.api.catalogue import Lookup
from gateway.api.models import SamplesAnswer, SeriesItem, finite
from gateway.api.problems import ProblemError, documented
from gateway.api.readers import ReaderPool
from gateway.api.settings import MAX_POINTS, MAX_ROWS, MAX_SERIES
from gateway.api.times import TimeNs
from gateway.api.window import window
from gateway.store.base import Buckets, SampleReader, Samples, Series
from gateway.view import View

ARROW = "application/vnd.apache.arrow.stream"

SeriesName = Annotated[
    str,
    Query(
        description="Number or path of the series",
        min_length=1,
        max_length=500,
        openapi_examples={"path": {"value": "showroom/line-edge/MIX-10/product_flow_l_h"}, "number": {"value": "1"}},
    ),
]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for."""

    series: Series
    start_ns: int
    end_ns: int
    max_points: int
    raw: bool
    limit: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A window of one series; exactly one of `raw` and `buckets` is there. `next_ns` is where the next page begins."""

    request: Request
    raw: Samples | None
    buckets: Buckets | None
    next_ns: int | None


def router(view: View, readers: ReaderPool, clock_ns: Callable[[], int]) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["Samples"])
    lookup = Lookup(view)

    @routes.get(
        "/samples",
        summary="Stored samples of one series",
        response_model=SamplesAnswer,
        responses={
            200: {
                "content": {ARROW: {"schema": {"type": "string", "format": "binary"}}},
                "description": "JSON, or an Arrow IPC stream with format=arrow or by the Accept header",
            },
            **documented(404, 422, 503),
        },
    )
    async def samples(
        series: SeriesName,
        start: Annotated[TimeNs | None, Query(description="Begin; ten minutes before the end where absent")] = None,
        end: Annotated[TimeNs | None, Query(description="End, not included; now where absent")] = None,
        max_points: Annotated[
            int, Query(ge=1, le=MAX_POINTS, description="Raw up to so many samples, above it so many buckets")
        ] = 1000,
        raw: Annotated[bool, Query(description="Exact export: every sample as stored, page by page")] = False,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS, description="Samples a page of an exact export")] = 10_000,
        format: Annotated[  # noqa: A002 - the name of the parameter in the URL
            Literal["json", "arrow"] | None, Query(description="Overrides the Accept header")
        ] = None,
        accept: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> Response:
        """A window as raw samples where there are at most `max_points`, else as buckets of minimum, maximum and mean.

        Series of text have no buckets: they always come raw, page by page.
        """
        start_ns, end_ns = window(start, end, clock_ns(), default_s=600)
        request = Request(lookup.find(series), start_ns, end_ns, max_points, raw, limit)
        as_arrow = format == "arrow" or (format is None and ARROW in accept)
        return await readers.call(_respond, view.reader, request, as_arrow=as_arrow)

    @routes.get(
        "/samples/several",
        summary="Stored samples of several series at once",
        response_class=Response,
        responses={
            200: {
                "content": {ARROW: {"schema": {"type": "string", "format": "binary"}}},
                "description": "An Arrow IPC stream, ascending by series, then by time",
            },
            **documented(422, 503),
        },
    )
    async def several(
        series: Annotated[
            str,
            Query(
                description=f"Numbers of the series, at most {MAX_SERIES}",
                pattern=r"^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*$",
                max_length=10 * MAX_SERIES,
                openapi_examples={"two": {"value": "1,2"}},
            ),
        ],
        start: Annotated[TimeNs | None, Query(description="Begin; a minute before the end where absent")] = None,
        end: Annotated[TimeNs | None, Query(description="End, not included; now where absent")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS, description="Most samples of the answer")] = MAX_ROWS,
    ) -> Response:
        """What is new of many series with one request, for programs that follow the whole plant.

        Where there are more samples than `limit`, the last series is cut off and later ones are missing: go on after
        its last time. A number that is not known has no samples.
        """
        numbers = [int(number) for number in series.split(",")]
        if len(numbers) > MAX_SERIES:
            raise ProblemError(
                422,
                "too-many-series",
                f"{len(numbers)} series are named",
                title="Too many series",
                remedy=f"name at most {MAX_SERIES} in one request",
            )
        start_ns, end_ns = window(start, end, clock_ns(), default_s=60)
        return await readers.call(_respond_several, view.reader, numbers, start_ns, end_ns, limit)

    return routes


def _respond_several(reader: SampleReader, numbers: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Response:
    # Imported here, because it costs 40 MB that a gateway without such callers need not hold.
    from gateway.api import arrow

    rows = reader.several(numbers, start_ns, end_ns, limit)
    return Response(arrow.encode_several(rows), media_type=ARROW)


def _respond(reader: SampleReader, request: Request, *, as_arrow: bool) -> Response:
    answer = read(reader, request)
    link = next_link(answer)
    headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
    if as_arrow:
        # Imported here, because it costs 40 MB that a gateway without such callers need not hold.
        from gateway.api import arrow

        return Response(arrow.encode(answer.raw, answer.buckets), media_type=ARROW, headers=headers)
    return Response(to_json(as_columns(answer)), media_type="application/json", headers=headers)


def read(reader: SampleReader, request: Request) -> Answer:
    """Read a window in the form that suits it. Raises StoreUnavailableError."""
    number, start_ns, end_ns = request.series.number, request.start_ns, request.end_ns
    numeric = request.series.datatype not in TEXT_TYPES | BYTES_TYPES
    if not request.raw and numeric and reader.count(number, start_ns, end_ns) > request.max_points:
        return Answer(request, None, reader.buckets(number, start_ns, end_ns, request.max_points), None)
    limit = request.limit if request.raw else request.max_points
    rows = reader.raw(number, start_ns, end_ns, limit)
    # Times of a series are unique, so the next page begins right after the last time.
    following = int(rows.time_ns[-1]) + 1 if len(rows) == limit else end_ns
    return Answer(request, rows, None, following if following < end_ns else None)


def next_link(answer: Answer) -> str | None:
    """Return the path of the next page, None where this is the last."""
    if answer.next_ns is None:
        return None
    request = answer.request
    query: dict[str, Any] = {
        "series": request.series.number,
        "start": answer.next_ns,
        "end": request.end_ns,
        "raw": "true",
        "limit": request.limit if request.raw else request.max_points,
    }
    return f"/api/v1/samples?{urlencode(query)}"


def as_columns(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of models.SamplesAnswer; columns stay lists, so nothing is validated row by row."""
    request, raw, buckets = answer.request, answer.raw, answer.buckets
    return {
        "series": SeriesItem.of(request.series).model_dump(),
        "start_ns": request.start_ns,
        "end_ns": request.end_ns,
        "form": "raw" if buckets is None else "buckets",
        "raw": None if raw is None else _raw_columns(raw),
        "buckets": None if buckets is None else _bucket_columns(buckets),
        "next": next_link(answer),
    }


def _raw_columns(rows: Samples) -> dict[str, Any]:
    return {
        "time_ns": rows.time_ns.tolist(),
        "value": [finite(rows.value(row)) for row in range(len(rows))],
        "quality": rows.quality.tolist(),
        "origin": rows.origin.tolist(),
    }


def _bucket_columns(buckets: Buckets) -> dict[str, Any]:
    return {
        "start_ns": buckets.start_ns.tolist(),
        "width_ns": int(buckets.width_ns),
        "minimum": _nullable(buckets.minimum),
        "maximum": _nullable(buckets.maximum),
        "mean": _nullable(buckets.mean),
        "count": buckets.count.tolist(),
        "bad": buckets.bad.tolist(),
        "tier": buckets.tier,
    }


def _nullable(column: NDArray[np.float64]) -> list[float | None]:
    return [
        value if valid else None for value, valid in zip(column.tolist(), np.isfinite(column).tolist(), strict=True)
    ]
