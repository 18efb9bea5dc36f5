"""What gives way where the log is full: whole old messages, or every second value of them. Runs in a transaction."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from edge_agent.sparkplug.delivery import LSN, Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log_schema import DamagedError, checksum
from edge_agent.sparkplug.payload import parse
from edge_agent.sparkplug.unique_times import MAX_OFFSET
from edge_agent.sparkplug.wire import NS_PER_MS

MAX_THINNED = 3
"""How often a message is thinned before it is dropped: an eighth of its values is left then."""
_SELECT = "SELECT lsn, device_id, first_ns, last_ns, n_values, length(payload) FROM message WHERE is_gap=0"


class Sent(NamedTuple):
    """LSNs of messages that may be stored although nobody said so: handed to a connection, or of an earlier life.

    `in_flight` are those that were sent over the present connection and will be acknowledged soon.
    """

    ever: IntervalSet
    in_flight: IntervalSet


def nothing_sent() -> Sent:
    """Return that no message can be stored unless the host said so."""
    return Sent(IntervalSet(), IntervalSet())


@dataclass(slots=True)
class Loss:
    """Values of one device that were given up: closed interval of their times, and how many.

    `certain` is False where their messages were sent: the host may have them, so nobody knows how many are lost.
    """

    device_id: str
    cause: str
    certain: bool = True
    from_ns: int = 0
    to_ns: int = 0
    count: int = 0

    def add(self, first_ns: int, last_ns: int, count: int) -> None:
        """Add values."""
        self.from_ns = min(self.from_ns, first_ns) if self.count else first_ns
        self.to_ns = max(self.to_ns, last_ns) if self.count else last_ns
        self.count += count

    def gap(self) -> Gap:
        """Return the record that declares it, for all series of the device."""
        count = self.count if self.certain else None
        return Gap(self.device_id or None, None, self.from_ns, self.to_ns, count, self.cause)


@dataclass(slots=True)
class Freed:
    """What was freed: messages deleted, bytes, and the losses to declare."""

    messages: int = 0
    bytes: int = 0
    by_device: dict[tuple[str, str, bool], Loss] = field(default_factory=dict)

    @property
    def losses(self) -> list[Loss]:
        """Losses in which something was lost."""
        return [loss for loss in self.by_device.values() if loss.count]

    def loss(self, device_id: str, cause: str, *, certain: bool) -> Loss:
        """Return the loss of a device, to add to."""
        return self.by_device.setdefault((device_id, cause, certain), Loss(device_id, cause, certain))


def make_room(database: sqlite3.Connection, thin_out: bool, n_bytes: int, row_bytes: int, sent: Sent) -> Freed:
    """Free at least n_bytes of the oldest messages, as far as there are any; gap records always stay.

    Messages in flight give way last: they are about to leave by themselves. `row_bytes` is what a message takes beside
    its payload.
    """
    freed = Freed()
    if thin_out:
        _thin(database, n_bytes, row_bytes, sent, freed)
    for in_flight in (False, True):
        if freed.bytes < n_bytes:
            rows = (
                row for row in database.execute(f"{_SELECT} ORDER BY lsn") if (row[0] in sent.in_flight) is in_flight
            )
            _drop(database, rows, n_bytes, row_bytes, sent, freed)
    return freed


def drop_older(database: sqlite3.Connection, limit_ns: int, row_bytes: int, sent: Sent) -> Freed:
    """Drop the messages created before limit_ns; gap records stay."""
    freed = Freed()
    old = database.execute(f"{_SELECT} AND created_ns<? ORDER BY lsn", (limit_ns,))
    _drop(database, old, None, row_bytes, sent, freed)
    return freed


def _drop(
    database: sqlite3.Connection, rows: Iterable[tuple[int, str, int, int, int, int]], n_bytes: int | None,
    row_bytes: int, sent: Sent, freed: Freed,
) -> None:  # fmt: skip
    dropped = []
    for lsn, device_id, first_ns, last_ns, n_values, size in rows:
        if n_bytes is not None and freed.bytes >= n_bytes:
            break
        dropped.append((lsn,))
        freed.messages += 1
        freed.bytes += size + row_bytes
        freed.loss(device_id, "log_overflow", certain=lsn not in sent.ever).add(first_ns, last_ns, n_values)
    database.executemany("DELETE FROM message WHERE lsn=?", dropped)


def _thin(database: sqlite3.Connection, n_bytes: int, row_bytes: int, sent: Sent, freed: Freed) -> None:
    select = "SELECT * FROM message WHERE is_gap=0 AND thinned<? ORDER BY thinned, lsn LIMIT 200"
    keep_next: dict[tuple[str, int, str], bool] = {}
    while freed.bytes < n_bytes:
        rows = database.execute(select, (MAX_THINNED,)).fetchall()
        if not rows:
            return
        for *fields, payload, check in rows:
            if checksum(*fields, payload) != check:
                raise DamagedError(f"message {fields[0]} was altered")
            lsn, device_id, *_, thinned = fields
            kept, n_values = _halve(device_id, payload, keep_next, freed, certain=lsn not in sent.ever)
            database.execute("DELETE FROM message WHERE lsn=?", (lsn,))
            if n_values == 0:
                freed.messages += 1
                freed.bytes += len(payload) + row_bytes
            else:
                changed = (*fields[:-2], n_values, thinned + 1, kept)
                database.execute(
                    "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*changed, checksum(*changed))
                )
                freed.bytes += len(payload) - len(kept)
            if freed.bytes >= n_bytes:
                return


def _halve(
    device_id: str, payload: bytes, keep_next: dict[tuple[str, int, str], bool], freed: Freed, *, certain: bool
) -> tuple[bytes, int]:
    """Take every second value of each series out of a message; returns what is left and how many values that is."""
    message = parse(payload)
    kept = []
    for metric in message.metrics:
        key = (device_id, metric.alias, metric.name)
        keep = keep_next.get(key, True)
        keep_next[key] = not keep
        if keep or metric.name == LSN:
            kept.append(metric)
            continue
        time_ns = metric.timestamp * NS_PER_MS + _sub_ms(metric)
        # The source time may lie a little before the unique one that was sent.
        freed.loss(device_id, "log_thinned", certain=certain).add(max(0, time_ns - MAX_OFFSET), time_ns, 1)
    rest = type(message)()
    rest.timestamp = message.timestamp
    rest.metrics.extend(kept)
    return rest.SerializeToString(), len(kept)


def _sub_ms(metric: object) -> int:
    properties = metric.properties  # type: ignore[attr-defined]  # protobuf message
    for key, value in zip(properties.keys, properties.values, strict=False):
        if key == "ns":
            return int(value.int_value)
    return 0
