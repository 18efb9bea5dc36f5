"""Child process of the crash tests: writes numbered batches for ever and says after each which LSN is stored.

Started as `python -m tests.contract.crash_writer <store configuration as JSON> <first LSN>`.
"""

import sys

from pydantic import TypeAdapter

from gateway.store.base import RejectedSamples, Samples, Series
from gateway.store.config import DuckDbConfig, InfluxConfig, StoreConfig
from gateway.store.open import open_store
from gateway.store.rollup import HOUR_NS
from tests.contract.rows import T0_NS, batch_of, floats, series_numbered

ROWS = 200
SERIES: tuple[Series, ...] = (series_numbered(1), series_numbered(2))


def rows_of_lsn(lsn: int) -> Samples:
    """Return the rows of one message: two series, 20 s apart, so a batch fills more than an hour."""
    times = [T0_NS + (lsn * ROWS + k) * 20_000_000_000 for k in range(ROWS)]
    values = [float(lsn * ROWS + k) for k in range(ROWS)]
    return Samples.concatenate([floats(1, times, values), floats(2, times, values)])


def main() -> None:
    """Write until killed."""
    adapter: TypeAdapter[DuckDbConfig | InfluxConfig] = TypeAdapter(StoreConfig)
    store = open_store(adapter.validate_json(sys.argv[1]))
    store.load()
    lsn = int(sys.argv[2])
    while True:
        store.write(batch_of(rows_of_lsn(lsn), lsn, series=SERIES if lsn % 7 == 1 else ()), _refuse)
        sys.stdout.write(f"{lsn}\n")
        sys.stdout.flush()
        store.maintain(T0_NS + lsn * ROWS * 20_000_000_000 + 3 * HOUR_NS)
        lsn += 1


def _refuse(rejected: RejectedSamples) -> None:
    raise AssertionError(rejected.reason)


if __name__ == "__main__":
    main()
