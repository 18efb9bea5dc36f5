"""Columns of CSV files: reading, checking and writing, with errors that name the file and the column."""

import csv
import gzip
import io
import itertools
import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from analytics.errors import UnusableInputError

# So many digits decide every score, and a sum that another machine adds up in another order gives the same text.
_SIGNIFICANT_DIGITS = 7

_COMMENTS = b"comments"

Prediction: TypeAlias = "pa.Table | Mapping[str, object]"
"""What a benchmark predicts: a table, or a few facts by name."""


def read(path: Path, texts: Sequence[str] = ()) -> pa.Table:
    """Read a CSV file, or a gzipped one by its suffix `.gz`.

    Args:
        path: the file; its first line names the columns.
        texts: columns that stay text as written, e.g. keys and times that are written back.

    Raises:
        UnusableInputError: the file is missing or no CSV.
    """
    kinds = arrow_csv.ConvertOptions(column_types=dict.fromkeys(texts, pa.string()))
    try:
        reading = arrow_csv.ReadOptions(skip_rows=_comments(path))
        return arrow_csv.read_csv(path, read_options=reading, convert_options=kinds)
    except FileNotFoundError:
        raise UnusableInputError(str(path), "there is no such file", "name a CSV file") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UnusableInputError(
            str(path), str(error), "expected a CSV file with a header, or one in .csv.gz"
        ) from None


def read_prediction(path: Path) -> pa.Table:
    """Read what `write` wrote; facts by name become a table of one row."""
    if path.suffix != ".gz" and path.is_file() and path.read_bytes()[:1] == b"{":
        return pa.Table.from_pylist([json.loads(path.read_text(encoding="utf-8"))])
    return read(path)


def require(table: pa.Table, names: Collection[str], place: Path | str) -> None:
    """Raise UnusableInputError, which names the columns, where a table lacks any of them."""
    missing = [name for name in names if name not in table.column_names]
    if missing:
        found = ", ".join(table.column_names) or "none"
        raise UnusableInputError(
            str(place), f"column {', '.join(map(repr, missing))} is missing", f"the file has: {found}"
        )


def only(table: pa.Table, names: Collection[str], place: Path | str) -> None:
    """Raise UnusableInputError, which names the columns, where a table has any beside those."""
    unknown = [name for name in table.column_names if name not in names]
    if unknown:
        raise UnusableInputError(
            str(place), f"column {', '.join(map(repr, unknown))} is unknown", f"known are: {', '.join(names)}"
        )


def numbers(table: pa.Table, name: str, place: Path | str) -> NDArray[np.float64]:
    """Return a column as float64[n], NaN where a cell is empty; UnusableInputError where it is missing or is text."""
    require(table, [name], place)
    column = table[name]
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or kind == pa.null()):
        raise UnusableInputError(str(place), f"column {name!r} holds {kind}", "expected numbers, empty where missing")
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def matrix(table: pa.Table, names: Sequence[str], place: Path | str) -> NDArray[np.float64]:
    """Return columns side by side, float64[n, len(names)]."""
    if not names:
        return np.empty((table.num_rows, 0))
    return np.column_stack([numbers(table, name, place) for name in names])


def texts(table: pa.Table, name: str, place: Path | str) -> list[str]:
    """Return a column as texts; UnusableInputError where it is missing or a cell is empty."""
    require(table, [name], place)
    values = table[name].to_pylist()
    empty = next((row for row, value in enumerate(values) if value is None), None)
    if empty is not None:
        raise UnusableInputError(str(place), f"column {name!r} is empty in row {empty}", "every row needs one")
    return [str(value) for value in values]


def table(columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of columns of equal length."""
    return pa.table(dict(columns))


def commented(content: pa.Table, comments: Sequence[str]) -> pa.Table:
    """Return the table with comments that `write` puts ahead of the header."""
    return content.replace_schema_metadata({_COMMENTS: "\n".join(comments)})


def write(content: Prediction, path: Path) -> None:
    """Write a table as CSV, gzipped where the suffix is `.gz`, or a mapping as one JSON object.

    Missing values and NaN are empty cells.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Mapping):
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    text = io.StringIO(newline="")
    notes = (content.schema.metadata or {}).get(_COMMENTS, b"").decode().splitlines()
    text.writelines(f"# {note}\n" for note in notes)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(content.column_names)
    writer.writerows(zip(*([_cell(value) for value in column.to_pylist()] for column in content.columns), strict=True))
    encoded = text.getvalue().encode()
    # Without a time in the gzip header the same predictions are the same bytes.
    path.write_bytes(gzip.compress(encoded, mtime=0) if path.suffix == ".gz" else encoded)


def _comments(path: Path) -> int:
    """Count the lines ahead of the header that begin with `#`."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        return sum(1 for _ in itertools.takewhile(lambda line: line.startswith(b"#"), lines))


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{_SIGNIFICANT_DIGITS}g}"
    return "" if value is None else value
