"""The faults: what is done to a running setup, for how long, and what it may cost."""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.store.influx_names import MEASUREMENT
from tests.faults import crash_points
from tests.faults.child import Child
from tests.faults.clock import give_clock, jump, start_wrong
from tests.faults.influx_server import InfluxServer
from tests.faults.kind import Inject, Kind, Scale, around
from tests.faults.plant import Plant
from tests.faults.proxy import CLIENT_TO_SERVER, SERVER_TO_CLIENT, Proxy, Shuffler
from tests.faults.throttle import throttle


def _kill(pick: Callable[[Plant], Sequence[Child]], *, loses: bool, at_most_s: float = 5.0) -> Inject:
    """Kill processes at a random moment and start them again after a pause, as the launcher does."""

    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        time.sleep(rng.uniform(0.0, 1.0))  # the moment within publish intervals, commits and acknowledgements
        children = pick(plant)
        for child in children:
            child.kill()
        time.sleep(rng.uniform(0.3, min(at_most_s, scale.outage_s)))
        for child in children:
            child.start(wait=False)
        return loses

    return inject


def _kill_often(pick: Callable[[Plant], Child], *, loses: bool, times: int = 4) -> Inject:
    """Kill one process several times, also while it is still catching up."""

    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        child = pick(plant)
        for _ in range(times):
            child.kill()
            child.start(wait=False)
            time.sleep(rng.uniform(0.2, 3.0))
        return loses

    return inject


def _freeze(pick: Callable[[Plant], Child], *, loses: bool = False) -> Inject:
    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        child = pick(plant)
        child.freeze()
        time.sleep(around(rng, scale.outage_s))
        child.thaw()
        return loses

    return inject


def _down(pick: Callable[[Plant], Child]) -> Inject:
    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        child = pick(plant)
        child.kill()
        time.sleep(around(rng, scale.outage_s))
        child.start()
        return False

    return inject


def _partition(pick: Callable[[Plant], Sequence[Proxy]], *directions: int, loses: bool = False) -> Inject:
    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        for proxy in pick(plant):
            proxy.pause(*directions)
        time.sleep(around(rng, scale.outage_s))
        for proxy in pick(plant):
            proxy.resume()
        return loses

    return inject


def _refuse(pick: Callable[[Plant], Sequence[Proxy]], *, loses: bool = False) -> Inject:
    def inject(plant: Plant, rng: random.Random, scale: Scale) -> bool:
        for proxy in pick(plant):
            proxy.refuse()
        time.sleep(around(rng, scale.outage_s))
        for proxy in pick(plant):
            proxy.resume()
        return loses

    return inject


def _edge_link(plant: Plant) -> list[Proxy]:
    return [plant.edge_proxy]


def _gateway_link(plant: Plant) -> list[Proxy]:
    return [plant.gateway_proxy]


def _source_links(plant: Plant) -> list[Proxy]:
    return plant.source_proxies


def _flapping(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    until = time.monotonic() + scale.outage_s
    while time.monotonic() < until:
        rng.choice([plant.edge_proxy, plant.gateway_proxy]).drop()
        time.sleep(rng.uniform(0.1, 2.0))
    return False


def _shuffle(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    plant.gateway_proxy.shuffle(lambda: Shuffler(random.Random(rng.random())))
    plant.gateway_proxy.drop()
    time.sleep(around(rng, scale.outage_s))
    plant.gateway_proxy.shuffle(None)
    plant.gateway_proxy.drop()
    return False


def _restart_servers(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    crash = rng.random() < 0.5
    for server in (plant.line, plant.load):
        if crash:
            server.kill()
        else:
            server.stop()
    plant.number_namespaces(rng.randint(1, 30))
    time.sleep(rng.uniform(0.0, min(5.0, scale.outage_s)))
    for server in (plant.line, plant.load):
        server.start(wait=False)
    return True


def _servers_then_edge(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    """Kill the servers, and the edge while it knows of their outage and has not been able to declare it."""
    for child in plant.feeders:
        child.kill()
    time.sleep(rng.uniform(0.5, min(5.0, scale.outage_s)))
    plant.edge.kill()
    for child in (*plant.feeders, plant.edge):
        child.start(wait=False)
    return True


def _influx(plant: Plant) -> InfluxServer:
    assert plant.influx is not None
    return plant.influx


def _lock_out(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    _influx(plant).lock_out()
    time.sleep(around(rng, scale.outage_s))
    _influx(plant).let_in()
    return False


def _conflict(plant: Plant) -> None:
    """Let truth values collide with a field of another type, so that the server refuses exactly those points."""
    _influx(plant).write(f'{MEASUREMENT},site=elsewhere b="text" {time.time_ns()}')


def _nothing(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    time.sleep(around(rng, scale.outage_s))
    return False


def _fill_edge_disk(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    """Nothing can be delivered, so the log must grow, and the disk has no room."""
    plant.edge_proxy.refuse()
    filler = fill(plant.edge_folder)
    time.sleep(around(rng, scale.outage_s))
    filler.unlink()
    plant.edge_proxy.resume()
    return True


def _fill_gateway_disk(plant: Plant, rng: random.Random, scale: Scale) -> bool:
    filler = fill(plant.gateway_folder)
    time.sleep(around(rng, scale.outage_s))
    filler.unlink()
    return False


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to the last byte; returns the file that does it."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while shutil.disk_usage(folder).free:
            file.write(bytes(4096))
    return filler


def _power_cut(plant: Plant) -> list[Child]:
    return plant.children


KINDS: Sequence[Kind] = (
    Kind("edge_kill", "only the declared window is lost", _kill(lambda plant: [plant.edge], loses=True)),
    Kind("edge_kill_often", "only the declared windows are lost", _kill_often(lambda plant: plant.edge, loses=True)),
    Kind("edge_freeze", "nothing lost, or declared where the server gave up", _freeze(lambda p: p.edge, loses=True)),
    Kind("gateway_kill", "0 lost, 0 duplicate", _kill(lambda plant: [plant.gateway], loses=False)),
    Kind("gateway_kill_often", "0 lost, 0 duplicate", _kill_often(lambda plant: plant.gateway, loses=False)),
    Kind("gateway_freeze", "0 lost", _freeze(lambda plant: plant.gateway)),
    Kind("broker_kill", "0 lost", _kill(lambda plant: [plant.broker], loses=False)),
    Kind("broker_down", "0 lost", _down(lambda plant: plant.broker)),
    Kind("broker_freeze", "0 lost", _freeze(lambda plant: plant.broker)),
    Kind("edge_partition", "0 lost", _partition(_edge_link)),
    Kind("edge_one_way_up", "0 lost", _partition(_edge_link, SERVER_TO_CLIENT)),
    Kind("edge_one_way_down", "0 lost", _partition(_edge_link, CLIENT_TO_SERVER)),
    Kind("edge_refused", "0 lost", _refuse(_edge_link)),
    Kind("gateway_partition", "0 lost", _partition(_gateway_link)),
    Kind("gateway_one_way_up", "0 lost", _partition(_gateway_link, SERVER_TO_CLIENT)),
    Kind("gateway_one_way_down", "0 lost", _partition(_gateway_link, CLIENT_TO_SERVER)),
    Kind("flapping", "0 lost", _flapping),
    Kind("shuffle", "repeated and reordered messages are stored once", _shuffle),
    Kind(
        "opcua_restart", "resubscribed by namespace URI, the outage declared", _restart_servers,
        rules=(("*", "{ max_interval_s = 3 }"),),  # so that unchanged values are repeated around the outage
    ),
    Kind("opcua_partition", "the outage declared", _partition(_source_links, loses=True)),
    Kind("opcua_refused", "the outage declared", _refuse(_source_links, loses=True)),
    Kind("opcua_then_edge_kill", "one outage declared over both", _servers_then_edge),
    Kind("power_cut", "everything restarts alone", _kill(_power_cut, loses=True)),
    Kind("influx_down", "0 lost", _down(lambda plant: _influx(plant).child), store="influx"),
    Kind("influx_freeze", "0 lost", _freeze(lambda plant: _influx(plant).child), store="influx"),
    Kind("influx_401", "0 lost, resumes when the credential is right again", _lock_out, store="influx"),
    Kind(
        "influx_bad_point", "only the refused points are missing, and they are in quarantine", _nothing, store="influx",
        prepare=_conflict, quarantines=True, rules=(("*", "{ max_interval_s = 60 }"),),
    ),
    Kind(
        "influx_throttled", "0 lost, Retry-After obeyed, live values go on", throttle, store="influx", throttled=True
    ),
    Kind(
        "edge_crash_points", "logged is delivered, at whatever point of the work the edge dies",
        crash_points.crash(lambda plant: plant.edge, crash_points.EDGE, loses=True),
        prepare=lambda plant: crash_points.wrap(plant.edge),
    ),
    Kind(
        "gateway_crash_points", "0 lost, 0 duplicate, at whatever point of the work the gateway dies",
        crash_points.crash(lambda plant: plant.gateway, crash_points.GATEWAY, loses=False),
        store="duckdb", prepare=lambda plant: crash_points.wrap(plant.gateway),
    ),
    Kind(
        "influx_crash_points", "0 lost, 0 duplicate, at whatever point of the work the gateway dies",
        crash_points.crash(lambda plant: plant.gateway, crash_points.INFLUX, loses=False),
        store="influx", prepare=lambda plant: crash_points.wrap(plant.gateway),
    ),
    Kind("edge_clock_jump", "0 lost, source times kept, skew flagged", jump, prepare=give_clock, sets_clock=True),
    Kind(
        "edge_clock_wrong_at_start", "only the time without edge is declared, skew flagged", start_wrong,
        prepare=give_clock, sets_clock=True,
    ),
    Kind("edge_disk_full", "declared drops, exactly counted, no crash", _fill_edge_disk, disk="edge"),
    Kind("gateway_disk_full", "0 lost, resumes alone", _fill_gateway_disk, store="duckdb", disk="gateway"),
)  # fmt: skip

BY_NAME = {kind.name: kind for kind in KINDS}
