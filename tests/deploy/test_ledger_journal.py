"""Journals are read whole, in order, in bounded memory, and bad ones are named."""

from pathlib import Path

import numpy as np
import pytest

from deploy.ledger.account import NULL, NUMBER, TEXT, TRUTH, Offered
from deploy.ledger.journal import JournalError, JournalParts

HEADER = "run,sequence,node,time_ns,quality,value\n"


def read(tmp_path: Path, *texts: str) -> dict[str, Offered]:
    """Read journals of these texts."""
    parts_folder = tmp_path / "parts"
    parts_folder.mkdir()
    with JournalParts(parts_folder) as parts:
        for number, text in enumerate(texts):
            path = tmp_path / f"journal-{number}.csv"
            path.write_bytes(text.encode())
            parts.add(path)
        return dict(parts.series())


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    """Numbers, truth values, text with commas and quotes, large integers, null and bad quality come out as offered."""
    rows = read(
        tmp_path,
        HEADER
        + 'r,1,n,100,good,1.5\nr,2,n,200,uncertain,-2\nr,3,n,300,bad,\nr,4,t,100,good,"""a,\\""b"""\n'
        + "r,5,b,100,good,true\nr,6,b,200,good,false\nr,7,i,100,good,9007199254740993\n"
        + 'r,8,m,1,good,1\nr,9,m,2,good,"""x"""\n',
    )
    assert rows["n"].values.kind.tolist() == [NUMBER, NUMBER, NULL]
    assert rows["n"].quality.tolist() == [192, 64, 0]
    assert [rows["n"].values.at(row) for row in range(3)] == [1.5, -2.0, None]
    assert rows["t"].values.kind.tolist() == [TEXT]
    assert rows["t"].values.at(0) == 'a,"b'
    assert rows["b"].values.kind.tolist() == [TRUTH, TRUTH]
    assert [rows["b"].values.at(row) for row in range(2)] == [True, False]
    assert rows["i"].values.at(0) == 9007199254740993
    assert rows["m"].values.kind.tolist() == [NUMBER, TEXT]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A line that a crash cut short was never offered."""
    rows = read(tmp_path, HEADER + "r,1,n,100,good,1.5\nr,2,n,20")
    assert rows["n"].time_ns.tolist() == [100]


def test_journals_of_several_sources_join_by_node(tmp_path: Path) -> None:
    """Rows of one node keep the order of the files and of the lines, over many nodes."""
    one = HEADER + "".join(f"r,{row},n{row % 50},{row},good,{row}\n" for row in range(1, 501))
    two = HEADER + "".join(f"s,{row},n{row % 50},{row},good,{row}\n" for row in range(501, 1001))
    rows = read(tmp_path, one, two)
    assert len(rows) == 50
    assert rows["n7"].time_ns.tolist() == list(range(7, 1001, 50))
    assert np.array_equal(rows["n7"].values.number, np.arange(7, 1001, 50))


def test_an_empty_journal_offers_nothing(tmp_path: Path) -> None:
    """A journal with nothing but its header is right."""
    assert read(tmp_path, HEADER) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("time,value\n1,2\n", "not a journal"),
        (HEADER + "r,1,n,100,good,1\nr,2,n,200\nr,3,n,300,good,2\n", "Expected 6 columns"),
        (HEADER + "r,1,n,soon,good,1\n", "soon"),
        (HEADER + "r,1,n,100,splendid,1\n", "splendid"),
        (HEADER + "r,1,n,100,good,maybe\n", "maybe"),
        (HEADER + "r,1,n,100,good,[1]\n", r"\[1\]"),
    ],
)
def test_a_bad_journal_is_named(tmp_path: Path, text: str, said: str) -> None:
    """What is no journal, or torn in its middle, is an error with the place and the value."""
    with pytest.raises(JournalError, match=said):
        read(tmp_path, text)
