"""What the file of the durable log knows besides messages: aliases of metrics, and the devices that were declared."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from edge_agent.sparkplug.log_row import AliasKey
from edge_agent.sparkplug.log_schema import checksum
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end; roll back where anything is raised."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


class AliasTable:
    """Aliases of metrics: an append-only table, so that none is ever used again."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (self._next,) = database.execute(
            "SELECT coalesce((SELECT value FROM meta WHERE key='next_alias'), 1)"
        ).fetchone()
        self._aliases: dict[AliasKey, int] = {
            AliasKey(device, metric, DataType(datatype), Origin(origin)): alias
            for alias, device, metric, datatype, origin, _ in database.execute("SELECT * FROM alias")
        }
        self._series: dict[tuple[str, str], int] = {}
        for key, alias in sorted(self._aliases.items(), key=lambda item: item[1]):
            self._series.setdefault((key.device_id, key.metric), alias)

    def of(self, keys: Sequence[AliasKey]) -> Sequence[int]:
        """Return the alias of each key; new ones are numbered durably."""
        fresh = [key for key in dict.fromkeys(keys) if key not in self._aliases]
        if fresh:
            first = max(self._next, max(self._aliases.values(), default=0) + 1)
            rows = [(first + index, *key) for index, key in enumerate(fresh)]
            with transaction(self._database):
                self._database.executemany(
                    "INSERT INTO alias VALUES (?, ?, ?, ?, ?, ?)", [(*row, checksum(*row)) for row in rows]
                )
            for index, key in enumerate(fresh):
                self._aliases[key] = first + index
                self._series.setdefault((key.device_id, key.metric), first + index)
        return [self._aliases[key] for key in keys]

    def first(self, device_id: str, metric: str) -> int:
        """Return the first alias a series had, whatever its type and origin were; it stands for the series."""
        return self._series[device_id, metric]

    def known(self) -> Mapping[AliasKey, int]:
        """Return every alias ever given."""
        return self._aliases


class DeviceTable:
    """Devices that were ever declared, and since when those are silent whose loss is not declared yet."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def known(self) -> Mapping[str, bool]:
        """Return every device that was ever declared, and whether its times are its own clock's."""
        return {row[0]: bool(row[1]) for row in self._database.execute("SELECT device_id, own_clock FROM device")}

    def assign(self, device_id: str, source: str, *, own_clock: bool) -> None:
        """Note which source a device belongs to, and whether its times are not those of the wall clock."""
        with transaction(self._database):
            self._database.execute(
                "INSERT INTO device VALUES (?, ?, ?, NULL) "
                "ON CONFLICT (device_id) DO UPDATE SET source=excluded.source, own_clock=excluded.own_clock",
                (device_id, source, own_clock),
            )

    def begin_silence(self, alive_ns: int, longest_delay_ns: Mapping[str, int], default_delay_ns: int) -> None:
        """Note, at the start, since when each known device may have given values that nobody logged.

        A value on its way when the edge ended is older than the end by up to the delay of its source. Where the source
        has a clock of its own, the silence begins at its newest time that was logged.
        """
        newest = dict(self._database.execute("SELECT name, newest_ns FROM source"))
        with transaction(self._database):
            select = "SELECT device_id, source, own_clock FROM device WHERE silent_from_ns IS NULL"
            for device_id, source, own_clock in self._database.execute(select).fetchall():
                delay_ns = longest_delay_ns.get(source, default_delay_ns)
                begin = newest.get(source, alive_ns) if own_clock else max(alive_ns - delay_ns, 0)
                self._database.execute("UPDATE device SET silent_from_ns=? WHERE device_id=?", (begin, device_id))

    def silent(self) -> Mapping[str, int]:
        """Return devices whose silence has not been declared yet, with its begin."""
        select = "SELECT device_id, silent_from_ns FROM device WHERE silent_from_ns IS NOT NULL"
        return dict(self._database.execute(select))

    def turn(self, device_id: str, *, silent: bool) -> None:
        """Begin the silence of a device at the newest time that its source gave before, or end it; no commit."""
        begin = "(SELECT newest_ns FROM source WHERE name=device.source)" if silent else "NULL"
        unless = "AND silent_from_ns IS NULL" if silent else ""
        self._database.execute(f"UPDATE device SET silent_from_ns={begin} WHERE device_id=? {unless}", (device_id,))  # noqa: S608
