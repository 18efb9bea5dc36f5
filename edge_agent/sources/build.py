"""The one place that knows which class reads which type of source."""

from pathlib import Path

from edge_agent.sources.base import Source
from edge_agent.sources.config import OpcUaSourceConfig, SourceConfig


def build_source(config: SourceConfig, base_dir: Path) -> Source:
    """Build a source without connecting; relative paths of the configuration are relative to `base_dir`.

    Libraries are imported here so that a process loads only those of the sources it has (asyncua alone costs 40 MB).
    """
    if isinstance(config, OpcUaSourceConfig):
        from edge_agent.sources.opcua.source import OpcUaSource

        return OpcUaSource(config, base_dir)
    from edge_agent.sources.mqtt.source import MqttSource

    return MqttSource(config, base_dir)
