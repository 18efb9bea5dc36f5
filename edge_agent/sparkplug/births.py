"""Payloads of births, deaths and resent messages of a durable edge node. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from edge_agent.sparkplug.delivery import ACK, BD_SEQ, EPOCH, FIRST_LSN, GAP, LSN, REBIRTH
from edge_agent.sparkplug.encoder import Device, Line
from edge_agent.sparkplug.log_row import AliasKey
from edge_agent.sparkplug.metric import DataType, Metric, Property
from edge_agent.sparkplug.payload import Payload, add_properties, encode, parse
from edge_agent.sparkplug.properties import ORIGIN, QUALITY, SUB_MS
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.wire import NS_PER_MS

BACKLOG = "Delivery/backlog"
"""UInt64, transient: messages in the log."""
SOURCE_PREFIX = "Delivery/source/"
"""String, transient, one for each source: JSON of its state, error and remedy."""
LOG_ERROR = "Delivery/log_error"
"""String, transient: why the log cannot be written; empty where it can."""
EXPIRING = "Delivery/expiring"
"""String, transient: which certificates of the connection to the broker expire soon; empty where none does."""
LOSSES = "Delivery/losses"
"""String, transient: JSON of the exact counts of values that were given up, and of duplicates left out."""

_LONG_VALUE = 1_000


def birth_of_node(
    bd_seq: int, epoch: int, first_lsn: int, lsn_alias: int, status: Mapping[str, tuple[DataType, Any]], now_ns: int
) -> bytes:
    """Return the NBIRTH; status metrics by name with their values."""
    metrics = [
        Metric(BD_SEQ, DataType.INT64, bd_seq),
        Metric(REBIRTH, DataType.BOOLEAN, value=False),
        Metric(EPOCH, DataType.UINT64, epoch),
        Metric(FIRST_LSN, DataType.UINT64, first_lsn),
        Metric(LSN, DataType.UINT64, None, alias=lsn_alias),
        Metric(GAP, DataType.STRING, None),
        Metric(ACK, DataType.STRING, None),
        *(Metric(name, datatype, value, is_transient=True) for name, (datatype, value) in status.items()),
    ]
    now_ms = now_ns // NS_PER_MS
    return encode(Payload(now_ms, [replace(metric, timestamp_ms=now_ms) for metric in metrics], seq=0))


def death_of_node(bd_seq: int, now_ns: int) -> bytes:
    """Return the NDEATH, which has no sequence number."""
    now_ms = now_ns // NS_PER_MS
    return encode(Payload(now_ms, [Metric(BD_SEQ, DataType.INT64, bd_seq, now_ms)]))


def death_of_device(seq: int, now_ns: int) -> bytes:
    """Return a DDEATH."""
    return encode(Payload(now_ns // NS_PER_MS, [], seq))


def status_of_node(status: Mapping[str, tuple[DataType, Any]], seq: int, now_ns: int) -> bytes:
    """Return an NDATA of status metrics; it has no LSN and hosts need not store it."""
    now_ms = now_ns // NS_PER_MS
    metrics = [Metric(name, kind, value, now_ms, is_transient=True) for name, (kind, value) in status.items()]
    return encode(Payload(now_ms, metrics, seq))


def birth_of_device(device: Device | None, lsn_alias: int, seq: int, now_ns: int, limit_bytes: int) -> bytes:
    """Return the DBIRTH with the current values; long values are left out where it would exceed the limit.

    device is None where nothing but the log knows it any more: its values are then sent by name.
    """
    lines = [] if device is None else list(device.lines.values())
    payload = _birth(lines, lsn_alias, seq, now_ns, long_values=True)
    return payload if len(payload) <= limit_bytes else _birth(lines, lsn_alias, seq, now_ns, long_values=False)


def _birth(lines: Iterable[Line], lsn_alias: int, seq: int, now_ns: int, *, long_values: bool) -> bytes:
    now_ms = now_ns // NS_PER_MS
    metrics = [Metric(LSN, DataType.UINT64, None, now_ms, alias=lsn_alias)]
    metrics.extend(_birth_metric(line, now_ns, long_values=long_values) for line in lines)
    return encode(Payload(now_ms, metrics, seq))


def _birth_metric(line: Line, now_ns: int, *, long_values: bool) -> Metric:
    declaration = line.declaration
    time_ns, value, quality = line.current or (now_ns, None, Quality.STALE)
    if isinstance(value, str | bytes) and len(value) > _LONG_VALUE and not long_values:
        value, quality = None, Quality.STALE
    properties: dict[str, Property] = {**declaration.properties, ORIGIN: declaration.origin.label}
    if time_ns % NS_PER_MS:
        properties[SUB_MS] = time_ns % NS_PER_MS
    if quality is not Quality.GOOD:
        properties[QUALITY] = int(quality)
    return Metric(
        declaration.metric,
        declaration.datatype,
        value,
        timestamp_ms=time_ns // NS_PER_MS,
        alias=line.alias,
        is_transient=line.current is None,  # there is nothing to store or to show yet
        properties=properties,
    )


def historical(payload: bytes, aliases: frozenset[int], key_of: Callable[[int], AliasKey]) -> bytes:
    """Mark the values of a logged message as historical; those whose alias is not in `aliases` go by their name."""
    message = parse(payload)
    for metric in message.metrics:
        if metric.name:  # Delivery/gap
            continue
        metric.is_historical = True
        if metric.alias not in aliases:
            key = key_of(metric.alias)
            metric.ClearField("alias")
            metric.name = key.metric
            add_properties(metric, {ORIGIN: key.origin.label})
    serialised: bytes = message.SerializeToString()
    return serialised
