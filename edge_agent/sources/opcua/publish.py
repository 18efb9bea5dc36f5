"""Publish responses straight from their bytes to notifications. Pure.

The general decoder of asyncua costs about 10 us a notification; this one reads the few shapes that occur in about 1 us.
What it does not know (arrays, structures, diagnostics) it refuses with UnusualContentError, and the session lets the
library decode that response. Layouts: OPC 10000-6, 5.2.2.17 (DataValue), OPC 10000-4, 5.14.5 (Publish) and 7.25.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from edge_agent.sparkplug.metric import Value

UNIX_EPOCH_TICKS = 116_444_736_000_000_000
"""1970-01-01 as FILETIME (100 ns since 1601-01-01)."""

BOOLEAN, FLOAT, DOUBLE, STRING, DATETIME = 1, 10, 11, 12, 13
_FORMATS = {1: "?", 2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d", 13: "q"}
_TYPE_PUBLISH_RESPONSE = b"\x01\x00" + (829).to_bytes(2, "little")
_TYPE_DATA_CHANGE = b"\x01\x00" + (811).to_bytes(2, "little")
_TYPE_STATUS_CHANGE = b"\x01\x00" + (820).to_bytes(2, "little")

_HAS_VALUE, _HAS_STATUS, _HAS_SOURCE, _HAS_SERVER, _HAS_SOURCE_PICO, _HAS_SERVER_PICO = 1, 2, 4, 8, 16, 32

_INT32 = struct.Struct("<i")
_HEADER = struct.Struct("<qII")
_MESSAGE = struct.Struct("<Iqi")


class UnusualContentError(ValueError):
    """The response holds something this decoder does not read; the general decoder must."""


class Notification(NamedTuple):
    """One changed value of a monitored item.

    `variant_type` is the OPC UA built-in type (0 where there is no value). Timestamps are FILETIME ticks, 0 where the
    server gave none. A DateTime value is in ticks, too.
    """

    handle: int
    variant_type: int
    value: Value
    status: int
    source_ticks: int
    server_ticks: int


@dataclass(slots=True)
class PublishResult:
    """What one publish response says; `notifications` is empty in a keep-alive.

    `status_change` is the status code of a subscription that ended or changed, else None. `response_ticks` is the clock
    of the server when it answered.
    """

    subscription_id: int
    sequence_number: int
    response_ticks: int
    more: bool = False
    is_keepalive: bool = True
    status_change: int | None = None
    notifications: list[Notification] = field(default_factory=list)


class _Shape(NamedTuple):
    """Layout of a notification that has no text: a fixed number of bytes."""

    fields: struct.Struct
    status: int  # position of the field among those unpacked, 0 where it is absent
    source: int
    server: int


def _shapes() -> dict[tuple[int, int], _Shape]:
    """One layout per pair of DataValue mask and built-in type; pair (mask, 0) is a DataValue without a value."""
    shapes = {}
    for mask in range(64):
        for variant_type, code in {0: "", **_FORMATS}.items():
            if bool(mask & _HAS_VALUE) != bool(variant_type):
                continue
            layout, count = ("<IBB" + code, 4) if variant_type else ("<IB", 2)
            tail, positions = _tail(mask, count)
            shapes[mask, variant_type] = _Shape(struct.Struct(layout + tail), *positions)
    return shapes


def _tail(mask: int, count: int) -> tuple[str, tuple[int, int, int]]:
    layout, status, source, server = "", 0, 0, 0
    if mask & _HAS_STATUS:
        layout, status, count = layout + "I", count, count + 1
    if mask & _HAS_SOURCE:
        layout, source, count = layout + "q", count, count + 1
    if mask & _HAS_SOURCE_PICO:
        layout, count = layout + "H", count + 1
    if mask & _HAS_SERVER:
        layout, server = layout + "q", count
    if mask & _HAS_SERVER_PICO:
        layout += "H"
    return layout, (status, source, server)


_SHAPES = _shapes()


def decode_publish_response(body: bytes, start: int = 0) -> PublishResult:
    """Decode the body of a PublishResponse that begins at `start` with its type id.

    Raises UnusualContentError where the general decoder is needed, also for truncated bytes.
    """
    try:
        return _decode(body, start)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise UnusualContentError(f"publish response is malformed: {error}") from error


def _decode(body: bytes, start: int) -> PublishResult:
    if body[start : start + 4] != _TYPE_PUBLISH_RESPONSE:
        raise UnusualContentError("not a publish response")
    response_ticks, _request, service_result = _HEADER.unpack_from(body, start + 4)
    position = start + 20
    # No diagnostics, an empty string table, no additional header: what servers send unless asked for more.
    if service_result or body[position] or body[position + 5 : position + 8] != b"\x00\x00\x00":
        raise UnusualContentError("response header with diagnostics")
    if _INT32.unpack_from(body, position + 1)[0] > 0:
        raise UnusualContentError("response header with a string table")
    position += 8
    subscription_id, available = struct.unpack_from("<Ii", body, position)
    position += 8 + 4 * max(available, 0)
    more = bool(body[position])
    sequence_number, _publish_ticks, count = _MESSAGE.unpack_from(body, position + 1)
    position += 17
    result = PublishResult(subscription_id, sequence_number, response_ticks, more, is_keepalive=count <= 0)
    for _ in range(count):
        position = _decode_part(body, position, result)
    return result


def _decode_part(body: bytes, position: int, result: PublishResult) -> int:
    """Decode one NotificationData (an extension object); return where the next one begins."""
    type_id, encoding = body[position : position + 4], body[position + 4]
    length: int = _INT32.unpack_from(body, position + 5)[0]
    content: int = position + 9
    if encoding != 1 or length < 0:
        raise UnusualContentError("notification data that is not binary")
    if type_id == _TYPE_DATA_CHANGE:
        end = _decode_items(body, content, result.notifications)
        if _INT32.unpack_from(body, end)[0] > 0:
            raise UnusualContentError("notification with diagnostics")
    elif type_id == _TYPE_STATUS_CHANGE:
        (result.status_change,) = struct.unpack_from("<I", body, content)
    else:
        raise UnusualContentError(f"notification data of type {type_id.hex()}")
    return content + length


def _decode_items(body: bytes, position: int, into: list[Notification]) -> int:
    (count,) = _INT32.unpack_from(body, position)
    position += 4
    append, shapes = into.append, _SHAPES
    for _ in range(count):
        mask = body[position + 4]
        variant_type = body[position + 5] if mask & _HAS_VALUE else 0
        shape = shapes.get((mask, variant_type))
        if shape is None:
            position = _decode_text_item(body, position, mask, variant_type, append)
            continue
        fields = shape.fields.unpack_from(body, position)
        position += shape.fields.size
        append(
            Notification(
                fields[0],
                variant_type,
                fields[3] if variant_type else None,
                fields[shape.status] if shape.status else 0,
                fields[shape.source] if shape.source else 0,
                fields[shape.server] if shape.server else 0,
            )
        )
    return position


def _decode_text_item(
    body: bytes, position: int, mask: int, variant_type: int, append: Callable[[Notification], None]
) -> int:
    """Decode a notification whose value is text or null; anything else is unusual."""
    if mask >= 64:
        raise UnusualContentError(f"data value with mask {mask:#x}")
    (handle,) = struct.unpack_from("<I", body, position)
    position += 6
    text = None
    if variant_type == STRING:
        (length,) = _INT32.unpack_from(body, position)
        position += 4
        if length >= 0:
            if position + length > len(body):
                raise UnusualContentError("text longer than the response")
            text = body[position : position + length].decode("utf-8")
            position += length
    elif variant_type:
        raise UnusualContentError(f"value of built-in type {variant_type}")
    layout, (status, source, server) = _tail(mask, 0)
    fields = struct.unpack_from("<" + layout, body, position)
    append(
        Notification(
            handle,
            variant_type,
            text,
            fields[status] if mask & _HAS_STATUS else 0,
            fields[source] if mask & _HAS_SOURCE else 0,
            fields[server] if mask & _HAS_SERVER else 0,
        )
    )
    return position + struct.calcsize("<" + layout)
