"""Waveforms that edges sent, beside the store of samples: one SQLite file of bounded size, the oldest go first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.waveform import Waveform
from gateway.state.database import open_database

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE waveforms (
        id INTEGER PRIMARY KEY,
        series TEXT NOT NULL,
        time_ns INTEGER NOT NULL,
        quality INTEGER NOT NULL,
        origin INTEGER NOT NULL,
        rate_hz REAL NOT NULL,
        sample_count INTEGER NOT NULL,
        samples BLOB NOT NULL,
        UNIQUE (series, time_ns)
    );
    CREATE INDEX waveforms_by_time ON waveforms (time_ns);
    """,
)
_HEAD = "series, time_ns, quality, origin, rate_hz, sample_count"
_ROW_BYTES = 200
"""What a row takes beside its samples, with its entries in both indexes."""
_ROOM = 0.95
"""A full file is emptied to this share of its limit, so that not every waveform pushes one out."""


@dataclass(frozen=True, slots=True)
class KeptWaveform:
    """One waveform of a series.

    Attributes:
        series: path group_id/edge_node_id/device_id/metric, which outlives the numbers of a store.
        time_ns: source time of the first sample.
        quality, origin: as those of every value.
        waveform: rate and samples.
    """

    series: str
    time_ns: int
    quality: Quality
    origin: Origin
    waveform: Waveform


@dataclass(frozen=True, slots=True)
class WaveformEntry:
    """What is known of a stored waveform without its samples; `count` is their number."""

    series: str
    time_ns: int
    quality: Quality
    origin: Origin
    rate_hz: float
    count: int


class Waveforms:
    """Repository of waveforms. One thread adds, any number read.

    Args:
        path: the file; created where missing.
        max_bytes: of samples; beyond it the waveforms with the oldest source times are given up.

    Raises DatabaseFormatError or sqlite3.OperationalError where the file cannot be used.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        self._connection = open_database(path, MIGRATIONS)
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._bytes = self._measure()

    def add(self, waveforms: Iterable[KeptWaveform]) -> None:
        """Keep waveforms in one transaction; one of a series and time that is there already changes nothing.

        When it returns they survive a power cut. Raises sqlite3.Error; nothing was written then.
        """
        rows = [
            (
                kept.series,
                kept.time_ns,
                int(kept.quality),
                int(kept.origin),
                kept.waveform.rate_hz,
                kept.waveform.count,
                kept.waveform.samples,
            )
            for kept in waveforms
        ]
        if not rows:
            return
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    f"INSERT OR IGNORE INTO waveforms ({_HEAD}, samples) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (text of ours)
                    rows,
                )
                size = self._measure()
                if size > self._max_bytes:
                    size -= self._give_up(size - round(_ROOM * self._max_bytes))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise
            self._bytes = size

    def list(self, series: str, start_ns: int, end_ns: int, limit: int) -> Sequence[WaveformEntry]:
        """Return what is stored of a series in [start_ns, end_ns), newest first."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_HEAD} FROM waveforms WHERE series = ? AND time_ns >= ? AND time_ns < ?"  # noqa: S608  (text of ours)
                " ORDER BY time_ns DESC LIMIT ?",
                (series, start_ns, end_ns, limit),
            ).fetchall()
        return [
            WaveformEntry(path, time_ns, Quality(quality), Origin(origin), rate_hz, count)
            for path, time_ns, quality, origin, rate_hz, count in rows
        ]

    def get(self, series: str, at_ns: int) -> KeptWaveform | None:
        """Return the newest waveform of a series whose source time is not after `at_ns`; None where there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT time_ns, quality, origin, rate_hz, samples FROM waveforms WHERE series = ? AND time_ns <= ?"
                " ORDER BY time_ns DESC LIMIT 1",
                (series, at_ns),
            ).fetchone()
        if row is None:
            return None
        time_ns, quality, origin, rate_hz, samples = row
        return KeptWaveform(series, time_ns, Quality(quality), Origin(origin), Waveform(rate_hz, samples))

    @property
    def size_bytes(self) -> int:
        """What the waveforms take."""
        return self._bytes

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _measure(self) -> int:
        count, samples = self._connection.execute(
            "SELECT count(*), coalesce(sum(sample_count), 0) FROM waveforms"
        ).fetchone()
        return int(count) * _ROW_BYTES + 4 * int(samples)

    def _give_up(self, excess: int) -> int:
        """Delete the oldest waveforms until `excess` bytes are free; the file uses their pages again.

        Returns how many bytes became free.
        """
        ids: list[tuple[int]] = []
        freed = 0
        for number, count in self._connection.execute("SELECT id, sample_count FROM waveforms ORDER BY time_ns, id"):
            if freed >= excess:
                break
            ids.append((number,))
            freed += _ROW_BYTES + 4 * count
        self._connection.executemany("DELETE FROM waveforms WHERE id = ?", ids)
        return freed
