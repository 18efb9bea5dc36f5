"""Configuration of the gateway: one TOML file."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, field_validator

from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.settings import Settings, load_settings
from edge_agent.sparkplug.topic import check_name
from gateway.store.config import StoreConfig

Model = TypeVar("Model", bound=BaseModel)


class GatewaySettings(Settings):
    """What the gateway is and where it keeps its own files.

    Attributes:
        host_id: Sparkplug host id; edges whose `primary_host_id` it is obey its acknowledgements.
        http_host, http_port: where API and pages are served.
        allowed_hosts: further names under which browsers may reach it (see gateway.api.settings).
        state: SQLite file of what the gateway must remember beside the store.
        quarantine: SQLite file of what could not be decoded or stored.
        quarantine_max_bytes: limit of that file; beyond it nothing more is refused, and nothing of it acknowledged.
        waveforms: SQLite file of the waveforms that edges sent.
        waveforms_max_bytes: limit of their samples; beyond it the oldest waveforms are given up.
        reorder_timeout_s: how long messages that come too early wait for those before them.
        live_queue_bytes, history_queue_bytes: memory for messages that wait for the store.
        max_series, max_edges: what strangers may make it remember.
    """

    host_id: str = "showroom-gateway"
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8080, ge=0, le=65_535)
    allowed_hosts: frozenset[str] = frozenset()
    state: Path = Path("gateway.db")
    quarantine: Path = Path("quarantine.db")
    quarantine_max_bytes: int = Field(default=1_000_000_000, ge=1_000_000)
    waveforms: Path = Path("waveforms.db")
    waveforms_max_bytes: int = Field(default=500_000_000, ge=1_000_000)
    reorder_timeout_s: float = Field(default=2.0, gt=0, le=60)
    live_queue_bytes: int = Field(default=32_000_000, ge=1_000_000)
    history_queue_bytes: int = Field(default=16_000_000, ge=1_000_000)
    max_series: int = Field(default=200_000, ge=1, le=2**31 - 1)
    max_edges: int = Field(default=1_000, ge=1)

    @field_validator("host_id")
    @classmethod
    def _fits_a_topic(cls, name: str) -> str:
        return check_name(name, "host_id")


class BackfillConfig(Settings):
    """A history that is imported behind the live data (see gateway.backfill).

    Attributes:
        folder: where a simulated line leaves it.
    """

    folder: Path


class GatewayConfig(Settings):
    """The whole file."""

    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    broker: BrokerConfig = Field(default_factory=BrokerConfig)
    store: StoreConfig
    backfill: BackfillConfig | None = None


def load_config(path: Path) -> GatewayConfig:
    """Read a configuration file; relative paths in it start at its folder. Raises ConfigError."""
    return resolved(load_settings(path, GatewayConfig), path.resolve().parent)


def resolved(config: GatewayConfig, base_dir: Path) -> GatewayConfig:
    """Return a copy whose relative paths start at `base_dir`."""
    return GatewayConfig(
        gateway=_resolved(config.gateway, base_dir),
        broker=_resolved(config.broker, base_dir),
        store=_resolved(config.store, base_dir),
        backfill=None if config.backfill is None else _resolved(config.backfill, base_dir),
    )


def _resolved(model: Model, base_dir: Path) -> Model:
    paths = {name: base_dir / value for name, value in model if isinstance(value, Path)}
    return model.model_copy(update=paths)
