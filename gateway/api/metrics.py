"""The gateway's own figures in the Prometheus text format."""

from collections.abc import Callable, Iterator

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gateway.view import EdgeStatus, HopState, View

_PREFIX = "showroom_"


class ViewCollector(Collector):
    """Reads the view at the moment of the scrape, so that nothing has to be counted twice."""

    def __init__(self, view: View, stream_clients: Callable[[], int]) -> None:
        self._view = view
        self._stream_clients = stream_clients

    def collect(self) -> Iterator[Metric]:
        """Yield every family once."""
        yield from self._hops()
        yield from self._edges()
        pipeline = self._view.pipeline()
        yield CounterMetricFamily(f"{_PREFIX}stored_samples", "Samples stored since start", pipeline.stored_samples)
        yield CounterMetricFamily(f"{_PREFIX}stored_batches", "Batches stored since start", pipeline.stored_batches)
        yield GaugeMetricFamily(f"{_PREFIX}quarantined", "Messages and samples in quarantine", pipeline.quarantined)
        yield GaugeMetricFamily(
            f"{_PREFIX}hold", "1 while edges keep everything because the store is down", pipeline.hold
        )
        yield GaugeMetricFamily(f"{_PREFIX}series", "Known series", len(self._view.catalogue()))
        yield GaugeMetricFamily(f"{_PREFIX}stream_clients", "Browsers on the live stream", self._stream_clients())

    def _hops(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(f"{_PREFIX}hop_state", "1 for the state a hop is in", labels=("hop", "state"))
        depth = GaugeMetricFamily(f"{_PREFIX}hop_queue_depth", "Messages waiting at a hop", labels=("hop",))
        lag = GaugeMetricFamily(f"{_PREFIX}hop_lag_seconds", "Age of the newest value that passed", labels=("hop",))
        for hop in self._view.hops():
            for possible in HopState:
                state.add_metric((hop.name, possible.value), hop.state is possible)
            if hop.queue_depth is not None:
                depth.add_metric((hop.name,), hop.queue_depth)
            if hop.lag_s is not None:
                lag.add_metric((hop.name,), hop.lag_s)
        yield from (state, depth, lag)

    def _edges(self) -> Iterator[Metric]:
        edges = self._view.pipeline().edges
        for name, text, read in _EDGE_GAUGES:
            gauge = GaugeMetricFamily(_PREFIX + name, text, labels=("edge",))
            for edge in edges:
                value = read(edge)
                if value is not None:
                    gauge.add_metric((str(edge.edge),), value)
            yield gauge
        for name, text, count in _EDGE_COUNTERS:
            counter = CounterMetricFamily(_PREFIX + name, text, labels=("edge",))
            for edge in edges:
                counter.add_metric((str(edge.edge),), count(edge))
            yield counter


_EDGE_GAUGES: tuple[tuple[str, str, Callable[[EdgeStatus], float | None]], ...] = (
    ("edge_online", "1 between birth and death", lambda edge: edge.online),
    ("edge_backlog", "Messages that the edge still holds", lambda edge: edge.backlog),
    ("edge_clock_skew_seconds", "Clock of the edge minus clock of the gateway", lambda edge: edge.clock_skew_s),
)
_EDGE_COUNTERS: tuple[tuple[str, str, Callable[[EdgeStatus], float]], ...] = (
    ("edge_messages", "Messages received since start", lambda edge: edge.messages),
    ("edge_samples", "Samples received since start", lambda edge: edge.samples),
    ("edge_duplicates", "Messages received again and not written again", lambda edge: edge.duplicates),
    ("edge_dropped", "Values that gaps declared as lost", lambda edge: edge.dropped),
    ("edge_rebirths", "Rebirths asked for", lambda edge: edge.rebirths),
)


def router(view: View, stream_clients: Callable[[], int]) -> APIRouter:
    """Build the route; the registry belongs to this app alone."""
    registry = CollectorRegistry()
    registry.register(ViewCollector(view, stream_clients))
    ProcessCollector(registry=registry)
    routes = APIRouter(tags=["State"])

    @routes.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={
            200: {
                "description": "Prometheus text format",
                "content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}},
            }
        },
    )
    async def metrics() -> Response:
        """State of every hop, delivery of every edge agent, and the gateway's own process."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes
