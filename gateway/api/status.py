"""Routes over the state of the data path: health, delivery, declared gaps."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.catalogue import PathPrefix
from gateway.api.models import EdgeItem, GapItem, Health, HistoryItem, HopItem, PipelineItem
from gateway.api.problems import documented
from gateway.api.readers import ReaderPool
from gateway.api.times import TimeNs
from gateway.api.window import window
from gateway.store.base import DeclaredGap
from gateway.view import Hop, HopState, View

_SEVERITY = (HopState.OK, HopState.WAITING, HopState.DEGRADED, HopState.FAILED)


def router(view: View, readers: ReaderPool, clock_ns: Callable[[], int]) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["State"], responses=documented(422))

    @routes.get("/health", summary="State of every hop of the data path")
    async def health() -> Health:
        """Per hop: state, queue, age of the newest value, last error and its remedy."""
        hops = view.hops()
        return Health(overall=worst(hops).value, hops=[HopItem.of(hop) for hop in hops])

    @routes.get("/pipeline", summary="Delivery from the edge agents to the store")
    async def pipeline() -> PipelineItem:
        """Per edge agent: backlog, acknowledged log sequence numbers, declared losses; and what is in quarantine."""
        state = view.pipeline()
        return PipelineItem(
            edges=[EdgeItem.of(edge) for edge in state.edges],
            quarantined=state.quarantined,
            stored_samples=state.stored_samples,
            stored_batches=state.stored_batches,
            hold=state.hold,
            store=state.store,
            history=None if state.history is None else HistoryItem.of_status(state.history),
        )

    @routes.get("/gaps", summary="Declared gaps", responses=documented(422, 503))
    async def gaps(
        start: Annotated[TimeNs | None, Query(description="Begin; an hour before the end where absent")] = None,
        end: Annotated[TimeNs | None, Query(description="End, not included; now where absent")] = None,
        path: PathPrefix = "",
    ) -> list[GapItem]:
        """Values that will never come and that an edge agent, or the gateway on its behalf, declared as lost."""
        start_ns, end_ns = window(start, end, clock_ns(), default_s=3600)
        declared = await readers.call(view.reader.gaps, start_ns, end_ns)
        return [GapItem.of(gap) for gap in declared if concerns(gap, path)]

    return routes


def worst(hops: Sequence[Hop]) -> HopState:
    """Return the worst state of any hop; WAITING where there is no hop at all."""
    return max((hop.state for hop in hops), key=_SEVERITY.index, default=HopState.WAITING)


def concerns(declared: DeclaredGap, path: str) -> bool:
    """Tell whether a gap lies in a part of the path: the path's own, a part below it, or a whole above it."""
    parts = [declared.edge.group_id, declared.edge.edge_node_id]
    if declared.gap.device_id is not None or declared.gap.metric is not None:
        parts.append(declared.gap.device_id or "")
    if declared.gap.metric is not None:
        parts.append(declared.gap.metric)
    gap_path = "/".join(parts) + "/"
    asked = path.removesuffix("/") + "/"
    return not path or gap_path.startswith(asked) or asked.startswith(gap_path)
