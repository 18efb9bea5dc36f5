"""Samples of a running gateway over its HTTP API: for other processes than the one that owns the store."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from gateway.store.base import Buckets, DeclaredGap, EdgeKey, Kind, Samples, Series, SeriesKey, StoreUnavailableError
from gateway.store.downsample import aggregate
from gateway.store.rollup import plan_buckets

PAGE_ROWS = 100_000
"""Rows a page: the most the API gives."""
MAX_POINTS = 10_000
"""Buckets an answer: the most the API gives."""
MAX_SERIES = 500
"""Series a request: the most the API takes."""
_SPAN_NS = 10 * 366 * 86_400 * 1_000_000_000
_FIRST_NS, _END_NS = 0, 2**63 - 1
"""Times the API knows; nothing is asked outside."""


class RemoteStore:
    """Reading side of the store behind a gateway; see gateway.store.base.SampleReader for the contract.

    Windows are cut at the years 1970 and 2262, and buckets at MAX_POINTS, as the API cuts them.
    """

    def __init__(self, url: str, *, timeout_s: float = 30.0, transport: httpx.BaseTransport | None = None) -> None:
        """Take the gateway's base address; nothing is sent before the first read."""
        self._url = url.rstrip("/")
        self._http = httpx.Client(base_url=self._url, timeout=timeout_s, transport=transport, trust_env=False)

    def series(self) -> list[Series]:
        """Return the catalogue."""
        return [_series(item) for item in self._get("/api/v1/series", {}).json()]

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of a window, ascending by time."""
        parts: list[Samples] = []
        for page in self._pages(series, start_ns, end_ns, limit):
            parts.append(page.take(np.arange(min(limit, len(page)))))
            limit -= len(parts[-1])
            if limit <= 0:
                break
        return Samples.concatenate(parts)

    def several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        """Return rows of several series, ascending by series, then by time: one request for up to PAGE_ROWS rows."""
        left = sorted(set(series))
        spans = list(_spans(start_ns, end_ns))
        parts: list[Samples] = []
        while left and limit > 0 and spans:
            asked, left = left[:MAX_SERIES], left[MAX_SERIES:]
            if len(spans) > 1:  # decades are asked for series by series
                page, left = self.raw(asked[0], start_ns, end_ns, limit), asked[1:] + left
            else:
                page = self._page_of_several(asked, *spans[0], min(limit, PAGE_ROWS))
            limit -= len(page)
            parts.append(page)
            if len(spans) == 1 and len(page) == PAGE_ROWS and limit > 0:
                # The rest of the series at which the page ends, then what follows it.
                last = int(page.series[-1])
                parts.append(self.raw(last, int(page.time_ns[-1]) + 1, end_ns, limit))
                limit -= len(parts[-1])
                left = [number for number in asked if number > last] + left
        return Samples.concatenate(parts)

    def count(self, series: int, start_ns: int, end_ns: int) -> int:
        """Count rows of a window, by reading them: the API tells no number."""
        return sum(len(page) for page in self._pages(series, start_ns, end_ns, PAGE_ROWS))

    def buckets(self, series: int, start_ns: int, end_ns: int, max_points: int) -> Buckets:
        """Down-sample a window; few rows come raw and are merged here."""
        plan = plan_buckets(start_ns, end_ns, max_points)
        query = {
            "series": series,
            "start": plan.start_ns,
            "end": plan.end_ns,
            "max_points": min(max_points, MAX_POINTS),
        }
        answer = self._get("/api/v1/samples", query | {"format": "arrow"}, unknown_is_empty=True)
        if answer is None:
            return aggregate(Samples.empty(), plan)
        table = _table(answer.content)
        if "start" in table.column_names:
            return _buckets(table)
        if "next" not in answer.links:
            return aggregate(_samples(table, series), plan)
        pages = list(self._pages(series, plan.start_ns, plan.end_ns, PAGE_ROWS))
        return aggregate(Samples.concatenate(pages), plan)

    def gaps(self, start_ns: int, end_ns: int) -> list[DeclaredGap]:
        """Return declared gaps that overlap the window, by begin."""
        found: dict[DeclaredGap, None] = {}
        for start, end in _spans(start_ns, end_ns):
            for item in self._get("/api/v1/gaps", {"start": start, "end": end}).json():
                found[_gap(item)] = None
        return list(found)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _pages(self, series: int, start_ns: int, end_ns: int, limit: int) -> Iterator[Samples]:
        for start, end in _spans(start_ns, end_ns):
            while True:
                query = {"series": series, "start": start, "end": end, "raw": "true", "limit": min(limit, PAGE_ROWS)}
                answer = self._get("/api/v1/samples", query | {"format": "arrow"}, unknown_is_empty=True)
                if answer is None:
                    return
                page = _samples(_table(answer.content), series)
                yield page
                if "next" not in answer.links:
                    break
                start = int(page.time_ns[-1]) + 1  # times of a series are unique

    def _page_of_several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        query = {"series": ",".join(map(str, series)), "start": start_ns, "end": end_ns, "limit": limit}
        table = _table(self._get("/api/v1/samples/several", query).content)
        return _samples(table, table["series"].to_numpy())

    def _get(self, path: str, query: dict[str, Any], *, unknown_is_empty: bool = False) -> Any:
        """Return the answer; None for an unknown series where that means no rows."""
        try:
            answer = self._http.get(path, params=query)
        except httpx.HTTPError as error:
            raise StoreUnavailableError(
                f"gateway at {self._url} cannot be reached: {error or type(error).__name__}",
                remedy="start the gateway, check its address and port",
            ) from error
        if answer.status_code == 200:
            return answer
        if answer.status_code == 404 and unknown_is_empty and "unknown-series" in answer.text:
            return None
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        after = answer.headers.get("retry-after", "")
        raise StoreUnavailableError(
            f"gateway at {self._url} answers {answer.status_code}: {problem.get('detail', answer.text[:200])}",
            remedy=str(problem.get("remedy") or "see the gateway's log"),
            retry_after_s=float(after) if after.isdigit() else None,
            permanent=answer.status_code < 500 and answer.status_code != 429,
        )


def _spans(start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """Cut a window into spans the API takes."""
    start_ns, end_ns = max(start_ns, _FIRST_NS), min(end_ns, _END_NS)
    while start_ns < end_ns:
        yield start_ns, min(end_ns, start_ns + _SPAN_NS)
        start_ns += _SPAN_NS


def _series(item: dict[str, Any]) -> Series:
    return Series(
        number=item["number"],
        key=SeriesKey(item["group_id"], item["edge_node_id"], item["device_id"], item["metric"]),
        datatype=DataType[item["datatype"].upper()],
        unit=item["unit"],
        low=item["low"],
        high=item["high"],
        description=item["description"],
        origin=Origin.parse(item["origin"]),
        address=item["address"],
        report=item["report"],
    )


def _gap(item: dict[str, Any]) -> DeclaredGap:
    group_id, edge_node_id = item["edge"].split("/", 1)
    gap = Gap(item["device_id"], item["metric"], item["start_ns"], item["end_ns"], item["count"], item["cause"])
    return DeclaredGap(EdgeKey(group_id, edge_node_id), int(item["epoch"]), gap, item["stored_at_ns"])


def _table(content: bytes) -> Any:
    # Imported here, because it costs 40 MB that a process without a remote store need not hold.
    import pyarrow as pa

    return pa.ipc.open_stream(content).read_all()


def _samples(table: Any, series: int | NDArray[np.int32]) -> Samples:
    kind = table["kind"].to_numpy()
    return Samples(
        series=np.full(len(kind), series, np.int32),
        time_ns=table["time"].cast("int64").to_numpy(),
        kind=kind,
        number=table["number"].to_numpy(),
        integer=table["integer"].to_numpy(),
        text=table["text"].to_pylist() if (kind == Kind.TEXT).any() else None,
        quality=table["quality"].to_numpy(),
        origin=table["origin"].to_numpy(),
    )


def _buckets(table: Any) -> Buckets:
    return Buckets(
        start_ns=table["start"].cast("int64").to_numpy(),
        width_ns=int(table.schema.metadata[b"width_ns"]),
        minimum=table["minimum"].to_numpy(),
        maximum=table["maximum"].to_numpy(),
        mean=table["mean"].to_numpy(),
        count=table["count"].to_numpy(),
        bad=table["bad"].to_numpy(),
        tier=table.schema.metadata[b"tier"].decode(),
    )
