"""Parquet files that grow block by block, and a folder that exists only when all of it is there."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

_GROUP_ROWS = 7_200
"""Rows of a row group: memory stays at some ten megabytes, and a month of seconds is 360 groups."""

TIME = pa.timestamp("ms", "UTC")


class FolderError(ValueError):
    """A folder cannot be written; the text names it and the remedy."""


class TableFile:
    """A Parquet file that is written in a stream; memory holds at most one row group.

    Args:
        path: the file.
        schema: names, types and metadata of its columns.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.rows = 0
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", compression_level=1, write_statistics=["time"], store_schema=True
        )

    def append(self, columns: Sequence[pa.Array]) -> None:
        """Add rows, given as one array a column in the order of the schema."""
        batch = pa.RecordBatch.from_arrays(list(columns), schema=self.schema)
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        self.rows += batch.num_rows
        if self._waiting_rows >= _GROUP_ROWS:
            self._write()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting), row_group_size=self._waiting_rows)
            self._waiting, self._waiting_rows = [], 0

    def close(self) -> None:
        """Write what is left and finish the file; a second call does nothing."""
        if self._writer.is_open:
            self._write()
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Release a file that will be thrown away; what broke it is the error to report, not what follows from it."""
        self._waiting, self._waiting_rows = [], 0
        with suppress(OSError, pa.ArrowException):
            self._writer.close()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Folder to write into; it becomes `path` when all went well, and is removed otherwise.

    A process that is killed leaves only a hidden folder `.<name>.<process id>.<random>.partial` beside it; the next one
    that writes the same folder removes it.

    Raises FolderError where `path` exists and is not an empty folder, OSError where it cannot be written.
    """
    _check_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(path)
        prefix = f".{path.name}.{os.getpid()}."
        partial = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=path.parent))
    except OSError as error:
        raise OSError(f"{path} cannot be made: {error.strerror}; name another folder with --out") from error
    try:
        yield partial
        _check_free(path)
        if path.exists():
            path.rmdir()
        partial.chmod(0o755)
        partial.rename(path)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise OSError(
            f"{path} was not written: {error}; make room or name another folder with --out, and run it again"
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _remove_abandoned(path: Path) -> None:
    """Remove what killed processes have left of this folder; what a running one writes stays."""
    ours = re.compile(re.escape(f".{path.name}.") + r"([0-9]+)\.[^.]+\.partial")
    for folder in path.parent.iterdir():
        found = ours.fullmatch(folder.name)
        if found is not None and not psutil.pid_exists(int(found[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _check_free(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        what = "is not empty" if path.is_dir() else "is a file"
        raise FolderError(f"{path} {what}; name another folder with --out, or delete it first")
