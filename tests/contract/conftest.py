"""Every store behind one way to open it, so that each test of the contract runs over all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.store.base import RejectedSamples, Store
from gateway.store.config import DuckDbConfig, open_store

Opener = Callable[[], Store]


class OpenedStores:
    """Opens one store again and again on the same stored state, and closes what a test leaves open."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._open: Store | None = None
        self.rejected: list[RejectedSamples] = []

    def open(self) -> Store:
        """Open the store, closing it first where it is open."""
        self.close()
        self._open = self._opener()
        return self._open

    def close(self) -> None:
        """Close what is open."""
        if self._open is not None:
            self._open.close()
            self._open = None


@pytest.fixture(params=["duckdb"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStores]:
    opened = OpenedStores(lambda: open_store(DuckDbConfig(path=tmp_path / "store.duckdb")))
    yield opened
    opened.close()
