"""The OPC UA source against real servers in the same event loop."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from pydantic import TypeAdapter

from edge_agent.report import ReportRule
from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sources.opcua.source import OpcUaSource
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from tests.integration.opcua_peer import URI, Peer, note_requests
from tests.integration.source_sink import KeepingSink, reading, until

T = ua.VariantType
VARIABLES: list[tuple[str, str, Any, ua.VariantType]] = [
    ("MIX-10", "flow_l_h", 1.5, T.Double),
    ("MIX-10", "speed_rpm", 2900.0, T.Float),
    ("MIX-10", "count", 7, T.UInt32),
    ("MIX-10", "running", True, T.Boolean),
    ("CA-90", "state", "load", T.String),
]


def _config(url: str, **changes: Any) -> OpcUaSourceConfig:
    content = {
        "name": "cell",
        "type": "opcua",
        "origin": "simulated",
        "url": url,
        "publishing_interval_ms": 50,
        "keepalive_s": 0.5,
        "browse": [{"root": f"nsu={URI};s=Line"}],
        **changes,
    }
    return TypeAdapter(OpcUaSourceConfig).validate_python(content)


@asynccontextmanager
async def _running(config: OpcUaSourceConfig, folder: Path) -> AsyncIterator[tuple[OpcUaSource, KeepingSink]]:
    source = OpcUaSource(config, folder)
    async with reading(source) as sink:
        yield source, sink


@pytest.fixture
async def peer(free_port: int) -> AsyncIterator[Peer]:
    """A running machine."""
    server = await Peer(free_port).start(VARIABLES)
    yield server
    await server.stop()


async def test_discovery_reads_what_the_server_says(peer: Peer, tmp_path: Path) -> None:
    """Every variable below the root is a tag with type, unit, range and the rule of its pattern."""
    await peer.describe("MIX-10.flow_l_h", "L/h", 0, 2000)
    browse = {"root": "Line", "rules": [{"metric": "*_rpm", "rule": {"absolute": 5}}]}
    async with _running(_config(peer.url, browse=[browse]), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) >= len(VARIABLES))
        tags = {f"{tag.device_id}/{tag.metric}": tag for tag in sink.tags}
        assert {name: tag.datatype for name, tag in tags.items()} == {
            "MIX-10/flow_l_h": DataType.DOUBLE,
            "MIX-10/speed_rpm": DataType.FLOAT,
            "MIX-10/count": DataType.INT64,
            "MIX-10/running": DataType.BOOLEAN,
            "CA-90/state": DataType.STRING,
        }
        flow = tags["MIX-10/flow_l_h"]
        assert (flow.unit, flow.low, flow.high, flow.address) == ("L/h", 0, 2000, f"nsu={URI};s=MIX-10.flow_l_h")
        assert tags["MIX-10/speed_rpm"].rule == ReportRule(absolute=5)
        assert flow.rule == ReportRule()
        assert {tag.metric: sink.values(tag.metric)[0] for tag in sink.tags} == {
            "flow_l_h": 1.5, "speed_rpm": 2900.0, "count": 7, "running": True, "state": "load",
        }  # fmt: skip
        assert source.status().state == "connected"


async def test_values_arrive_once_in_order_with_their_own_time(peer: Peer, tmp_path: Path) -> None:
    """Each offered value arrives with its exact source time; none is lost between two publishings."""
    base_ns = time.time_ns() // 1000 * 1000
    async with _running(_config(peer.url), tmp_path) as (_, sink):
        await until(lambda: sink.values("flow_l_h"))
        offered = [(base_ns + step * 1000, float(step), Quality.GOOD) for step in range(90)]
        for time_ns, value, _ in offered:
            await peer.offer("MIX-10.flow_l_h", value, T.Double, time_ns)
        await until(lambda: len(sink.of("flow_l_h")) > 90)
        assert sink.of("flow_l_h")[1:] == offered
        assert sink.outages == []


async def test_quality_is_never_a_number(peer: Peer, tmp_path: Path) -> None:
    """Bad, NaN and Inf are null and BAD; Uncertain keeps its value."""
    now_ns = time.time_ns() // 1000 * 1000
    async with _running(_config(peer.url), tmp_path) as (_, sink):
        await until(lambda: sink.values("flow_l_h"))
        uncertain = ua.StatusCodes.UncertainLastUsableValue
        bad = ua.StatusCodes.BadSensorFailure
        for step, (value, status) in enumerate([(math.nan, 0), (math.inf, 0), (2.0, uncertain), (3.0, bad), (4.0, 0)]):
            await peer.offer("MIX-10.flow_l_h", value, T.Double, now_ns + step * 1000, status)
        await until(lambda: sink.values("flow_l_h")[-1] == 4.0)
        assert [(value, quality) for _, value, quality in sink.of("flow_l_h")[1:]] == [
            (None, Quality.BAD),
            (None, Quality.BAD),
            (2.0, Quality.UNCERTAIN),
            (None, Quality.BAD),
            (4.0, Quality.GOOD),
        ]


async def test_a_server_with_nothing_to_say_vouches_for_its_values(free_port: int, tmp_path: Path) -> None:
    """Answers without values move the time until which nothing changed; no answer, and it stands still."""
    peer = await Peer(free_port).start(VARIABLES)
    async with _running(_config(peer.url), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
        begin_ns = time.time_ns()
        await until(lambda: sink.unchanged_ns > begin_ns, timeout_s=30)
        assert sink.unchanged_ns < time.time_ns() - 1_000_000_000
        assert len(sink.readings) == len(VARIABLES)
        await peer.stop()
        await until(lambda: source.status().state == "unavailable", timeout_s=30)
        stale_ns = max(reading.time_ns for reading in sink.readings if reading.quality is Quality.STALE)
        assert begin_ns < sink.unchanged_ns < stale_ns


async def test_restart_with_renumbered_namespaces(free_port: int, tmp_path: Path) -> None:
    """After a restart the same tags are found under other indices within 10 s, marked stale once, the gap declared."""
    first = await Peer(free_port, padding=1).start(VARIABLES)
    async with _running(_config(first.url), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
        last_ns = time.time_ns() // 1000 * 1000
        await first.offer("MIX-10.flow_l_h", 2.0, T.Double, last_ns)
        await until(lambda: sink.values("flow_l_h")[-1] == 2.0)
        await first.stop()
        await until(lambda: source.status().state == "unavailable")
        assert "opc.tcp" not in source.status().error
        assert source.status().remedy
        stale = [reading for reading in sink.readings if reading.quality is Quality.STALE]
        assert sorted(reading.tag for reading in stale) == list(range(len(VARIABLES)))
        second = await Peer(free_port, padding=4).start(list(reversed(VARIABLES)))
        new_ns = time.time_ns() // 1000 * 1000
        await second.offer("MIX-10.flow_l_h", 3.0, T.Double, new_ns)
        await until(lambda: sink.values("flow_l_h")[-1] == 3.0, timeout_s=10)
        await until(lambda: source.status().state == "connected")
        assert sink.of("flow_l_h")[-1][0] == new_ns
        assert len([reading for reading in sink.readings if reading.quality is Quality.STALE]) == len(VARIABLES)
        gap = next(outage for outage in sink.outages if "flow_l_h" in outage[0])
        assert gap[3] == "source_down"
        assert last_ns < gap[1] <= gap[2] < new_ns
        await second.stop()


async def test_unchanged_value_after_reconnect_missed_nothing(peer: Peer, tmp_path: Path) -> None:
    """A node that did not change while the connection was lost is handed on again and has no gap."""
    async with _running(_config(peer.url), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
        for session in list(peer.server.bserver.clients):
            session.transport.abort()
        await until(lambda: len(sink.values("state")) == 3)
        first, stale, again = sink.of("state")
        assert first == again
        assert stale[1:] == (None, Quality.STALE)
        assert sink.outages == []
        assert source.status().state == "connected"


async def test_missing_and_unreadable_nodes_are_named(peer: Peer, tmp_path: Path) -> None:
    """What is missing or an array is named in the status; everything else runs."""
    line = peer.server.get_node(peer.nodes["CA-90.state"].nodeid)
    await (await line.get_parent()).add_variable(
        ua.NodeId("CA-90.wave", line.nodeid.NamespaceIndex), "2:wave", [1.0, 2.0]
    )
    tags = [
        {"device": "MIX-10", "metric": "ghost", "node": f"nsu={URI};s=MIX-10.ghost"},
        {"device": "MIX-10", "metric": "lost", "path": "Line/MIX-10/lost"},
        {"device": "MIX-10", "metric": "far", "node": "nsu=urn:elsewhere;s=x"},
    ]
    async with _running(_config(peer.url, tags=tags), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
        status = source.status()
        assert status.state == "connected"
        for text in ("ghost", "BadNodeIdUnknown", "lost", "urn:elsewhere", "wave", "arrays are not read"):
            assert text in status.error
        assert status.remedy


async def test_nothing_of_the_configuration_on_the_server(peer: Peer, tmp_path: Path) -> None:
    """A server that has none of the nodes is an error with a remedy, and is tried again."""
    async with _running(_config(peer.url, browse=[{"root": "nsu=urn:nowhere;s=Line"}]), tmp_path) as (source, _):
        await until(lambda: source.status().state == "unavailable")
        assert "urn:nowhere" in source.status().error
        assert URI in source.status().error


async def test_wrong_name_is_answered_with_those_that_are_there(peer: Peer, tmp_path: Path) -> None:
    """Whoever writes a path that the server does not have reads what stands in its place."""
    async with _running(_config(peer.url, browse=[{"root": "Lime"}]), tmp_path) as (source, _):
        await until(lambda: source.status().state == "unavailable")
        assert "no node named Lime, but" in source.status().error
        assert "Line" in source.status().error


async def test_unreachable_server_says_what_to_do(free_port: int, tmp_path: Path) -> None:
    """Where nothing listens the status says so and names the remedy; nothing is emitted."""
    async with _running(_config(f"opc.tcp://127.0.0.1:{free_port}"), tmp_path) as (source, sink):
        await until(lambda: source.status().state == "unavailable")
        assert str(free_port) in source.status().error
        assert "start the server" in source.status().remedy
        assert sink.readings == []


async def test_silent_server_is_noticed(peer: Peer, tmp_path: Path) -> None:
    """A connection that stays open but says nothing any more is lost within 1.5 x keepalive and a margin."""
    proxy = _Proxy(peer.port)
    port = await proxy.start()
    async with _running(_config(f"opc.tcp://127.0.0.1:{port}/test"), tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
        frozen_s = time.monotonic()
        proxy.frozen = True
        await until(lambda: source.status().state == "unavailable", timeout_s=5)
        assert time.monotonic() - frozen_s < 1.5 * 0.5 + 0.7
        proxy.frozen = False
        await until(lambda: source.status().state == "connected", timeout_s=10)
    await proxy.stop()


async def test_only_reading_requests_reach_the_server(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a whole life of a source the server sees no write, call, history update or node management."""
    seen = note_requests(monkeypatch)
    peer = await Peer(free_port).start(VARIABLES)
    async with _running(_config(peer.url), tmp_path) as (_, sink):
        await until(lambda: len(sink.readings) == len(VARIABLES))
    names = {ua.ObjectIdNames[number].removesuffix("_Encoding_DefaultBinary") for number in seen}
    assert names <= {
        "GetEndpointsRequest", "CreateSessionRequest", "ActivateSessionRequest", "CloseSessionRequest", "BrowseRequest",
        "BrowseNextRequest", "ReadRequest", "CreateSubscriptionRequest", "CreateMonitoredItemsRequest",
        "PublishRequest",
        "CloseSecureChannelRequest",
    }  # fmt: skip
    assert "ReadRequest" in names
    await peer.stop()


class _Proxy:
    """Passes bytes between a client and a server; frozen, it keeps the connections and swallows what comes."""

    def __init__(self, target_port: int) -> None:
        self.frozen = False
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.frozen:
            writer.close()
            return
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        for source, target in ((reader, other_writer), (other_reader, writer)):
            self._tasks.add(asyncio.create_task(self._pass(source, target)))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if not self.frozen:
                target.write(data)
        target.close()
