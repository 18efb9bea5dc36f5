"""The one place that knows which class serves which type of store."""

from gateway.store.base import Store
from gateway.store.config import DuckDbConfig, InfluxConfig


def open_store(config: DuckDbConfig | InfluxConfig) -> Store:
    """Build the store that the configuration names; nothing is opened or connected before its first use.

    Each client library is imported only in processes that use it.
    """
    if isinstance(config, InfluxConfig):
        from gateway.store.influx_store import InfluxStore

        return InfluxStore(config)
    from gateway.store.duckdb_store import DuckDbStore

    return DuckDbStore(config)
