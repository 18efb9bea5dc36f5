"""What the gateway says of its data path: hops and edges, in words with a remedy. Pure functions over counters."""

from collections.abc import Sequence

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.backfill import BackfillState, BackfillStatus
from gateway.host import Node
from gateway.store_health import StoreHealth
from gateway.traffic import EdgeTraffic
from gateway.view import EdgeStatus, Hop, HopState

SKEW_LIMIT_S = 2.0
"""A clock that is further off is flagged: its times cannot be compared with others."""
_SOURCE_STATES = {"connected": HopState.OK, "connecting": HopState.WAITING, "unavailable": HopState.FAILED}

RENEW_REMEDY = "let whoever runs the broker issue a new certificate and replace the file; the next connection reads it"


def edge_status(node: Node, traffic: EdgeTraffic, stored: IntervalSet) -> EdgeStatus:
    """Describe one edge agent."""
    return EdgeStatus(
        edge=node.edge,
        online=node.online,
        devices={name: node.online and device.online for name, device in node.devices.items()},
        epoch=node.epoch,
        acknowledged=list(stored),
        last_lsn=traffic.last_lsn,
        backlog=traffic.backlog,
        dropped=traffic.dropped,
        clock_skew_s=traffic.clock_skew_s,
        messages=traffic.messages,
        samples=traffic.samples,
        duplicates=traffic.duplicates,
        rebirths=node.rebirth.asked,
    )


def edge_hops(node: Node, traffic: EdgeTraffic, now_ns: int) -> Sequence[Hop]:
    """Describe the sources of an edge agent, as it tells them, and then the agent itself."""
    name = node.edge.edge_node_id
    hops = []
    for source, words in sorted(traffic.sources.items()) if node.online else ():
        state = _SOURCE_STATES.get(words.state, HopState.DEGRADED)
        hops.append(Hop(f"source {name}/{source}", state, error=words.error, remedy=words.remedy))
    lag_s = _lag_s(traffic.newest_ns, now_ns)
    state, error, remedy = HopState.OK, "", ""
    if not node.online:
        state, error = HopState.FAILED, "the edge agent is not connected to the broker, or has not announced itself yet"
        remedy = f"check that the edge agent {name} runs and reaches the broker; it keeps its data meanwhile"
    elif traffic.log_error:
        state, error = HopState.DEGRADED, f"it cannot write its log: {traffic.log_error}"
        remedy = f"give {name} space on its disk; until then only what can be published at once is safe"
    elif traffic.clock_skew_s is not None and abs(traffic.clock_skew_s) > SKEW_LIMIT_S:
        ahead = "ahead of" if traffic.clock_skew_s > 0 else "behind"
        state, error = HopState.DEGRADED, f"its clock is {abs(traffic.clock_skew_s):.1f} s {ahead} the gateway's"
        remedy = f"synchronise the clocks of both machines (NTP); until then times of {name} cannot be compared"
    elif traffic.expiring:
        state, error, remedy = HopState.DEGRADED, traffic.expiring, RENEW_REMEDY
    hops.append(Hop(f"edge {name}", state, traffic.backlog, lag_s=lag_s, error=error, remedy=remedy))
    return hops


def broker_hop(address: str, *, connected: bool, error: str, expiring: str = "") -> Hop:
    """Describe the broker; `expiring` says which certificates of the connection expire soon."""
    if connected and expiring:
        return Hop("broker", HopState.DEGRADED, error=expiring, remedy=RENEW_REMEDY)
    if connected:
        return Hop("broker", HopState.OK)
    return Hop(
        "broker",
        HopState.FAILED if error else HopState.WAITING,
        error=error or f"connecting to {address}",
        remedy=f"start the broker at {address}, or correct [broker] in the configuration" if error else "",
    )


def ingest_hop(depth: int, fill: float, *, holding: bool) -> Hop:
    """Describe the queue between network and store."""
    if holding and fill > 0.9:
        error = "the queue is full; live values are shown but wait at the edges until the store takes data again"
        return Hop("ingest", HopState.DEGRADED, depth, error=error, remedy="mend the store; nothing is lost meanwhile")
    if fill > 0.5:
        error = "data comes faster than the store takes it; what does not fit waits at the edges"
        return Hop(
            "ingest", HopState.DEGRADED, depth, error=error, remedy="if this lasts, give the store a faster disk"
        )
    return Hop("ingest", HopState.OK, depth)


def store_hop(health: StoreHealth, now_ns: int) -> Hop:
    """Describe the store."""
    lag_s = _lag_s(health.newest_ns, now_ns)
    if health.error:
        return Hop("store", HopState.FAILED, lag_s=lag_s, error=health.error, remedy=health.remedy)
    return Hop("store", HopState.OK if health.newest_ns else HopState.WAITING, lag_s=lag_s)


def file_hops(health: StoreHealth) -> Sequence[Hop]:
    """Describe the gateway's files beside the store where they are in trouble."""
    hops: list[Hop] = []
    if health.quarantine_error:
        remedy = "read it (showroom quarantine list), mend the sender, make space on the disk or move the file away"
        hops.append(Hop("quarantine", HopState.DEGRADED, error=health.quarantine_error, remedy=remedy))
    if health.waveform_error:
        remedy = (
            "make space on the disk of the waveform file, or lower waveforms_max_bytes; waveforms wait at the edges"
        )
        hops.append(Hop("waveforms", HopState.DEGRADED, error=health.waveform_error, remedy=remedy))
    return hops


def history_hops(status: BackfillStatus) -> Sequence[Hop]:
    """Describe the import of a history while it goes on, or where it was declined."""
    if status.state is BackfillState.IMPORTING:
        left = None if status.of is None else status.of - status.chunks
        return [Hop("history", HopState.OK, left)]
    if status.error:
        return [Hop("history", HopState.DEGRADED, error=status.error, remedy=status.remedy)]
    return []


def _lag_s(newest_ns: int, now_ns: int) -> float | None:
    return max(0.0, (now_ns - newest_ns) / 1e9) if newest_ns else None
