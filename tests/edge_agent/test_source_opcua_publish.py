"""The fast decoder of publish responses against the library's general one, on bytes that the library encodes."""

import math
import struct
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.opcua.general import decode_by_library
from edge_agent.sources.opcua.publish import (
    UNIX_EPOCH_TICKS,
    PublishResult,
    UnusualContentError,
    decode_publish_response,
)
from edge_agent.sources.opcua.reading import has_overflowed, judge, ticks_to_ns
from edge_agent.sparkplug.quality import Quality

T = ua.VariantType
INTEGERS = {T.SByte: 8, T.Int16: 16, T.Int32: 32, T.Int64: 64}
UNSIGNED = {T.Byte: 8, T.UInt16: 16, T.UInt32: 32, T.UInt64: 64}
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - asyncua means UTC without zone


def _integers(low: int, high: int, kind: ua.VariantType) -> st.SearchStrategy[ua.Variant]:
    return st.integers(low, high).map(lambda value: ua.Variant(value, kind))


VARIANTS = st.one_of(
    st.floats(allow_nan=False).map(lambda value: ua.Variant(value, T.Double)),
    st.floats(width=32, allow_nan=False).map(lambda value: ua.Variant(value, T.Float)),
    st.booleans().map(lambda value: ua.Variant(value, T.Boolean)),
    st.text().map(lambda value: ua.Variant(value, T.String)),
    TIMES.map(lambda value: ua.Variant(value, T.DateTime)),
    *(_integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, kind) for kind, bits in INTEGERS.items()),
    *(_integers(0, 2**bits - 1, kind) for kind, bits in UNSIGNED.items()),
)


# Without picoseconds: asyncua 2.1 puts the server's timestamp before the source's picoseconds, against OPC 10000-6,
# 5.2.2.17. The last test below builds such a value by hand.
@st.composite
def _items(draw: st.DrawFn) -> Any:
    content = ua.DataValue(
        draw(st.none() | VARIANTS),
        StatusCode=draw(st.none() | st.sampled_from([0, 0x480, 0x40900000, 0x80000000]).map(ua.StatusCode)),
        SourceTimestamp=draw(st.none() | TIMES),
        ServerTimestamp=draw(st.none() | TIMES),
    )
    return ua.MonitoredItemNotification(ClientHandle=draw(st.integers(0, 2**32 - 1)), Value=content)


def _response(items: list[Any] | None, available: tuple[int, ...] = ()) -> bytes:
    response = ua.PublishResponse()
    response.ResponseHeader.Timestamp = datetime(2026, 1, 1)  # noqa: DTZ001
    response.Parameters.SubscriptionId = 77
    response.Parameters.AvailableSequenceNumbers = list(available)
    response.Parameters.MoreNotifications = True
    response.Parameters.NotificationMessage.SequenceNumber = 5
    response.Parameters.NotificationMessage.PublishTime = datetime(2026, 1, 1)  # noqa: DTZ001
    if items is not None:
        part = ua.DataChangeNotification(MonitoredItems=items)
        response.Parameters.NotificationMessage.NotificationData = [part]
    return bytes(struct_to_binary(response))


def _same(left: PublishResult, right: PublishResult) -> bool:
    return repr(left) == repr(right)


@given(st.none() | st.lists(_items(), max_size=6), st.lists(st.integers(0, 9)).map(tuple))
def test_both_decoders_agree(items: list[Any] | None, available: tuple[int, ...]) -> None:
    """Whatever the library encodes, the fast decoder reads as the library does."""
    body = _response(items, available)
    fast, general = decode_publish_response(body), decode_by_library(body)
    assert _same(fast, general)
    assert fast.is_keepalive == (items is None)
    assert (fast.subscription_id, fast.sequence_number, fast.more) == (77, 5, True)


@given(st.lists(_items(), min_size=1, max_size=3), st.data())
def test_truncated_bytes_are_refused(items: list[Any], data: st.DataObject) -> None:
    """A response that ends too early is never read as a shorter one."""
    body = _response(items)
    cut = data.draw(st.integers(0, len(body) - 9))  # without its end, which is the results and diagnostics
    with pytest.raises(UnusualContentError):
        decode_publish_response(body[:cut])


@given(st.binary(), st.integers(0, 200))
def test_damaged_bytes_never_crash(noise: bytes, position: int) -> None:
    """Arbitrary bytes are decoded or refused, never anything else."""
    body = _response([ua.MonitoredItemNotification(ClientHandle=1, Value=ua.DataValue(ua.Variant(1.0, T.Double)))])
    for damaged in (noise, body[:position] + noise + body[position + len(noise) :]):
        with suppress(UnusualContentError):
            decode_publish_response(damaged)


def test_arrays_and_structures_are_left_to_the_library() -> None:
    """A value that is no scalar is unusual for the fast decoder, and null for the general one."""
    item = ua.MonitoredItemNotification(ClientHandle=3, Value=ua.DataValue(ua.Variant([1.0, 2.0], T.Double)))
    body = _response([item])
    with pytest.raises(UnusualContentError):
        decode_publish_response(body)
    (notification,) = decode_by_library(body).notifications
    assert (notification.handle, notification.value) == (3, None)


def test_status_change_is_told() -> None:
    """The end of a subscription is told apart from data."""
    response = ua.PublishResponse()
    response.Parameters.NotificationMessage.NotificationData = [
        ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    ]
    body = bytes(struct_to_binary(response))
    assert decode_publish_response(body).status_change == ua.StatusCodes.BadTimeout
    assert decode_by_library(body).status_change == ua.StatusCodes.BadTimeout


@given(TIMES)
def test_times_are_exact_to_100_ns(moment: datetime) -> None:
    """Ticks become nanoseconds by integer arithmetic alone."""
    since = moment - datetime(1970, 1, 1)  # noqa: DTZ001
    microseconds = since // timedelta(microseconds=1)
    assert ticks_to_ns(UNIX_EPOCH_TICKS + microseconds * 10 + 3) == microseconds * 1000 + 300


@pytest.mark.parametrize(
    ("variant_type", "value", "status", "expected"),
    [
        (11, 1.5, 0, (1.5, Quality.GOOD)),
        (11, 1.5, 0x40900000, (1.5, Quality.UNCERTAIN)),
        (11, 1.5, 0x808C0000, (None, Quality.BAD)),
        (11, 1.5, 0xC0000000, (None, Quality.BAD)),
        (11, math.nan, 0, (None, Quality.BAD)),
        (10, -math.inf, 0, (None, Quality.BAD)),
        (11, None, 0, (None, Quality.BAD)),
        (0, None, 0x40900000, (None, Quality.BAD)),
        (22, 7, 0, (None, Quality.BAD)),
        (13, UNIX_EPOCH_TICKS + 25_000, 0, (2, Quality.GOOD)),
        (13, 0, 0, (None, Quality.BAD)),
        (1, True, 0x480, (True, Quality.GOOD)),
    ],
)
def test_quality_and_value(variant_type: int, value: Any, status: int, expected: tuple[Any, Quality]) -> None:
    """Only a value that may be believed is a number; the rest is null."""
    assert judge(variant_type, value, status) == expected


def test_overflow_bit() -> None:
    """The overflow bit counts only with the info type of data values."""
    assert has_overflowed(0x480)
    assert has_overflowed(0x40000480)
    assert not has_overflowed(0x80)
    assert not has_overflowed(0x400)


def test_item_layout_is_the_standards() -> None:
    """A notification built by hand from OPC 10000-6 is read as such."""
    item = struct.pack("<IBBdIqHqH", 9, 0b111111, 11, 2.5, 0x480, UNIX_EPOCH_TICKS + 1, 7, UNIX_EPOCH_TICKS + 2, 8)
    content = struct.pack("<i", 1) + item + struct.pack("<i", -1)
    part = b"\x01\x00" + struct.pack("<H", 811) + b"\x01" + struct.pack("<i", len(content)) + content
    header = b"\x01\x00" + struct.pack("<H", 829) + struct.pack("<qII", 0, 1, 0) + b"\x00" + b"\xff" * 4 + b"\x00" * 3
    body = header + struct.pack("<IiBIqi", 77, -1, 0, 1, 0, 1) + part + struct.pack("<ii", -1, -1)
    (notification,) = decode_publish_response(body).notifications
    assert notification == (9, 11, 2.5, 0x480, UNIX_EPOCH_TICKS + 1, UNIX_EPOCH_TICKS + 2)
