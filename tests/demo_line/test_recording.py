"""Recordings: what is read, and how their times become strictly increasing."""

import gzip
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_line.recording import ReadOptions, Recording, RecordingError, TimeJoiner, node_name
from demo_line.signals import DataType

Y2000_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1000)


def csv(tmp_path: Path, text: str, name: str = "plant.csv") -> Path:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def times(path: Path, **options: object) -> list[int]:
    return [row.time_ms for row in Recording(path, ReadOptions(**options)).rows()]  # type: ignore[arg-type]


def test_a_csv_is_read_with_its_types_units_and_holes(tmp_path: Path) -> None:
    """Numbers become Double, words String, truth values Boolean; empty, NaN and infinite cells have no value."""
    path = csv(
        tmp_path,
        "datetime,Flow rate [l/h],Mode,On,Gap\n2020-03-09 10:14:33,1,auto,true,\n2020-03-09 10:14:34,2.5,,false,nan\n"
        "2020-03-09T10:14:35.250,inf,hand,true,3\n",
        "plant.csv.gz",
    )
    recording = Recording(path, ReadOptions())
    assert [(c.name, c.unit, c.datatype) for c in recording.columns] == [
        ("Flow_rate", "L/h", DataType.DOUBLE), ("Mode", "", DataType.STRING), ("On", "", DataType.BOOLEAN),
        ("Gap", "", DataType.DOUBLE),
    ]  # fmt: skip
    rows = list(recording.rows())
    base = int(datetime(2020, 3, 9, 10, 14, 33, tzinfo=UTC).timestamp() * 1000)
    assert [row.time_ms - base for row in rows] == [0, 1000, 2250]
    assert [row.values for row in rows] == [
        (1.0, "auto", True, None),
        (2.5, "", False, None),
        (None, "hand", True, 3.0),
    ]


def test_groups_are_joined_end_to_end(tmp_path: Path) -> None:
    """A new group begins one interval after the end of the one before, whatever its own times say."""
    path = csv(tmp_path, "Timestamp,cycle,x\n0.0,1,1\n0.5,1,2\n1.0,1,3\n0.0,2,4\n0.25,2,5\n90.0,3,6\n")
    assert [t - Y2000_MS for t in times(path, group_column="cycle")] == [0, 500, 1000, 1500, 1750, 2000]


def test_a_time_that_goes_back_is_joined_without_a_group_column(tmp_path: Path) -> None:
    """Cycles that restart their clock need no group column."""
    path = csv(tmp_path, "Timestamp,x\n0.0,1\n0.5,2\n0.0,3\n0.5,4\n")
    assert [t - Y2000_MS for t in times(path)] == [0, 500, 1000, 1500]


def test_repeated_times_move_on_by_a_millisecond(tmp_path: Path) -> None:
    """Equal times stay in order 1 ms apart, and the next distinct time is kept."""
    path = csv(tmp_path, "Timestamp,x\n1.0,1\n1.0,2\n1.0,3\n1.0004,4\n2.0,5\n")
    assert [t - Y2000_MS for t in times(path)] == [1000, 1001, 1002, 1003, 2000]


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 3)), min_size=1, max_size=300))
def test_times_always_increase(rows: list[tuple[int, int]]) -> None:
    """Whatever is recorded, the times that are offered increase strictly."""
    joiner = TimeJoiner()
    placed = [joiner.place(time_ms, group) for time_ms, group in rows]
    assert all(a < b for a, b in pairwise(placed))
    assert placed[0] == rows[0][0]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=100))
def test_increasing_times_are_kept(steps: list[int]) -> None:
    """A recording that is in order already is not changed."""
    joiner, time_ms = TimeJoiner(), 0
    for step in steps:
        time_ms += step
        assert joiner.place(time_ms, None) == time_ms


def test_start_and_limit_choose_rows(tmp_path: Path) -> None:
    """The replay can begin at a row or at a recorded time and end after so many rows."""
    path = csv(tmp_path, "time,x\n" + "".join(f"2020-01-01 00:00:{i:02d},{i}\n" for i in range(60)))
    by_row = list(Recording(path, ReadOptions(start_row=10, limit=3)).rows())
    assert [row.values for row in by_row] == [(10.0,), (11.0,), (12.0,)]
    moment = int(datetime(2020, 1, 1, 0, 0, 30, tzinfo=UTC).timestamp() * 1000)
    assert [row.values for row in Recording(path, ReadOptions(start_ms=moment, limit=2)).rows()] == [(30.0,), (31.0,)]


def test_numeric_times_know_their_unit(tmp_path: Path) -> None:
    """Epoch milliseconds are not taken for seconds since the start."""
    path = csv(tmp_path, "ts,x\n1600000000123,1\n1600000000456,2\n")
    assert times(path, time_unit="ms") == [1600000000123, 1600000000456]


def test_a_recording_without_times_has_an_interval(tmp_path: Path) -> None:
    """Rows of a table without a time column are that far apart."""
    path = csv(tmp_path, "x,y\n1,2\n3,4\n5,6\n")
    assert [t - Y2000_MS for t in times(path, interval_s=0.5)] == [0, 500, 1000]
    with pytest.raises(RecordingError, match=r"--time-column NAME, or --interval SECONDS"):
        Recording(path, ReadOptions())


def test_a_parquet_file_keeps_its_integers(tmp_path: Path) -> None:
    """Parquet knows its types; integers stay integers, nulls are holes."""
    path = tmp_path / "plant.parquet"
    stamps = pa.array([1_600_000_000_000_000, 1_600_000_000_500_000], pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"time": stamps, "count": pa.array([1, None], pa.int64()), "f": [0.1, float("nan")]}), path)
    recording = Recording(path, ReadOptions())
    assert [column.datatype for column in recording.columns] == [DataType.INT64, DataType.DOUBLE]
    assert [(row.time_ms, row.values) for row in recording.rows()] == [
        (1_600_000_000_000, (1, 0.1)),
        (1_600_000_000_500, (None, None)),
    ]


def test_a_long_recording_is_streamed(tmp_path: Path) -> None:
    """The first row of a file far larger than a block comes without reading the rest."""
    filler = "," + ",".join(["12345.678"] * 80)
    header = "time," + ",".join(f"x{i}" for i in range(80))
    path = csv(tmp_path, header + "\n" + "".join(f"{1_600_000_000 + i}{filler}\n" for i in range(60_000)))
    before = pa.total_allocated_bytes()
    rows = Recording(path, ReadOptions()).rows()
    assert next(rows).values == (12345.678,) * 80
    assert pa.total_allocated_bytes() - before < path.stat().st_size / 5


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("time,x\n1,2\n", {"time_column": "t"}, r"plant\.csv has no column 't'; it has: time, x"),
        ("time,x\nyesterday,2\n", {}, r"column 'time' holds string, not times"),
        ("time,x\n1,2\n,3\n", {}, r"row 1: no time"),
        ("time\n1\n", {}, r"has no column to serve"),
        ("time,x\n1,2\n", {"group_column": "g"}, r"has no column 'g'"),
        ("", {}, r"plant\.csv cannot be read"),
        ("time,x\n" + "1,2\n" * 400_000 + "2,word\n", {}, r"--text COLUMN"),
    ],
)
def test_a_wrong_recording_is_explained(tmp_path: Path, text: str, options: dict[str, str], message: str) -> None:
    """The error names file, place and remedy."""
    with pytest.raises(RecordingError, match=message):
        list(Recording(csv(tmp_path, text), ReadOptions(**options)).rows())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Volume Flow RateRMS", ("Volume_Flow_RateRMS", "")),
        ("Druck (bar)", ("Druck", "bar")),
        ("T1 [degC]", ("T1", "°C")),
        ("a/b.c", ("a_b_c", "")),
        ("[x]", ("x", "")),
        ("温度", ("column", "")),
    ],
)
def test_headings_become_node_names(heading: str, expected: tuple[str, str]) -> None:
    """Names consist of letters, digits and underscores; the unit is taken from the brackets."""
    assert node_name(heading) == expected
