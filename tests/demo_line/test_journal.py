"""The journal: on the disk before anything is offered, readable after a crash."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_line.journal import HEADER, Journal, JournalError
from demo_line.measurement import Quality


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_rows_carry_run_sequence_node_time_quality_and_value(tmp_path: Path) -> None:
    """Every kind of value is written as a JSON literal, a missing one as nothing."""
    with Journal(tmp_path / "j.csv", run="abc") as journal:
        journal.append([("n", 1, 1.5, Quality.GOOD), ("n", 2, True, Quality.UNCERTAIN), ("n", 3, None, Quality.BAD)])
        journal.append([("n", 4, 'a "b", c\nd', Quality.GOOD), ("n", 5, 7, Quality.GOOD)])
    rows = rows_of(tmp_path / "j.csv")
    assert ",".join(rows[0]) == HEADER
    assert [row[:5] for row in rows[1:]] == [
        ["abc", "1", "n", "1", "good"],
        ["abc", "2", "n", "2", "uncertain"],
        ["abc", "3", "n", "3", "bad"],
        ["abc", "4", "n", "4", "good"],
        ["abc", "5", "n", "5", "good"],
    ]
    assert [row[5] for row in rows[1:4]] == ["1.5", "true", ""]
    assert json.loads(rows[4][5]) == 'a "b", c\nd'
    assert rows[5][5] == "7"


@given(value=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.booleans(), st.text()))
def test_values_survive_exactly(tmp_path_factory: pytest.TempPathFactory, value: float | str) -> None:
    """What is read back is what was offered, to the last bit."""
    path = tmp_path_factory.mktemp("journal") / "j.csv"
    with Journal(path) as journal:
        journal.append([("n", 1, value, Quality.GOOD)])
    read = json.loads(rows_of(path)[1][5])
    assert read == value
    assert type(read) is type(value)


def test_an_existing_journal_goes_on_with_a_new_run(tmp_path: Path) -> None:
    """The sequence continues, the run id tells the two process starts apart."""
    for _ in range(2):
        with Journal(tmp_path / "j.csv") as journal:
            journal.append([("n", 1, 1.0, Quality.GOOD), ("n", 2, 2.0, Quality.GOOD)])
    rows = rows_of(tmp_path / "j.csv")[1:]
    assert [row[1] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0][0] == rows[1][0] != rows[2][0] == rows[3][0]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_is_cut_off(tmp_path: Path, cut: int) -> None:
    """After a crash in the middle of a line the whole rows stay and the file goes on behind them."""
    path = tmp_path / "j.csv"
    with Journal(path, run="first") as journal:
        journal.append([("n", 1, 1.0, Quality.GOOD), ("n", 2, 2.0, Quality.GOOD)])
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, run="second") as journal:
        journal.append([("n", 3, 3.0, Quality.GOOD)])
    rows = rows_of(path)[1:]
    assert [row[0] for row in rows] == ["first", "second"]
    assert [int(row[1]) for row in rows] == [1, 2]
    assert all(len(row) == 6 for row in rows)


@pytest.mark.parametrize("length", [0, 1, 10, len(HEADER)])
def test_a_torn_header_is_written_again(tmp_path: Path, length: int) -> None:
    """A crash while the file was created leaves a file that can be used."""
    path = tmp_path / "j.csv"
    path.write_text(HEADER[:length], encoding="utf-8")
    with Journal(path) as journal:
        journal.append([("n", 1, 1.0, Quality.GOOD)])
    assert len(rows_of(path)) == 2


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    """A file that is no journal is refused with its name, and stays as it was."""
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n", encoding="utf-8")
    with pytest.raises(JournalError, match=r"notes\.txt is not a journal.*--journal"):
        Journal(path)
    assert path.read_text(encoding="utf-8") == "my notes\n"


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    """NaN and infinity have no JSON literal; a server must offer them as bad, without a value."""
    with Journal(tmp_path / "j.csv") as journal, pytest.raises(ValueError, match="not JSON compliant"):
        journal.append([("n", 1, float("nan"), Quality.GOOD)])
