"""Configuration of the store, and the one place that knows which class serves which type."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.store.base import Store


class DuckDbConfig(BaseModel):
    """Embedded store: one file, owned by one gateway.

    Attributes:
        path: database file; its write-ahead log `<path>.wal` lies beside it.
        memory_limit: what DuckDB may take, in its notation (`256MB`).
        threads: threads DuckDB may use.
        retention_days: raw rows older than this are deleted, rollups are kept; None keeps everything.
        size_cap_bytes: above it the oldest whole hours of raw rows are deleted, rollups are kept; None is no cap.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["duckdb"] = "duckdb"
    path: Path
    memory_limit: str = Field(default="256MB", pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(KB|MB|GB|KiB|MiB|GiB)$")
    threads: int = Field(default=2, ge=1, le=64)
    retention_days: float | None = Field(default=30, gt=0)
    size_cap_bytes: int | None = Field(default=None, ge=1_000_000)


StoreConfig = DuckDbConfig


def open_store(config: StoreConfig) -> Store:
    """Build the store that the configuration names; nothing is opened or connected before its first use."""
    from gateway.store.duckdb_store import DuckDbStore

    return DuckDbStore(config)
