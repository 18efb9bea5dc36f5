"""Losses whose end is not known yet, kept over restarts, so that a crash neither forgets nor widens one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.receipts import LogKey
from gateway.state.database import open_database
from gateway.store.base import EdgeKey

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE open_losses (
        group_id TEXT NOT NULL,
        edge_node_id TEXT NOT NULL,
        epoch TEXT NOT NULL,
        loss TEXT NOT NULL,
        PRIMARY KEY (group_id, edge_node_id, epoch)
    );
    """,
)


@dataclass(frozen=True, slots=True)
class OpenLoss:
    """LSNs that an edge's log no longer holds and that were not stored.

    Attributes:
        cause: one of edge_agent.sparkplug.delivery.CAUSES; empty where nothing is lost and only the LSNs below the
            first one are to be counted as received.
        from_ns: newest source time that was stored of this edge before.
        born_ns: when the birth was received that told of it.
        first_lsn: first LSN the log holds.
        never: the LSNs that will not come.
        begins_ns: oldest source time in the first message of the log that has values; None before it came.
        begins_lsn: LSN of that message, the lowest so far.
        live_lsn: LSN of the first live message after the birth; None before it came.
    """

    cause: str
    from_ns: int
    born_ns: int
    first_lsn: int
    never: IntervalSet
    begins_ns: int | None = None
    begins_lsn: int | None = None
    live_lsn: int | None = None


class OpenLosses:
    """Repository of open losses in the gateway's state file."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises DatabaseFormatError or sqlite3.OperationalError."""
        self._connection = open_database(path, MIGRATIONS)
        self._lock = Lock()

    def all(self) -> Mapping[LogKey, OpenLoss]:
        """Return every open loss by log."""
        with self._lock:
            rows = self._connection.execute("SELECT group_id, edge_node_id, epoch, loss FROM open_losses").fetchall()
        return {(EdgeKey(group, edge), int(epoch)): _from_json(text) for group, edge, epoch, text in rows}

    def put(self, log: LogKey, loss: OpenLoss) -> None:
        """Keep a loss; it replaces an earlier one of the same log. On disk when it returns. Raises sqlite3.Error."""
        with self._lock:
            self._connection.execute(
                "INSERT OR REPLACE INTO open_losses VALUES (?, ?, ?, ?)", (*_columns(log), _to_json(loss))
            )

    def remove(self, log: LogKey) -> None:
        """Forget a loss that was declared. Raises sqlite3.Error."""
        with self._lock:
            self._connection.execute(
                "DELETE FROM open_losses WHERE group_id = ? AND edge_node_id = ? AND epoch = ?", _columns(log)
            )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _columns(log: LogKey) -> tuple[str, str, str]:
    edge, epoch = log
    return edge.group_id, edge.edge_node_id, str(epoch)  # an epoch may exceed SQLite's integers


def _to_json(loss: OpenLoss) -> str:
    return json.dumps(
        {
            "cause": loss.cause,
            "from_ns": loss.from_ns,
            "born_ns": loss.born_ns,
            "first_lsn": loss.first_lsn,
            "never": list(loss.never),
            "begins_ns": loss.begins_ns,
            "live_lsn": loss.live_lsn,
        }
    )


def _from_json(text: str) -> OpenLoss:
    fields = json.loads(text)
    return OpenLoss(**{**fields, "never": IntervalSet((first, last) for first, last in fields["never"])})
