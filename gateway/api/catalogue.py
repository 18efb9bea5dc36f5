"""Routes over what has announced itself: equipment, series, latest values."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.models import EdgeBranch, EquipmentTree, LatestItem, SeriesItem, Site, WorkUnit
from gateway.api.problems import ProblemError, documented
from gateway.store.base import EdgeKey, Series
from gateway.view import View

PathPrefix = Annotated[
    str,
    Query(
        description="Only series whose path is this or begins with it and a slash; empty: all",
        max_length=500,
        openapi_examples={"all": {"value": ""}, "one machine": {"value": "showroom/line-edge/MIX-10"}},
    ),
]


class Lookup:
    """Finds a series by number or path, without walking the catalogue for every request."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._catalogue: list[Series] = []
        self._by_name: dict[str, Series] = {}

    def find(self, name: str) -> Series:
        """Return the series of a number (`12`) or a path; raises ProblemError 404."""
        catalogue = list(self._view.catalogue())
        # Comparing lists of the same objects costs no more than their length.
        if catalogue != self._catalogue:
            self._catalogue = catalogue
            self._by_name = {str(series.key): series for series in catalogue}
            self._by_name |= {str(series.number): series for series in catalogue}
        try:
            return self._by_name[name]
        except KeyError:
            raise ProblemError(
                404,
                "unknown-series",
                f"no series has the number or path {name[:200]!r}",
                title="Unknown series",
                remedy="GET /api/v1/series lists the known series",
            ) from None


def is_below(series: Series, prefix: str) -> bool:
    """Tell whether a series is the one of the path or below it; everything is below the empty path."""
    path = str(series.key)
    return not prefix or path == prefix or path.startswith(prefix.removesuffix("/") + "/")


def router(view: View, clock_ns: Callable[[], int]) -> APIRouter:
    """Build the routes."""
    routes = APIRouter(tags=["Equipment"], responses=documented(422))

    @routes.get("/equipment", summary="Tree of sites, edge agents, work units and signals")
    async def equipment() -> EquipmentTree:
        """Everything that has announced itself since the store began, with what is online now."""
        return tree(view)

    @routes.get("/series", summary="Known series")
    async def series(path: PathPrefix = "") -> list[SeriesItem]:
        """Series as their births declared them, by path."""
        return [SeriesItem.of(item) for item in view.catalogue() if is_below(item, path)]

    @routes.get("/latest", summary="Newest values")
    async def latest(path: PathPrefix = "") -> list[LatestItem]:
        """Newest value of every series that has one, with its age, quality and origin."""
        now_ns = clock_ns()
        return [LatestItem.of(item, now_ns) for item in view.latest() if is_below(item.series, path)]

    return routes


def tree(view: View) -> EquipmentTree:
    """Arrange the catalogue as a tree; an edge agent or work unit without any series is in it too."""
    edges: dict[EdgeKey, dict[str, list[SeriesItem]]] = {}
    online: dict[EdgeKey, bool] = {}
    devices_online: dict[tuple[EdgeKey, str], bool] = {}
    for status in view.pipeline().edges:
        edges[status.edge] = {device: [] for device in status.devices}
        online[status.edge] = status.online
        devices_online |= {(status.edge, device): up for device, up in status.devices.items()}
    for series in view.catalogue():
        edge = EdgeKey(series.key.group_id, series.key.edge_node_id)
        edges.setdefault(edge, {}).setdefault(series.key.device_id, []).append(SeriesItem.of(series))
    sites: dict[str, list[EdgeBranch]] = {}
    for edge in sorted(edges, key=str):
        units = edges[edge]
        branch = EdgeBranch(
            edge_node_id=edge.edge_node_id,
            online=online.get(edge, False),
            signals=units.pop("", []),
            work_units=_work_units(units, edge, devices_online),
        )
        sites.setdefault(edge.group_id, []).append(branch)
    return EquipmentTree(sites=[Site(group_id=group_id, edges=branches) for group_id, branches in sites.items()])


def _work_units(
    units: dict[str, list[SeriesItem]], edge: EdgeKey, online: dict[tuple[EdgeKey, str], bool]
) -> list[WorkUnit]:
    return [
        WorkUnit(device_id=device, online=online.get((edge, device), False), signals=signals)
        for device, signals in sorted(units.items())
    ]
