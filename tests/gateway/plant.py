"""A plant in memory for tests of API and page: a `View` whose state the test sets, over a real DuckDB store."""

import asyncio
import math
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.state.waveforms import KeptWaveform, WaveformEntry, Waveforms
from gateway.store.base import (
    Buckets,
    DeclaredGap,
    EdgeKey,
    Kind,
    RejectedSamples,
    SampleReader,
    Samples,
    Series,
    SeriesKey,
    StoreUnavailableError,
    Value,
    WriteBatch,
)
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from gateway.view import EdgeStatus, Hop, HopState, LatestValue, Pipeline

SECOND_NS = 1_000_000_000
LINE = EdgeKey("showroom", "line-edge")
METER = EdgeKey("showroom", "meter-edge")

# work unit, signal, unit, low, high, description, typical value, amplitude of its slow wave
_SIGNALS: tuple[tuple[str, str, str, float | None, float | None, str, float, float], ...] = (
    ("MIX-10", "level_pct", "%", 0, 100, "Level of the blend tank", 62, 14),
    ("MIX-10", "brix_degbx", "°Bx", 0, 20, "Sugar content of the drink", 11.02, 0.05),
    ("MIX-10", "product_flow_l_h", "L/h", 0, 2000, "Product flow to the filler", 1498, 22),
    ("MIX-10", "suction_bar", "bar", -1, 1, "Suction pressure of the pump (gauge)", 0.24, 0.03),
    ("MIX-10", "discharge_bar", "bar", 0, 6, "Discharge pressure of the pump (gauge)", 3.02, 0.06),
    ("MIX-10", "power_w", "W", 0, 3000, "Electrical power of the pump with its drive", 1394, 60),
    ("MIX-10", "bearing_temperature_degc", "°C", 0, 120, "Temperature of the pump's drive-end bearing", 47.5, 1.5),
    ("MIX-10", "vibration_velocity_mm_s", "mm/s", 0, 20, "Vibration velocity of the pump", 0.92, 0.08),
    ("MONO-30", "cur_mach_speed_bottles_h", "bottles/h", 0, 4000, "Current speed of the monobloc", 2990, 18),
    ("MONO-30", "bowl_level_mm", "mm", 0, 250, "Level of the filler bowl", 150, 9),
    ("MONO-30", "fill_mean_g", "g", 0, 600, "Mean net fill of the last hundred bottles", 520.4, 0.6),
    ("MONO-30", "cap_torque_mean_nm", "N·m", 0, 4, "Mean cap torque of the last hundred bottles", 1.71, 0.04),
    ("MONO-30", "compressed_air_m3_min", "m³/min", 0, 5, "Compressed air taken (free air)", 0.94, 0.05),
    ("MONO-30", "power_w", "W", 0, 10000, "Electrical power of the monobloc", 6980, 120),
    ("CA-90", "receiver_bar", "bar", 0, 10, "Pressure of the receiver (gauge)", 7.0, 0.45),
    ("CA-90", "power_w", "W", 0, 20000, "Electrical power of the compressor package", 13900, 3200),
    ("CA-90", "discharge_temperature_degc", "°C", 0, 130, "Discharge temperature", 84, 3),
    ("CA-90", "air_demand_m3_min", "m³/min", 0, 5, "Compressed air into the line, leaks included", 1.7, 0.1),
)
_METER_SIGNALS: tuple[tuple[str, str, str, float | None, float | None, str, float, float], ...] = (
    ("EL-92", "total_act_power_w", "W", 0, 100_000, "Active power of the whole line", 23_400, 2900),
    ("EL-92", "a_voltage_v", "V", 207, 253, "Voltage of phase A", 231.2, 1.1),
    ("EL-92", "a_current_a", "A", 0, 160, "Current of phase A", 34.8, 3.4),
)
_STATES: tuple[tuple[str, str], ...] = (("MIX-10", "EXECUTE"), ("MONO-30", "EXECUTE"), ("CA-90", "EXECUTE"))
_STATE_NUMBERS = {"STOPPED": 2, "IDLE": 4, "SUSPENDED": 5, "EXECUTE": 6, "ABORTED": 9, "HELD": 11}


def bottling_series() -> list[Series]:
    """Series of a small bottling line with its energy meter."""
    found: list[Series] = []

    def add(edge: EdgeKey, device: str, metric: str, datatype: DataType, origin: Origin, **properties: object) -> None:
        key = SeriesKey(edge.group_id, edge.edge_node_id, device, metric)
        found.append(Series(len(found) + 1, key, datatype, origin=origin, **properties))  # type: ignore[arg-type]

    for device, metric, unit, low, high, description, _, _ in _SIGNALS:
        add(
            LINE,
            device,
            metric,
            DataType.DOUBLE,
            Origin.SIMULATED,
            unit=unit,
            low=low,
            high=high,
            description=description,
        )
    for device, _ in _STATES:
        add(LINE, device, "state_current", DataType.INT32, Origin.SIMULATED, description="PackML state")
        add(LINE, device, "state_current_text", DataType.STRING, Origin.SIMULATED, description="PackML state as a word")
    add(LINE, "MONO-30", "prod_processed_count", DataType.INT64, Origin.SIMULATED, description="Bottles since start")
    for device, metric, unit, low, high, description, _, _ in _METER_SIGNALS:
        add(
            METER,
            device,
            metric,
            DataType.DOUBLE,
            Origin.SIMULATED,
            unit=unit,
            low=low,
            high=high,
            description=description,
        )
    return found


def plain_series(
    group_id: str, edge: str, device: str, metrics: Sequence[tuple[str, str]], origin: Origin
) -> list[Series]:
    """Series of a plant that nobody told us about: name and unit alone."""
    return [
        Series(number, SeriesKey(group_id, edge, device, name), DataType.DOUBLE, unit=unit, origin=origin)
        for number, (name, unit) in enumerate(metrics, start=1)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    """One consumer of `Plant.changes`."""

    pending: dict[int, LatestValue]
    wake: asyncio.Event
    loop: asyncio.AbstractEventLoop


class Plant:
    """State of a running gateway that a test sets and the app under test reads."""

    def __init__(self, path: Path, series: Sequence[Series], now_ns: int) -> None:
        self.store = DuckDbStore(DuckDbConfig(path=path))
        self.store.load()
        self.kept_waveforms = Waveforms(path.with_name("waveforms.db"), max_bytes=10_000_000)
        self.known = list(series)
        self.values: dict[int, LatestValue] = {}
        self.failing_reader: SampleReader | None = None
        self.hop_list = [
            Hop("source line-edge/process-cell", HopState.OK),
            Hop("edge line-edge", HopState.OK, 0, 10_000, 0.2),
            Hop("source meter-edge/grid-meter", HopState.OK),
            Hop("edge meter-edge", HopState.OK, 0, 10_000, 0.7),
            Hop("broker", HopState.OK),
            Hop("ingest", HopState.OK, 0),
            Hop("store", HopState.OK, lag_s=0.4),
        ]
        self.edges = [
            _edge(key, {series.key.device_id for series in self.known if _edge_key(series) == key})
            for key in sorted({_edge_key(series) for series in self.known}, key=str)
        ]
        self._typical = {
            (device, metric): (typical, wave)
            for device, metric, _, _, _, _, typical, wave in (*_SIGNALS, *_METER_SIGNALS)
        }
        self.states = dict(_STATES)
        self._listeners: list[_Listener] = []
        self.step(now_ns)

    @property
    def reader(self) -> SampleReader:
        """The real store, or what the test put in its place."""
        return self.failing_reader or self.store

    def waveforms(self, series: str, start_ns: int, end_ns: int, limit: int) -> Sequence[WaveformEntry]:
        """Waveforms that the test kept."""
        return self.kept_waveforms.list(series, start_ns, end_ns, limit)

    def waveform(self, series: str, at_ns: int) -> KeptWaveform | None:
        """One that the test kept."""
        return self.kept_waveforms.get(series, at_ns)

    def catalogue(self) -> Sequence[Series]:
        """Every series."""
        return self.known

    def latest(self) -> Sequence[LatestValue]:
        """Newest values."""
        return list(self.values.values())

    def hops(self) -> Sequence[Hop]:
        """Hops as the test set them."""
        return self.hop_list

    def pipeline(self) -> Pipeline:
        """Delivery as the test set it."""
        return Pipeline(self.edges, 0, 1_804_220, 5120, hold=False, store="duckdb")

    async def changes(self) -> AsyncGenerator[Sequence[LatestValue], None]:
        """Changes since the last yield."""
        listener = _Listener({}, asyncio.Event(), asyncio.get_running_loop())
        self._listeners.append(listener)
        try:
            while True:
                await listener.wake.wait()
                listener.wake.clear()
                changed = list(listener.pending.values())
                listener.pending.clear()
                yield changed
        finally:
            self._listeners.remove(listener)

    def set(self, *changed: LatestValue) -> None:
        """Take new values; callable from any thread."""
        for value in changed:
            self.values[value.series.number] = value
        for listener in self._listeners:
            listener.pending.update((value.series.number, value) for value in changed)
            listener.loop.call_soon_threadsafe(listener.wake.set)

    def step(self, now_ns: int) -> None:
        """Give every series a new value of this time."""
        self.set(
            *(
                LatestValue(series, now_ns, self.value_at(series, now_ns), Quality.GOOD, series.origin, now_ns)
                for series in self.known
            )
        )

    def value_at(self, series: Series, time_ns: int) -> Value:
        """Return what a series shows at a time."""
        seconds = time_ns / 1e9
        metric = series.key.metric
        state = self.states.get(series.key.device_id, "IDLE")
        if metric == "state_current":
            return _STATE_NUMBERS[state]
        if metric == "state_current_text":
            return state
        if metric == "prod_processed_count":
            return int(seconds % 86_400 * 0.83)
        typical, wave = self._typical.get((series.key.device_id, metric), (10.0 + series.number, 1.0))
        slow = math.sin(seconds / (60 + 7 * series.number)) + 0.3 * math.sin(seconds / (11 + series.number))
        return typical + wave * 0.7 * slow

    def mark(self, device: str, quality: Quality) -> None:
        """Give every value of a work unit this quality."""
        self.set(
            *(
                replace(value, quality=quality, value=None if quality is Quality.BAD else value.value)
                for value in list(self.values.values())
                if value.series.key.device_id == device
            )
        )

    def write_history(self, end_ns: int, span_s: int, period_s: float) -> None:
        """Store samples of every numeric series, ending at `end_ns`."""
        times = end_ns - (np.arange(int(span_s / period_s), 0, -1) * period_s * 1e9).astype(np.int64)
        parts = [self._column(series, times) for series in self.known if series.datatype is DataType.DOUBLE]
        self.write(WriteBatch(series=self.known, samples=Samples.concatenate(parts)))
        self.store.maintain(end_ns)

    def write(self, batch: WriteBatch) -> None:
        """Store a batch; nothing of it may be refused."""
        self.store.write(batch, _refuse_nothing)

    def declare_gap(self, device: str, from_ns: int, to_ns: int, cause: str) -> None:
        """Store a declared gap of a work unit."""
        self.write(WriteBatch(gaps=[DeclaredGap(LINE, 1, Gap(device, None, from_ns, to_ns, None, cause), to_ns)]))

    def _column(self, series: Series, times: np.ndarray) -> Samples:
        values = np.array([self.value_at(series, int(time)) for time in times], np.float64)
        return columns(series.number, times, values, origin=series.origin)


class SilentReader:
    """A store that is away, or that answers when it is let."""

    def __init__(self, error: StoreUnavailableError | None = None) -> None:
        self.error = error
        self.release = threading.Event()

    def _wait(self) -> None:
        if self.error is not None:
            raise self.error
        self.release.wait(20)

    def series(self) -> Sequence[Series]:
        self._wait()
        return []

    def raw(self, series: int, start_ns: int, end_ns: int, limit: int) -> Samples:
        self._wait()
        return Samples.empty()

    def several(self, series: Sequence[int], start_ns: int, end_ns: int, limit: int) -> Samples:
        self._wait()
        return Samples.empty()

    def count(self, series: int, start_ns: int, end_ns: int) -> int:
        self._wait()
        return 0

    def buckets(self, series: int, start_ns: int, end_ns: int, max_points: int) -> Buckets:
        raise AssertionError("an empty window has no buckets")

    def gaps(self, start_ns: int, end_ns: int) -> Sequence[DeclaredGap]:
        self._wait()
        return []


def columns(number: int, times: np.ndarray, values: np.ndarray, origin: Origin = Origin.SIMULATED) -> Samples:
    """Samples of one numeric series, all good."""
    rows = len(times)
    return Samples(
        np.full(rows, number, np.int32),
        times.astype(np.int64),
        np.full(rows, Kind.FLOAT, np.uint8),
        values.astype(np.float64),
        np.zeros(rows, np.int64),
        None,
        np.full(rows, Quality.GOOD, np.int16),
        np.full(rows, origin, np.uint8),
    )


def _edge_key(series: Series) -> EdgeKey:
    return EdgeKey(series.key.group_id, series.key.edge_node_id)


def _edge(key: EdgeKey, devices: set[str]) -> EdgeStatus:
    return EdgeStatus(
        edge=key,
        online=True,
        devices=dict.fromkeys(sorted(devices), True),
        epoch=13_292_716_291_834_528_423,
        acknowledged=[(1, 90_211)],
        last_lsn=90_211,
        backlog=3,
        dropped=0,
        clock_skew_s=0.004,
        messages=90_211,
        samples=1_804_220,
        duplicates=0,
        rebirths=1,
    )


def _refuse_nothing(rejected: RejectedSamples) -> None:
    raise AssertionError(f"the store refused {len(rejected.samples)} rows: {rejected.reason}")
