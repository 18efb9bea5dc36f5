"""Rollups of the production store: one dirty hour a step, aggregated by the server, written back as points."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.store.base import Samples, SeriesKey
from gateway.store.config import InfluxConfig
from gateway.store.downsample import Partials
from gateway.store.influx import InfluxClient
from gateway.store.influx_ledger import InfluxLedger
from gateway.store.influx_names import line_prefix, rollup_measurement, tags_of
from gateway.store.influx_reading import ALL_ROWS, HourRows, SumOverflowError, Window, read_minutes, read_rows
from gateway.store.rollup import HOUR, HOUR_NS, MINUTE, MINUTE_NS, DirtyHours, Tier

SERIES_PER_STEP = 25
"""The server needs about as long for each series it is asked for: 25 keep a step near 0.1 s."""
_DAY_NS = 24 * HOUR_NS


class InfluxUpkeep:
    """Work between batches, in the writing thread."""

    def __init__(self, config: InfluxConfig, client: InfluxClient, ledger: InfluxLedger) -> None:
        self._config = config
        self._client = client
        self._ledger = ledger
        self.raw_from_ns = 0
        """Raw rows before this time may have expired at the server."""

    def step(self, dirty: DirtyHours, keys: Mapping[int, SeriesKey], now_ns: int) -> None:
        """Compute one dirty hour of at most SERIES_PER_STEP series."""
        if self._config.retention_days is not None:
            self.raw_from_ns = now_ns - round(self._config.retention_days * _DAY_NS)
        due = next(dirty.due(now_ns), None)
        if due is None:
            return
        hour_ns, series = due[0], due[1][:SERIES_PER_STEP]
        if hour_ns + HOUR_NS > self.raw_from_ns:
            self._roll_up(hour_ns, [keys[number] for number in series])
        # Hours that have expired keep the rollup they have: their raw rows are no longer all there.
        self._ledger.clean(hour_ns, series)
        dirty.clean(hour_ns, series)

    def _roll_up(self, hour_ns: int, keys: Sequence[SeriesKey]) -> None:
        lines: list[str] = []
        for key, rows in zip(keys, self._read_minutes(hour_ns, keys), strict=True):
            if rows is not None:
                lines += _lines(MINUTE, key, rows.minutes, rows.last)
                hour = rows.minutes.widened(hour_ns, HOUR_NS)
                numbers = rows.last[~np.isnan(rows.last)]
                lines += _lines(HOUR, key, hour, numbers[-1:] if len(numbers) else np.array([np.nan]))
        for start in range(0, len(lines), self._config.batch_points):
            body = "\n".join(lines[start : start + self._config.batch_points]).encode()
            self._client.write(body, self._config.rollups)

    def _read_minutes(self, hour_ns: int, keys: Sequence[SeriesKey]) -> list[HourRows | None]:
        window = Window(hour_ns, hour_ns + HOUR_NS, MINUTE_NS, 0)
        bucket = self._config.bucket
        try:
            found = read_minutes(self._client, bucket, keys, window)
            return [found.get(tuple(tags_of(key).values())) for key in keys]
        except SumOverflowError:
            return [minutes_of(read_rows(self._client, bucket, 0, key, window, ALL_ROWS), hour_ns) for key in keys]


def minutes_of(rows: Samples, hour_ns: int) -> HourRows:
    """Compute the minutes of one series from its rows, ascending."""
    parts = Partials.of(rows)
    minutes = parts.widened(hour_ns, MINUTE_NS)
    last = np.full(len(minutes.start_ns), np.nan)
    numeric = parts.numbers > 0
    slot = np.searchsorted(minutes.start_ns, rows.time_ns[numeric], side="right") - 1
    last[slot] = rows.number[numeric]  # of several values for one slot the last assignment stays
    return HourRows(minutes, last)


def _lines(tier: Tier, key: SeriesKey, rows: Partials, last: NDArray[np.float64]) -> list[str]:
    prefix = line_prefix(rollup_measurement(tier), key)
    lines = []
    for row in range(len(rows.start_ns)):
        fields = [f"count={rows.count[row]}i,bad={rows.bad[row]}i,numbers={rows.numbers[row]}i"]
        if rows.numbers[row]:
            numbers = (("minimum", rows.minimum), ("maximum", rows.maximum), ("total", rows.total), ("last", last))
            fields += [f"{name}={float(column[row])}" for name, column in numbers if np.isfinite(column[row])]
        lines.append(f"{prefix}{','.join(fields)} {rows.start_ns[row]}")
    return lines
