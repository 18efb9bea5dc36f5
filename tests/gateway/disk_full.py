"""Child process of the full-disk test: a limit on file sizes stands for the disk (writes fail with EFBIG).

Started as `python -m tests.gateway.disk_full <database file> <limit in bytes>`.
"""

import resource
import sys
from pathlib import Path

import numpy as np

from gateway.store.base import RejectedSamples, Samples, StoreUnavailableError
from gateway.store.config import DuckDbConfig
from gateway.store.duckdb_store import DuckDbStore
from tests.contract.rows import T0_NS, batch_of, floats, series_numbered

ROWS = 20_000
_TEMPLATE = floats(1, [0], [0.0]).take(np.zeros(ROWS, np.intp))


def rows_of_lsn(lsn: int) -> Samples:
    """Return rows that compress badly."""
    samples = _TEMPLATE.take(np.arange(ROWS))
    samples.time_ns[:] = T0_NS + lsn * ROWS + np.arange(ROWS)
    samples.number[:] = np.random.default_rng(lsn).normal(size=ROWS)
    return samples


def main() -> None:
    """Write until it fails, several times; lift the limit; go on; count."""
    path, limit = Path(sys.argv[1]), int(sys.argv[2])
    store = DuckDbStore(DuckDbConfig(path=path))
    store.load()
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    lsn, refusals = 0, 0
    while refusals < 3:
        try:
            store.write(batch_of(rows_of_lsn(lsn), lsn + 1, series=[series_numbered(1)]), _refuse)
            lsn += 1
        except StoreUnavailableError as error:
            if "free space" not in error.remedy or error.permanent:
                raise
            refusals += 1
    assert store.count(1, 0, 2**62) in (lsn * ROWS, (lsn + 1) * ROWS)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    for _ in range(3):
        store.write(batch_of(rows_of_lsn(lsn), lsn + 1), _refuse)
        lsn += 1
    assert store.count(1, 0, 2**62) == lsn * ROWS
    (received,) = store.load().receipts.values()
    assert list(received) == [(1, lsn)]
    store.close()
    print("refused and resumed")  # read by the test


def _refuse(rejected: RejectedSamples) -> None:
    raise AssertionError(rejected.reason)


if __name__ == "__main__":
    main()
