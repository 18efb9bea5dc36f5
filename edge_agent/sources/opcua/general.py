"""Publish responses decoded by asyncua itself: slower, but it reads everything that the fast decoder refuses."""

from datetime import datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from edge_agent.sources.opcua.publish import UNIX_EPOCH_TICKS, Notification, PublishResult


def decode_by_library(body: bytes) -> PublishResult:
    """Decode a PublishResponse of any content; raises what the library raises where it is malformed.

    Arrays and structures come as null of the unknown built-in type -1, so that they are BAD.
    """
    response = struct_from_binary(ua.PublishResponse, Buffer(body))
    response.ResponseHeader.ServiceResult.check()
    message = response.Parameters.NotificationMessage
    parts = message.NotificationData or []
    result = PublishResult(
        response.Parameters.SubscriptionId,
        message.SequenceNumber,
        _ticks(response.ResponseHeader.Timestamp),
        more=response.Parameters.MoreNotifications,
        is_keepalive=not parts,
    )
    for part in parts:
        if isinstance(part, ua.StatusChangeNotification):
            result.status_change = part.Status.value
        elif isinstance(part, ua.DataChangeNotification):
            result.notifications.extend(_notification(item) for item in part.MonitoredItems)
    return result


def _notification(item: Any) -> Notification:
    content: ua.DataValue = item.Value
    variant = content.Value
    value, variant_type = None, 0
    if variant is not None and variant.Value is not None:
        value, variant_type = variant.Value, int(variant.VariantType.value)
        if isinstance(value, datetime):
            value = _ticks(value)
        if variant.is_array or not isinstance(value, float | int | bool | str):
            value, variant_type = None, -1
    status = 0 if content.StatusCode is None else content.StatusCode.value
    return Notification(
        item.ClientHandle,
        variant_type,
        value,
        status,
        _ticks(content.SourceTimestamp),
        _ticks(content.ServerTimestamp),
    )


def _ticks(moment: datetime | None) -> int:
    """Return FILETIME ticks of a time without zone, which asyncua gives in UTC; 0 for none."""
    if moment is None:
        return 0
    since = moment.replace(tzinfo=None) - datetime(1970, 1, 1)  # noqa: DTZ001 - both are UTC without zone
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 10 + UNIX_EPOCH_TICKS
