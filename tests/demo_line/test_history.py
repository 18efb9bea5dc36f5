"""Readings kept in memory for clients that were away, read with HistoryRead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asyncua import Client, ua

from demo_line.config import OpcuaConfig
from demo_line.measurement import Offer, Quality
from demo_line.servers.history import BYTES_EACH, Extent, History, Track
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import OpcuaServer
from demo_line.signals import DataType

T0 = 1_790_000_000_000_000_000
S = 1_000_000_000
FOLDER = Folder(
    "M-1",
    "A machine",
    [
        NodeDescription("M-1.power_w", "power_w", DataType.DOUBLE),
        NodeDescription("M-1.count", "count", DataType.INT64),
        NodeDescription("M-1.jam", "jam", DataType.BOOLEAN),
        NodeDescription("M-1.recipe", "recipe", DataType.STRING),
    ],
)


def track(count: int, capacity: int = 1000, age_s: int = 10_000) -> Track:
    made = Track(capacity, age_s * S)
    for number in range(count):
        made.append(number * S, float(number), 0)
    return made


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (2, 5, [2, 3, 4]),
        (5, 2, [5, 4, 3]),
        (7, None, [7, 8, 9]),
        (None, 2, [2, 1, 0]),
        (3, 3, [3]),
        (20, 30, []),
        (-5, 2, [0, 1]),
    ],
)
def test_an_extent_includes_its_start_and_not_its_end(start: int | None, end: int | None, expected: list[int]) -> None:
    """Forwards and backwards, as OPC 10000-11 has it: the start belongs to the extent, the end does not."""
    extent = Extent(None if start is None else start * S, None if end is None else end * S)
    assert [record.time_ns // S for record in track(10).read(extent)] == expected


@pytest.mark.parametrize(("capacity", "age_s", "kept"), [(100, 10_000, 100), (10_000, 250, 251)])
def test_the_oldest_readings_go_first(capacity: int, age_s: int, kept: int) -> None:
    """Neither more readings than fit nor older ones than allowed are kept, and the newest are there."""
    full = track(2_000, capacity, age_s)
    assert len(full) == kept
    assert [record.value for record in full.read(Extent(0, None))] == [float(n) for n in range(2_000 - kept, 2_000)]


def test_memory_is_bounded_over_all_signals() -> None:
    """However many readings come, what is kept stays below the limit."""
    history = History(list(range(10)), 1e6, 100_000)
    for number in range(20_000):
        history.append(number % 10, number * S, 1.0, 0)
    arrays = [column for one in history.tracks.values() for column in (one._times, one._values, one._statuses)]
    assert sum(len(column) * column.itemsize for column in arrays) <= 100_000 + 10 * BYTES_EACH
    assert all(len(one) >= 250 for one in history.tracks.values())


@asynccontextmanager
async def kept(port: int, count: int) -> AsyncIterator[Client]:
    config = OpcuaConfig(port=port, security=("none",), anonymous=True)
    server = OpcuaServer(config, "Line", [FOLDER])
    await server.prepare()
    for number in range(count):
        bad = number == 3
        await server.offer(
            [
                Offer(0, T0 + number * S, None if bad else number / 4, Quality.BAD if bad else Quality.GOOD),
                Offer(1, T0 + number * S, number, Quality.GOOD),
                Offer(2, T0 + number * S, number % 2 == 0, Quality.GOOD),
                Offer(3, T0 + number * S, str(number), Quality.GOOD),
            ]
        )
    await server.listen()
    try:
        async with Client(config.url) as client:
            yield client
    finally:
        await server.close()


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 / 1e9, UTC) + timedelta(seconds=seconds)


async def node(client: Client, name: str) -> Any:
    index = await client.get_namespace_index("urn:smart-factory-showroom:line")
    return client.get_node(ua.NodeId(f"M-1.{name}", index))


async def test_a_gap_is_filled_with_times_values_and_status(free_port: int) -> None:
    """Every numeric signal gives back what was offered between two times: value, type, status and source time."""
    async with kept(free_port, 10) as client:
        power = await (await node(client, "power_w")).read_raw_history(moment(2), moment(5), return_bounds=False)
        assert [value.Value.Value for value in power] == [0.5, None, 1.0]
        assert [value.StatusCode.name for value in power] == ["Good", "BadSensorFailure", "Good"]
        assert [value.SourceTimestamp.replace(tzinfo=UTC) for value in power] == [moment(2), moment(3), moment(4)]
        for name, kind in (("count", ua.VariantType.Int64), ("jam", ua.VariantType.Boolean)):
            values = await (await node(client, name)).read_raw_history(moment(2), moment(4), return_bounds=False)
            assert [value.Value.VariantType for value in values] == [kind, kind]
        assert [value.Value.Value for value in values] == [True, False]


async def test_long_histories_come_in_pages(free_port: int) -> None:
    """Continuation points give every reading once, whatever the size of the page and the direction."""
    async with kept(free_port, 40) as client:
        count = await node(client, "count")
        for start, end, expected in ((0, 40, list(range(40))), (39, -1, list(range(39, -1, -1)))):
            details = ua.ReadRawModifiedDetails(
                IsReadModified=False,
                StartTime=moment(start),
                EndTime=moment(end),
                NumValuesPerNode=7,
                ReturnBounds=False,
            )
            got, point, pages = [], None, 0
            while point is not None or not pages:
                result = await count.history_read(details, point)
                result.StatusCode.check()
                got += [value.Value.Value for value in result.HistoryData.DataValues]
                point, pages = result.ContinuationPoint, pages + 1
            assert (got, pages) == (expected, 6)


async def test_a_number_alone_bounds_an_extent(free_port: int) -> None:
    """From a time on, or back from a time, as many readings as asked for."""
    async with kept(free_port, 10) as client:
        count = await node(client, "count")
        onwards = await count.read_raw_history(moment(4), None, 3, return_bounds=False)
        back = await count.read_raw_history(None, moment(4), 3, return_bounds=False)
        assert [value.Value.Value for value in onwards] == [4, 5, 6]
        assert [value.Value.Value for value in back] == [4, 3, 2]


async def test_bounds_enclose_the_extent(free_port: int) -> None:
    """With bounds the readings around the extent come too, and a missing one is named."""
    async with kept(free_port, 10) as client:
        count = await node(client, "count")
        inside = await count.read_raw_history(moment(2.5), moment(4.5), return_bounds=True)
        assert [value.Value.Value for value in inside] == [2, 3, 4, 5]
        beyond = await count.read_raw_history(moment(-1), moment(1.5), return_bounds=True)
        assert [value.StatusCode.name for value in beyond] == ["BadBoundNotFound", "Good", "Good", "Good"]


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 6])
async def test_bounds_count_as_values_of_a_page(free_port: int, most: int) -> None:
    """No answer has more values than asked for, whatever bounds it carries, and none is missing in the end."""
    async with kept(free_port, 10) as client:
        count = await node(client, "count")
        details = ua.ReadRawModifiedDetails(
            IsReadModified=False,
            StartTime=moment(1.5),
            EndTime=moment(4.5),
            NumValuesPerNode=most,
            ReturnBounds=True,
        )
        got, point, pages = [], None, 0
        while point is not None or not pages:
            result = await count.history_read(details, point)
            values = [value.Value.Value for value in result.HistoryData.DataValues]
            assert len(values) <= max(most, 2)
            got += values
            point, pages = result.ContinuationPoint, pages + 1
        assert got == [1, 2, 3, 4, 5]


async def test_what_has_no_history_says_so(free_port: int) -> None:
    """Texts are not kept; a forged or outdated continuation point is refused, and nobody writes history."""
    async with kept(free_port, 10) as client:
        with pytest.raises(ua.UaStatusCodeError, match="BadHistoryOperationUnsupported"):
            await (await node(client, "recipe")).read_raw_history(moment(0), moment(5))
        count = await node(client, "count")
        details = ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=moment(0), EndTime=moment(5))
        for point in (b"forged", bytes(20)):
            result = await count.history_read(details, point)
            assert result.StatusCode.name == "BadContinuationPointInvalid"
        assert (await count.read_attribute(ua.AttributeIds.Historizing)).Value.Value is True
        levels = await count.get_access_level()
        assert levels == {ua.AccessLevel.CurrentRead, ua.AccessLevel.HistoryRead}
        capability = client.get_node(ua.ObjectIds.HistoryServerCapabilities_AccessHistoryDataCapability)
        assert await capability.read_value() is True
