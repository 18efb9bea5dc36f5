"""Wire forms of durable delivery: what edge and gateway say to each other on top of Sparkplug B.

An edge numbers every logged message with a log sequence number (LSN) within the epoch of its log file and sends it as
the metric `Delivery/lsn` of the same message. The host acknowledges with an NCMD metric `Delivery/ack` after the store
has the rows. Dropped or thinned values are gap records, messages with an LSN of their own that carry `Delivery/gap`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.payload import PayloadError

BD_SEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"
EPOCH = "Delivery/epoch"
"""UInt64 in NBIRTH: random number created with the log file. A changed epoch means a new log."""
FIRST_LSN = "Delivery/first_lsn"
"""UInt64 in NBIRTH: lowest LSN the edge still holds (next LSN where its log is empty)."""
LSN = "Delivery/lsn"
"""UInt64, first metric of every logged message (NDATA or DDATA); declared null in every birth."""
GAP = "Delivery/gap"
"""String in NDATA: JSON of one Gap; declared null in NBIRTH."""
ACK = "Delivery/ack"
"""String in NCMD: JSON of one Acknowledgement; declared null in NBIRTH."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the host has stored, or has on disk in quarantine.

    Attributes:
        host_id: host application that speaks; an edge obeys only its primary host.
        epoch: log the LSNs belong to; others are ignored.
        stored: LSNs the edge may delete.
        hold: True while the store is down: the edge sends live data only and keeps everything.
        highest: highest LSN of the log that the host ever received; None where it does not say. An edge that never sent
            it has an older copy of its log (see edge_agent.sparkplug.older_copy).
    """

    host_id: str
    epoch: int
    stored: IntervalSet
    hold: bool = False
    highest: int | None = None

    def to_json(self) -> str:
        """Return the wire form."""
        fields = {"host_id": self.host_id, "epoch": self.epoch, "stored": list(self.stored), "hold": self.hold}
        if self.highest is not None:
            fields["highest"] = self.highest
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Acknowledgement":
        """Parse the wire form; raises PayloadError that names what is wrong."""
        fields = _parse_object(text, "Delivery/ack")
        try:
            stored = IntervalSet((_integer(first), _integer(last)) for first, last in fields["stored"])
            highest = fields.get("highest")
            return cls(
                _text(fields["host_id"]),
                _integer(fields["epoch"]),
                stored,
                bool(fields.get("hold", False)),
                None if highest is None else _integer(highest),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PayloadError(f"Delivery/ack is malformed: {error!r}") from None


@dataclass(frozen=True, slots=True)
class Gap:
    """Values of one series that will never come, declared instead of silently missing.

    Attributes:
        device_id: device of the series; None for a metric of the edge node itself.
        metric: name of the series; None means every series of the device (or, with device_id None, of the edge node).
        from_ns, to_ns: closed interval of source times, UTC nanoseconds since 1970.
        count: number of values lost; None where it cannot be known (an outage of the source).
        cause: one word of CAUSES.
    """

    device_id: str | None
    metric: str | None
    from_ns: int
    to_ns: int
    count: int | None
    cause: str

    def to_json(self) -> str:
        """Return the wire form."""
        return json.dumps(
            {
                "device_id": self.device_id,
                "metric": self.metric,
                "from_ns": self.from_ns,
                "to_ns": self.to_ns,
                "count": self.count,
                "cause": self.cause,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "Gap":
        """Parse the wire form; raises PayloadError that names what is wrong."""
        fields = _parse_object(text, "Delivery/gap")
        try:
            device, metric, count = fields["device_id"], fields["metric"], fields["count"]
            gap = cls(
                device_id=None if device is None else _text(device),
                metric=None if metric is None else _text(metric),
                from_ns=_integer(fields["from_ns"]),
                to_ns=_integer(fields["to_ns"]),
                count=None if count is None else _integer(count),
                cause=_text(fields["cause"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise PayloadError(f"Delivery/gap is malformed: {error!r}") from None
        if gap.to_ns < gap.from_ns:
            raise PayloadError(f"Delivery/gap ends at {gap.to_ns} before it begins at {gap.from_ns}")
        return gap


CAUSES: Sequence[str] = (
    "source_down",  # the source could not be reached: nobody knows what it measured
    "queue_overflow",  # the source says its queue overflowed (OPC UA overflow bit)
    "edge_down",  # the edge agent itself was not running
    "memory_overflow",  # the log could not take rows fast enough and the bounded queue was full
    "log_overflow",  # the log reached its size or age limit and dropped by its policy
    "log_thinned",  # the log reached its limit and reduced fidelity
    "log_damaged",  # rows of the log could not be read back
    "epoch_changed",  # the edge began a new log
    "log_lost",  # the edge's first_lsn lies beyond what the host holds
    "quarantined_at_edge",  # a single value larger than a message may be
)


def _parse_object(text: str, what: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"{what} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise PayloadError(f"{what} is not a JSON object but {type(fields).__name__}")
    return fields


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not an integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    value.encode()  # JSON may hold half of a surrogate pair, which no store takes; the error is a ValueError
    return value
