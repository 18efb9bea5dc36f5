"""Shapes of the API's answers."""

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, Field

from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from gateway.api.times import format_time
from gateway.backfill import BackfillStatus
from gateway.state.waveforms import KeptWaveform, WaveformEntry
from gateway.store.base import DeclaredGap, Series
from gateway.view import EdgeStatus, Hop, LatestValue

QualityWord = Literal["good", "uncertain", "bad", "stale"]
OriginWord = Literal["real", "simulated", "replayed"]
HopWord = Literal["ok", "waiting", "degraded", "failed"]
ScalarValue = float | int | bool | str | None

QUALITY_WORDS: dict[int, QualityWord] = {
    Quality.GOOD: "good",
    Quality.UNCERTAIN: "uncertain",
    Quality.BAD: "bad",
    Quality.STALE: "stale",
}
ORIGIN_WORDS: tuple[OriginWord, ...] = ("real", "simulated", "replayed")

_PATH = "showroom/line-edge/MIX-10/product_flow_l_h"
_TIME = "2026-11-22T08:00:00.250000000Z"
_TIME_NS = 1795334400250000000


class SeriesItem(BaseModel):
    """One series of the catalogue, as its birth declared it."""

    number: int = Field(description="Number of the series in this gateway's store", ge=1, examples=[12])
    path: str = Field(description="Site / edge agent / work unit / signal", examples=[_PATH])
    group_id: str = Field(description="Site", examples=["showroom"])
    edge_node_id: str = Field(description="Edge agent", examples=["line-edge"])
    device_id: str = Field(description="Work unit; empty for a metric of the edge agent itself", examples=["MIX-10"])
    metric: str = Field(description="Signal", examples=["product_flow_l_h"])
    datatype: str = Field(description="Sparkplug B data type", examples=["double"])
    unit: str = Field(description="Engineering unit; empty where there is none", examples=["L/h"])
    low: float | None = Field(description="Low end of the instrument's range", examples=[0.0])
    high: float | None = Field(description="High end of the instrument's range", examples=[2500.0])
    description: str = Field(description="One line for people", examples=["Flow of product to the filler"])
    origin: OriginWord = Field(description="Where its values come from", examples=["simulated"])
    address: str = Field(description="Address at the source", examples=["nsu=urn:line;s=MIX-10.product_flow_l_h"])
    report: str = Field(description="Its report rule as JSON; empty where unknown", examples=['{"max_interval_s":60}'])

    @classmethod
    def of(cls, series: Series) -> "SeriesItem":
        """Describe a series."""
        key = series.key
        return cls(
            number=series.number,
            path=str(key),
            group_id=key.group_id,
            edge_node_id=key.edge_node_id,
            device_id=key.device_id,
            metric=key.metric,
            datatype=DataType(series.datatype).name.lower(),
            unit=series.unit,
            low=series.low,
            high=series.high,
            description=series.description,
            origin=ORIGIN_WORDS[series.origin],
            address=series.address,
            report=series.report,
        )


class LatestItem(BaseModel):
    """Newest value of a series."""

    series: int = Field(description="Number of the series", ge=1, examples=[12])
    path: str = Field(examples=[_PATH])
    unit: str = Field(examples=["L/h"])
    value: ScalarValue = Field(
        description="Value; null where it is bad. A stale one is the last known", examples=[1498.2]
    )
    time: str = Field(description="Source time, UTC", examples=[_TIME])
    time_ns: int = Field(description="Source time, nanoseconds since 1970 (64 bits)", examples=[_TIME_NS])
    age_s: float = Field(
        description="Age at the moment of the answer; negative where the source's clock is ahead", examples=[0.4]
    )
    quality: QualityWord = Field(examples=["good"])
    origin: OriginWord = Field(examples=["simulated"])

    @classmethod
    def of(cls, latest: LatestValue, now_ns: int) -> "LatestItem":
        """Describe a newest value at the time `now_ns`."""
        return cls(
            series=latest.series.number,
            path=str(latest.series.key),
            unit=latest.series.unit,
            value=finite(latest.value),
            time=format_time(latest.time_ns),
            time_ns=latest.time_ns,
            age_s=round((now_ns - latest.time_ns) / 1e9, 3),
            quality=QUALITY_WORDS.get(latest.quality, "bad"),
            origin=ORIGIN_WORDS[latest.origin],
        )


def finite(value: ScalarValue) -> ScalarValue:
    """Return None for NaN and infinities, which JSON cannot carry."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


class HopItem(BaseModel):
    """Health of one hop of the data path."""

    name: str = Field(examples=["broker"])
    state: HopWord = Field(description="`waiting`: nothing wrong, nothing has come yet", examples=["ok"])
    queue_depth: int | None = Field(description="Messages waiting; null where it has no queue", examples=[0])
    queue_limit: int | None = Field(description="Bound of that queue", examples=[20000])
    lag_s: float | None = Field(description="Age of the newest value that passed", examples=[0.21])
    error: str = Field(description="Last error in words; empty where there is none", examples=[""])
    remedy: str = Field(description="What to do about it", examples=[""])

    @classmethod
    def of(cls, hop: Hop) -> "HopItem":
        """Describe a hop."""
        return cls(
            name=hop.name,
            state=hop.state.value,
            queue_depth=hop.queue_depth,
            queue_limit=hop.queue_limit,
            lag_s=None if hop.lag_s is None else round(hop.lag_s, 3),
            error=hop.error,
            remedy=hop.remedy,
        )


class Health(BaseModel):
    """State of the whole data path. The HTTP status is 200 as long as the gateway itself answers."""

    overall: HopWord = Field(description="The worst state of any hop", examples=["ok"])
    hops: list[HopItem] = Field(description="From the edges to the store, in order")


class WorkUnit(BaseModel):
    """A machine and its signals."""

    device_id: str = Field(examples=["MIX-10"])
    online: bool = Field(description="Between its birth and its death", examples=[True])
    signals: list[SeriesItem]


class EdgeBranch(BaseModel):
    """An edge agent and its work units."""

    edge_node_id: str = Field(examples=["line-edge"])
    online: bool = Field(examples=[True])
    signals: list[SeriesItem] = Field(description="Metrics of the edge agent itself")
    work_units: list[WorkUnit]


class Site(BaseModel):
    """A site and its edge agents."""

    group_id: str = Field(examples=["showroom"])
    edges: list[EdgeBranch]


class EquipmentTree(BaseModel):
    """Everything that has announced itself, as site / edge agent / work unit / signal."""

    sites: list[Site]


class GapItem(BaseModel):
    """Values that will never come, declared instead of silently missing."""

    edge: str = Field(description="Site / edge agent", examples=["showroom/line-edge"])
    device_id: str | None = Field(description="Work unit; null: the edge agent itself", examples=["MIX-10"])
    metric: str | None = Field(
        description="Signal; null: every signal of the work unit (or of the edge)", examples=[None]
    )
    start: str = Field(description="First source time, UTC", examples=[_TIME])
    start_ns: int = Field(examples=[_TIME_NS])
    end: str = Field(description="Last source time, UTC", examples=[_TIME])
    end_ns: int = Field(examples=[_TIME_NS])
    count: int | None = Field(description="Values lost; null where nobody can know", examples=[None])
    cause: str = Field(examples=["source_down"])
    stored_at: str = Field(description="When the gateway stored the declaration", examples=[_TIME])
    stored_at_ns: int = Field(examples=[_TIME_NS])
    epoch: str = Field(
        description="Epoch of the edge's log, a 64-bit number as text", examples=["13292716291834528423"]
    )

    @classmethod
    def of(cls, declared: DeclaredGap) -> "GapItem":
        """Describe a declared gap."""
        gap = declared.gap
        return cls(
            edge=str(declared.edge),
            device_id=gap.device_id,
            metric=gap.metric,
            start=format_time(gap.from_ns),
            start_ns=gap.from_ns,
            end=format_time(gap.to_ns),
            end_ns=gap.to_ns,
            count=gap.count,
            cause=gap.cause,
            stored_at=format_time(declared.stored_at_ns),
            stored_at_ns=declared.stored_at_ns,
            epoch=str(declared.epoch),
        )


class EdgeItem(BaseModel):
    """Delivery of one edge agent."""

    edge: str = Field(description="Site / edge agent", examples=["showroom/line-edge"])
    online: bool = Field(examples=[True])
    devices: dict[str, bool] = Field(description="Work units, true where online", examples=[{"MIX-10": True}])
    epoch: str | None = Field(
        description="Epoch of its log, a 64-bit number as text", examples=["13292716291834528423"]
    )
    acknowledged: list[tuple[int, int]] = Field(
        description="Log sequence numbers that are stored, as closed intervals", examples=[[(1, 90211)]]
    )
    last_lsn: int | None = Field(description="Highest log sequence number seen", examples=[90211])
    backlog: int | None = Field(description="Messages that the edge still holds", examples=[3])
    dropped: int = Field(description="Values that its gaps declared as lost", examples=[0])
    clock_skew_s: float | None = Field(description="Clock of the edge minus clock of the gateway", examples=[0.004])
    messages: int = Field(description="Since the gateway started", examples=[90211])
    samples: int = Field(description="Since the gateway started", examples=[1804220])
    duplicates: int = Field(description="Messages received again and not written again", examples=[0])
    rebirths: int = Field(description="Rebirths asked for", examples=[1])

    @classmethod
    def of(cls, status: EdgeStatus) -> "EdgeItem":
        """Describe an edge agent."""
        return cls(
            edge=str(status.edge),
            online=status.online,
            devices=dict(status.devices),
            epoch=None if status.epoch is None else str(status.epoch),
            acknowledged=[(first, last) for first, last in status.acknowledged],
            last_lsn=status.last_lsn,
            backlog=status.backlog,
            dropped=status.dropped,
            clock_skew_s=status.clock_skew_s,
            messages=status.messages,
            samples=status.samples,
            duplicates=status.duplicates,
            rebirths=status.rebirths,
        )


class HistoryItem(BaseModel):
    """Import of what a simulated line would have left before its first start."""

    state: Literal["waiting", "importing", "done", "declined"] = Field(examples=["done"])
    chunks: int = Field(description="Stored so far", examples=[120])
    of: int | None = Field(description="Chunks there are; null until the line has made them all", examples=[120])
    samples: int = Field(description="Stored since the gateway started", examples=[8_200_000])
    start_ns: int = Field(description="Begin of the history; 0 while unknown", examples=[_TIME_NS])
    end_ns: int = Field(description="End of the history; 0 while unknown", examples=[_TIME_NS])
    unknown: int = Field(description="Signals that no edge agent reads, left out", examples=[0])
    error: str = Field(description="Why it was declined; empty where it was not", examples=[""])
    remedy: str = Field(description="What to do about it", examples=[""])

    @classmethod
    def of_status(cls, status: BackfillStatus) -> "HistoryItem":
        """Describe an import."""
        return cls(**asdict(status) | {"state": status.state.value})


class PipelineItem(BaseModel):
    """Delivery from the edges to the store."""

    edges: list[EdgeItem]
    quarantined: int = Field(description="Messages and samples in quarantine", examples=[0])
    stored_samples: int = Field(description="Since the gateway started", examples=[1804220])
    stored_batches: int = Field(description="Since the gateway started", examples=[5120])
    hold: bool = Field(
        description="True while edges are told to keep everything because the store is down", examples=[False]
    )
    store: str = Field(description="Store in use", examples=["duckdb"])
    history: HistoryItem | None = Field(description="null where the gateway imports none")


class RawColumns(BaseModel):
    """Stored samples as columns of equal length, ascending by time."""

    time_ns: list[int] = Field(
        description="Source time; 64-bit integers, which JavaScript rounds to 256 ns", examples=[[_TIME_NS]]
    )
    value: list[ScalarValue] = Field(description="null exactly where quality is bad or stale", examples=[[1498.2]])
    quality: list[int] = Field(description="192 good, 64 uncertain, 0 bad, 500 stale", examples=[[192]])
    origin: list[int] = Field(description="0 real, 1 simulated, 2 replayed", examples=[[1]])


class BucketColumns(BaseModel):
    """Down-sampled window as columns of equal length; empty buckets are left out."""

    start_ns: list[int] = Field(description="Begin of each bucket", examples=[[_TIME_NS]])
    width_ns: int = Field(description="Width of every bucket", examples=[60_000_000_000])
    minimum: list[float | None] = Field(examples=[[1490.1]])
    maximum: list[float | None] = Field(examples=[[1503.9]])
    mean: list[float | None] = Field(examples=[[1498.0]])
    count: list[int] = Field(description="Samples of quality good or uncertain", examples=[[60]])
    bad: list[int] = Field(description="Other samples", examples=[[0]])
    tier: str = Field(description="What it was computed from: raw, 1min or 1h", examples=["raw"])


class SamplesAnswer(BaseModel):
    """A window of one series: `raw` where few samples are in it, else `buckets`."""

    series: SeriesItem
    start_ns: int = Field(description="First time of the window", examples=[_TIME_NS])
    end_ns: int = Field(description="End of the window, not included", examples=[_TIME_NS + 600_000_000_000])
    form: Literal["raw", "buckets"] = Field(examples=["raw"])
    raw: RawColumns | None
    buckets: BucketColumns | None
    next: str | None = Field(description="Path of the next page of raw samples; null on the last one", examples=[None])


class WaveformItem(BaseModel):
    """A stored waveform without its samples."""

    time: str = Field(description="Source time of the first sample, UTC", examples=[_TIME])
    time_ns: int = Field(examples=[_TIME_NS])
    rate_hz: float = Field(description="Samples a second", examples=[12800.0])
    count: int = Field(description="Number of samples", examples=[12800])
    quality: QualityWord = Field(examples=["good"])
    origin: OriginWord = Field(examples=["simulated"])

    @classmethod
    def of(cls, entry: WaveformEntry) -> "WaveformItem":
        """Describe a stored waveform."""
        return cls(
            time=format_time(entry.time_ns),
            time_ns=entry.time_ns,
            rate_hz=entry.rate_hz,
            count=entry.count,
            quality=QUALITY_WORDS.get(entry.quality, "bad"),
            origin=ORIGIN_WORDS[entry.origin],
        )


class WaveformList(BaseModel):
    """Waveforms of one series, newest first."""

    series: SeriesItem
    waveforms: list[WaveformItem]


class WaveformAnswer(BaseModel):
    """One waveform."""

    series: SeriesItem
    time: str = Field(description="Source time of the first sample, UTC", examples=[_TIME])
    time_ns: int = Field(examples=[_TIME_NS])
    rate_hz: float = Field(description="Samples a second", examples=[12800.0])
    quality: QualityWord = Field(examples=["good"])
    origin: OriginWord = Field(examples=["simulated"])
    samples: list[float] = Field(description="In the unit of the series", examples=[[0.012, -0.034]])

    @classmethod
    def of(cls, series: Series, kept: KeptWaveform, samples: list[float]) -> "WaveformAnswer":
        """Describe a waveform; its samples are not looked at one by one."""
        return cls.model_construct(
            series=SeriesItem.of(series),
            time=format_time(kept.time_ns),
            time_ns=kept.time_ns,
            rate_hz=kept.waveform.rate_hz,
            quality=QUALITY_WORDS.get(kept.quality, "bad"),
            origin=ORIGIN_WORDS[kept.origin],
            samples=samples,
        )


def frame_example() -> dict[str, Any]:
    """Return one frame of the live stream, as documentation."""
    return {
        "type": "changes",
        "sequence": 1207,
        "sent_ms": 1795334400500,
        "catalogue": 3,
        "values": [[12, 1795334400250, 1498.2, 192, 1]],
        "hops": [
            {
                "name": "broker",
                "state": "ok",
                "queue_depth": None,
                "queue_limit": None,
                "lag_s": 0.2,
                "error": "",
                "remedy": "",
            }
        ],
    }
