"""Rows of the durable log."""

from typing import NamedTuple

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.wire import gap_metric, payload_time

ROW_OVERHEAD_BYTES = 64
_MAX_INT64 = 2**63 - 1


class NewRow(NamedTuple):
    """A message to be logged; device_id is empty for a message of the edge node itself. Times in UTC ns.

    first_ns and last_ns enclose the source times of its values.
    """

    device_id: str
    created_ns: int
    first_ns: int
    last_ns: int
    n_values: int
    payload: bytes
    is_gap: bool = False


class LoggedRow(NamedTuple):
    """A message in the log; its payload has neither LSN nor seq."""

    lsn: int
    device_id: str
    payload: bytes


class AliasKey(NamedTuple):
    """What an alias stands for, for ever."""

    device_id: str
    metric: str
    datatype: DataType
    origin: Origin


def gap_row(gap: Gap, now_ns: int) -> NewRow:
    """Return the message that declares a gap. Its times may be whatever a source calls a time; the file has 64 bits."""
    payload = payload_time(now_ns) + gap_metric(gap)
    first_ns, last_ns = (max(0, min(time_ns, _MAX_INT64)) for time_ns in (gap.from_ns, gap.to_ns))
    return NewRow("", now_ns, first_ns, last_ns, 0, payload, is_gap=True)
