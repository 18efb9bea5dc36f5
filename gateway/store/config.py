"""Configuration of the store."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge_agent.sparkplug.settings import Settings


class DuckDbConfig(Settings):
    """Embedded store: one file, owned by one gateway.

    Attributes:
        path: database file; its write-ahead log `<path>.wal` lies beside it.
        memory_limit: what DuckDB may take, in its notation (`256MB`).
        threads: threads DuckDB may use.
        retention_days: raw rows older than this are deleted, rollups are kept; None keeps everything.
        size_cap_bytes: above it the oldest whole hours of raw rows are deleted, rollups are kept; None is no cap. An
            empty file takes 3 MB.
    """

    type: Literal["duckdb"] = "duckdb"
    path: Path
    memory_limit: str = Field(default="256MB", pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?(KB|MB|GB|KiB|MiB|GiB)$")
    threads: int = Field(default=2, ge=1, le=64)
    retention_days: float | None = Field(default=30, gt=0)
    size_cap_bytes: int | None = Field(default=None, ge=10_000_000)

    def resolved(self, base_dir: Path) -> "DuckDbConfig":
        """Return a copy whose relative paths start at `base_dir`."""
        return self.model_copy(update={"path": base_dir / self.path})


class InfluxConfig(Settings):
    """Production store: an InfluxDB server, and a ledger file of the gateway for what InfluxDB has no place for.

    Attributes:
        url: base address, e.g. `http://influx.plant.example:8086`.
        api: `v2` writes to /api/v2/write (InfluxDB 2 and newer), `v1` to /write (InfluxDB 1.x).
        org: organisation (v2).
        bucket: bucket (v2) or database (v1) of the samples.
        rollup_bucket: bucket or database of the rollups, which never expire; `<bucket>_rollup` where not given.
        token_file: file with the token (v2), mode 0600.
        username, password_file: credentials where the server asks for a user (v1).
        ledger: SQLite file with catalogue, received LSNs, declared gaps and dirty hours. It belongs to the bucket.
        retention_days: retention that `initialise` gives the bucket; None keeps everything.
        batch_points: points a request.
        connections: requests under way at the same time.
        timeout_s: longest wait for an answer.
    """

    type: Literal["influx"]
    url: str
    api: Literal["v1", "v2"] = "v2"
    org: str = ""
    bucket: str = Field(default="showroom", min_length=1)
    rollup_bucket: str = ""
    token_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    ledger: Path
    retention_days: float | None = Field(default=30, ge=1)
    batch_points: int = Field(default=5_000, ge=1, le=50_000)
    connections: int = Field(default=2, ge=1, le=8)
    timeout_s: float = Field(default=30, gt=0)

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise ValueError("expected http(s)://host:port; credentials belong in token_file or password_file")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _check_credentials(self) -> "InfluxConfig":
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file need each other")
        if self.token_file is not None and self.username is not None:
            raise ValueError("give token_file or username with password_file, not both")
        return self

    @property
    def rollups(self) -> str:
        """Bucket or database of the rollups."""
        return self.rollup_bucket or f"{self.bucket}_rollup"

    def resolved(self, base_dir: Path) -> "InfluxConfig":
        """Return a copy whose relative paths start at `base_dir`."""
        paths = {"ledger": self.ledger, "token_file": self.token_file, "password_file": self.password_file}
        return self.model_copy(update={name: base_dir / path for name, path in paths.items() if path is not None})


StoreConfig = Annotated[DuckDbConfig | InfluxConfig, Field(discriminator="type")]
"""The table [store] of the gateway's configuration."""
