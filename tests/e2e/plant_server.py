"""Serves the real app over a plant in memory: `python -m tests.e2e.plant_server SCENARIO PORT FOLDER`."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import uvicorn

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.app import create_app
from gateway.store.base import Series, StoreUnavailableError
from gateway.view import Hop, HopState
from tests.e2e.judged import judged_series, say
from tests.gateway.plant import SECOND_NS, Plant, SilentReader, bottling_series, plain_series

_SKAB = (
    ("Accelerometer1RMS", "g"),
    ("Current", "A"),
    ("Pressure", "bar"),
    ("Temperature", "°C"),
    ("Volume Flow RateRMS", "L/min"),
)


def _bottling(_plant: Plant) -> None:
    """All is well."""


def _troubled(plant: Plant) -> None:
    """One machine of each abnormal state, a bad, an uncertain and a stale value, a gap, a failed edge agent."""
    now_ns = time.time_ns()
    plant.states |= {"MIX-10": "SUSPENDED", "MONO-30": "HELD", "CA-90": "ABORTED"}
    plant.declare_gap("MIX-10", now_ns - 300 * SECOND_NS, now_ns - 200 * SECOND_NS, "source_down")
    for place, hop in enumerate(plant.hop_list):
        if hop.name == "edge meter-edge":
            error, remedy = "not connected to the broker", "start the edge agent meter-edge"
            plant.hop_list[place] = Hop(hop.name, HopState.FAILED, lag_s=31.0, error=error, remedy=remedy)


def _spoil(plant: Plant) -> None:
    """Give the newest values of the troubled plant their qualities again."""
    plant.mark("EL-92", Quality.STALE)
    plant.set(
        replace(plant.values[3], quality=Quality.BAD, value=None), replace(plant.values[2], quality=Quality.UNCERTAIN)
    )


def _storeless(plant: Plant) -> None:
    """The store is away: live values go on, history says why there is none."""
    plant.failing_reader = SilentReader(
        StoreUnavailableError("the database file is locked by another process", remedy="stop the other gateway")
    )


_SCENARIOS: Mapping[str, tuple[Callable[[], list[Series]], Callable[[Plant], None]]] = {
    "bottling": (bottling_series, _bottling),
    "troubled": (bottling_series, _troubled),
    "storeless": (bottling_series, _storeless),
    "replayed": (lambda: plain_series("skab", "replay-edge", "valve1", _SKAB, Origin.REPLAYED), _bottling),
    "judged": (judged_series, say),
    "learning": (judged_series, lambda plant: say(plant, learning=True)),
    "empty": (list, _bottling),
}


def main() -> None:
    """Serve one scenario until the process is ended."""
    scenario, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    series, prepare = _SCENARIOS[scenario]
    now_ns = time.time_ns()
    plant = Plant(folder / "plant.duckdb", series(), now_ns)
    if plant.known:
        plant.write_history(now_ns, 900, 3.0)
    prepare(plant)

    def live() -> None:
        while True:
            plant.step(time.time_ns())
            if scenario == "troubled":
                _spoil(plant)
            if scenario in ("judged", "learning"):
                say(plant, learning=scenario == "learning")
            time.sleep(0.5)

    threading.Thread(target=live, name="plant", daemon=True).start()
    uvicorn.run(create_app(plant), port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
