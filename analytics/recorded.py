"""Windows from the folder of a simulated run; only what its sensors show is opened, never its truth."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analytics.errors import NotEnoughDataError, UnusableInputError
from analytics.window import Window

_SIGNALS = "signals.parquet"
_NOT_SIGNALS = ("time", "bad")


def read_run(folder: Path, signals: Collection[str] | None = None) -> Window:
    """Read the signals of a run.

    Args:
        folder: that `showroom run` wrote, with `signals.parquet`.
        signals: names to read; None = all. A name that the run does not have is left out.

    Raises UnusableInputError where there is no such file or it has no column `time`, NotEnoughDataError below two rows.
    """
    path = folder / _SIGNALS
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnusableInputError(str(path), str(error), "name a folder that `showroom run` wrote") from error
    if "time" not in schema.names:
        raise UnusableInputError(str(path), f"columns {', '.join(schema.names[:5])} ...", "a column time is needed")
    names = [name for name in schema.names if name not in _NOT_SIGNALS and (signals is None or name in signals)]
    table = pq.read_table(path, columns=["time", *names, *(["bad"] if "bad" in schema.names else [])])
    if len(table) < 2:
        raise NotEnoughDataError(str(path), f"{len(table)} rows", "give a run of at least two rows")
    time_ns = table["time"].cast(pa.timestamp("ns", "UTC")).cast(pa.int64()).to_numpy()
    numbers: dict[str, NDArray[np.float64]] = {}
    texts: dict[str, list[str | None]] = {}
    for name in names:
        kind = schema.field(name).type
        if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            if signals is not None:
                texts[name] = table[name].to_pylist()
        else:
            numbers[name] = table[name].cast(pa.float64()).to_numpy()
    step_s = float(np.median(np.diff(time_ns))) / 1e9
    return Window(time_ns, step_s, numbers, texts, _bad(table) if "bad" in table.column_names else {})


def _bad(table: pa.Table) -> dict[str, NDArray[np.bool_]]:
    """Where the source says of a signal that it is bad; most rows name none."""
    column = table["bad"].combine_chunks()
    rows = np.repeat(np.arange(len(column)), np.asarray(column.value_lengths().fill_null(0)))
    named = np.asarray(column.flatten().to_pylist(), dtype=object)
    found: dict[str, NDArray[np.bool_]] = {}
    for name in dict.fromkeys(named.tolist()):
        found[name] = np.zeros(len(column), np.bool_)
        found[name][rows[named == name]] = True
    return found
