"""Configuration of an edge agent: one TOML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge_agent.sources.config import OpcUaSourceConfig, SourceConfig
from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.log import LogConfig
from edge_agent.sparkplug.publisher import NodeIdentity
from edge_agent.sparkplug.settings import Settings, load_settings
from edge_agent.sparkplug.topic import check_name

_NS_PER_MS = 1_000_000

SparkplugName = Annotated[str, AfterValidator(lambda name: check_name(name, "name"))]


class EdgeSettings(Settings):
    """Who this edge agent is.

    Attributes:
        group_id: site.
        edge_node_id: name of the edge agent, unique within the site (also its MQTT client id, with the site).
        primary_host_id: host application that stores the data; nothing is published while it is offline.
        delivery: `acknowledged` for our gateway, which says what it has stored; `window` for foreign hosts.
        publish_interval_ms: values are gathered this long into one message per device.
    """

    group_id: SparkplugName
    edge_node_id: SparkplugName
    primary_host_id: SparkplugName | None = None
    delivery: Literal["acknowledged", "window"] = "acknowledged"
    publish_interval_ms: int = Field(default=100, ge=10, le=60_000)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.delivery == "acknowledged" and self.primary_host_id is None:
            raise ValueError(
                'delivery = "acknowledged" needs primary_host_id, the host that acknowledges; '
                'for a host that does not, set delivery = "window"'
            )
        return self


class EdgeConfig(Settings):
    """The whole file: [edge], [broker], [log] and [[sources]]."""

    edge: EdgeSettings
    broker: BrokerConfig = BrokerConfig()
    log: LogConfig
    sources: tuple[SourceConfig, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two sources are named {name!r}; give each its own name")
        return self

    @property
    def identity(self) -> NodeIdentity:
        """Names of the edge node."""
        edge = self.edge
        return NodeIdentity(edge.group_id, edge.edge_node_id, edge.primary_host_id, edge.delivery)

    @property
    def publish_interval_s(self) -> float:
        """Seconds between two hand-overs to the log."""
        return self.edge.publish_interval_ms / 1_000

    def longest_delays_ns(self) -> Mapping[str, int]:
        """Return, by source, how long a value may take on its way to this process: its own interval."""
        return {source.name: self._delay_ns(source) for source in self.sources}

    def _delay_ns(self, source: SourceConfig) -> int:
        own_ms = source.publishing_interval_ms if isinstance(source, OpcUaSourceConfig) else 0
        return int(own_ms * _NS_PER_MS)


def load_config(path: Path) -> EdgeConfig:
    """Read a configuration file; its relative paths start at its folder. Raises ConfigError."""
    config = load_settings(path, EdgeConfig)
    base_dir = path.resolve().parent
    log = config.log.model_copy(update={"path": base_dir / config.log.path})
    return config.model_copy(update={"broker": config.broker.resolved(base_dir), "log": log})
