"""`load`: a load generator for benches; many nodes that change at a given total rate behind one OPC UA server."""

import asyncio
import json
import logging
import random
import time
from dataclasses import dataclass

from demo_line.clock import NS_PER_S
from demo_line.config import OpcuaConfig
from demo_line.journal import Journal
from demo_line.measurement import Offer, Quality
from demo_line.process import wait_until
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import OpcuaServer
from demo_line.signals import DataType

_NODES_PER_FOLDER = 500
"""Adding a node costs time in proportion to its siblings."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What is generated.

    Attributes:
        nodes: number of float nodes, `LOAD-<n>.value_<i>`.
        rate: values a second, over all nodes.
        tick_s: how often a batch is offered.
        duration_s: how long; None = until stopped.
        wait_readers: whether the values begin to change only when every node is read.
        seed: of the random walk.
    """

    nodes: int
    rate: float
    tick_s: float = 0.02
    duration_s: float | None = None
    wait_readers: bool = False
    seed: int = 1


def load_folders(nodes: int) -> list[Folder]:
    """Folders `LOAD-1`, `LOAD-2`, ... with at most 500 nodes each."""
    folders = []
    for number, start in enumerate(range(0, nodes, _NODES_PER_FOLDER), start=1):
        name = f"LOAD-{number}"
        members = [
            NodeDescription(
                f"{name}.value_{i}", f"value_{i}", DataType.DOUBLE, "1", -1e6, 1e6, "Random walk of the load generator"
            )
            for i in range(start, min(start + _NODES_PER_FOLDER, nodes))
        ]
        folders.append(Folder(name, "Load generator", members))
    return folders


async def generate(config: OpcuaConfig, options: LoadOptions, journal: Journal | None, stop: asyncio.Event) -> str:
    """Serve the nodes and change them until stopped or the duration is over; returns a report in JSON.

    The values of a tick share their source time, which is the real clock in microseconds. When the process is late it
    offers what it owes at the
    times at which it offers it; the report says which rate was reached.
    """
    server = OpcuaServer(config, "Load", load_folders(options.nodes), journal)
    await server.prepare()
    walk = random.Random(options.seed)
    levels = [walk.uniform(0.0, 100.0) for _ in range(options.nodes)]
    now_ns = time.time_ns() // 1000 * 1000
    await server.offer([Offer(node, now_ns, levels[node], Quality.GOOD) for node in range(options.nodes)])
    await server.listen()
    _log.info("%d nodes at %s", options.nodes, config.url)
    try:
        while options.wait_readers and server.monitored_nodes() < options.nodes and not stop.is_set():
            await wait_until(stop, 0.05)
        cpu_start, start_ns = time.process_time(), time.monotonic_ns()
        offered = await _change(server, options, walk, levels, stop)
        seconds = (time.monotonic_ns() - start_ns) / NS_PER_S
        cpu_s = time.process_time() - cpu_start
    finally:
        await server.close()
    return json.dumps(
        {
            "nodes": options.nodes,
            "rate_wanted": options.rate,
            "rate": round(offered / seconds, 1) if seconds else 0.0,
            "values": offered,
            "seconds": round(seconds, 3),
            "cpu_s": round(cpu_s, 3),
            "cpu_us_per_value": round(cpu_s / offered * 1e6, 2) if offered else None,
            "cpu_share_of_one_core": round(cpu_s / seconds, 4) if seconds else None,
        }
    )


async def _change(
    server: OpcuaServer, options: LoadOptions, walk: random.Random, levels: list[float], stop: asyncio.Event
) -> int:
    start_ns, offered, node = time.monotonic_ns(), 0, 0
    end_ns = None if options.duration_s is None else start_ns + round(options.duration_s * NS_PER_S)
    last_ns = 0
    while not stop.is_set():
        elapsed_ns = time.monotonic_ns() - start_ns
        if end_ns is not None and start_ns + elapsed_ns >= end_ns:
            break
        # At most one value per node and tick, so that a node never gets two values with one time.
        owed = min(int(elapsed_ns / NS_PER_S * options.rate) - offered, options.nodes)
        now_ns = last_ns = max(time.time_ns() // 1000 * 1000, last_ns + 1000)
        batch = []
        for _ in range(owed):
            levels[node] += walk.uniform(-1.0, 1.0)
            batch.append(Offer(node, now_ns, levels[node], Quality.GOOD))
            node = (node + 1) % options.nodes
        if batch:
            await server.offer(batch)
            offered += owed
        await wait_until(stop, options.tick_s - (time.monotonic_ns() - start_ns - elapsed_ns) / NS_PER_S)
    return offered
