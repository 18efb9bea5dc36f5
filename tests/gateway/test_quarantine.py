"""Quarantine file."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state.database import DatabaseFormatError
from gateway.state.quarantine import (
    PAYLOAD_KEPT_BYTES,
    Quarantine,
    QuarantinedValue,
    QuarantineFullError,
    Rejection,
)

VALUE = QuarantinedValue("showroom/line-edge/MIX-10/flow", 12, None, "data type number 77 is not supported")


def test_an_entry_comes_back_as_it_went_in(tmp_path: Path) -> None:
    """Topic, reason, payload, time, log position and values are kept."""
    quarantine = Quarantine.open(tmp_path / "q.db")
    quarantine.add([Rejection(5, "spBv1.0/t", "bad", b"\x00\xff", 2**64 - 1, 9, [VALUE])])
    (entry,) = quarantine.list()
    assert (entry.topic, entry.reason, entry.payload, entry.payload_bytes) == ("spBv1.0/t", "bad", b"\x00\xff", 2)
    assert (entry.first_ns, entry.last_ns, entry.times, entry.epoch, entry.lsn) == (5, 5, 1, 2**64 - 1, 9)
    assert quarantine.show(entry.id) == entry
    assert list(quarantine.values(entry.id)) == list(quarantine.values()) == [VALUE]
    with pytest.raises(KeyError, match="no quarantined entry has id 99"):
        quarantine.show(99)


def test_the_same_refusal_counts_instead_of_filling_the_disk(tmp_path: Path) -> None:
    """A message that is sent again (by LSN, or byte for byte) makes no second entry."""
    quarantine = Quarantine.open(tmp_path / "q.db")
    quarantine.add([Rejection(1, "t", "bad", b"a"), Rejection(2, "t", "bad", b"a"), Rejection(3, "t", "bad", b"b")])
    quarantine.add([Rejection(4, "t", "bad", b"x", 7, 1), Rejection(5, "t", "bad", b"y", 7, 1)])
    quarantine.add([Rejection(6, "t", "bad", b"x", 8, 1)])
    entries = quarantine.list()
    assert quarantine.count() == 4
    assert sorted((entry.payload, entry.times, entry.last_ns) for entry in entries) == [
        (b"a", 2, 2),
        (b"b", 1, 3),
        (b"x", 1, 6),
        (b"x", 2, 5),
    ]


def test_rows_of_a_store_are_told_apart_by_their_values(tmp_path: Path) -> None:
    """Rows that a store refused are one entry for each different set of rows."""
    quarantine = Quarantine.open(tmp_path / "q.db")
    other = QuarantinedValue(VALUE.series, 13, "1.0", "field type conflict")
    quarantine.add(
        [Rejection(1, "store", "conflict", values=[VALUE]), Rejection(1, "store", "conflict", values=[other])]
    )
    quarantine.add([Rejection(2, "store", "conflict", values=[other])])
    assert quarantine.count() == 2
    assert len(list(quarantine.values())) == 2


def test_a_full_quarantine_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    """At its limit nothing of a batch is written, and the error names the remedy."""
    quarantine = Quarantine.open(tmp_path / "q.db", max_bytes=200_000)
    quarantine.add([Rejection(1, "t", "bad", b"a" * 100_000)])
    with pytest.raises(QuarantineFullError, match="move the file away"):
        quarantine.add([Rejection(1, "t", "small", b"b"), Rejection(1, "t", "bad", b"c" * 100_000)])
    assert quarantine.count() == 1


def test_a_huge_payload_is_cut_and_says_so(tmp_path: Path) -> None:
    """Of a payload that no edge of ours sends, the beginning and the size are kept."""
    quarantine = Quarantine.open(tmp_path / "q.db")
    quarantine.add([Rejection(1, "t", "too long", b"z" * (PAYLOAD_KEPT_BYTES + 1))])
    (entry,) = quarantine.list()
    assert (len(entry.payload), entry.payload_bytes) == (PAYLOAD_KEPT_BYTES, PAYLOAD_KEPT_BYTES + 1)


def test_another_process_reads_while_the_gateway_writes(tmp_path: Path) -> None:
    """The file is readable by a second process between two writes of the first."""
    path = tmp_path / "q.db"
    quarantine = Quarantine.open(path)
    code = (
        "import sys; from pathlib import Path; from gateway.state.quarantine import Quarantine\n"
        "with Quarantine.reading(Path(sys.argv[1])) as q: print(q.count(), q.list()[0].reason)"
    )
    for number in (1, 2):
        quarantine.add([Rejection(number, "t", f"bad {number}", bytes([number]))])
        told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert told.stdout.split("\n")[0] == f"{number} bad {number}"


def test_a_reader_cannot_change_the_file(tmp_path: Path) -> None:
    """Reading beside a running gateway never writes."""
    path = tmp_path / "q.db"
    Quarantine.open(path).close()
    with Quarantine.reading(path) as quarantine, pytest.raises(sqlite3.OperationalError, match="readonly"):
        quarantine.add([Rejection(1, "t", "bad", b"a")])


def test_files_of_another_kind_are_refused_with_a_remedy(tmp_path: Path) -> None:
    """A newer format, another file and a missing file are named, and nothing is overwritten."""
    newer = tmp_path / "newer.db"
    Quarantine.open(newer).close()
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DatabaseFormatError, match="format version 99"):
        Quarantine.open(newer)
    text = tmp_path / "text.db"
    text.write_text("this is no database, whatever its name says\n" * 40, encoding="utf-8")
    with pytest.raises(DatabaseFormatError, match="not a SQLite database"):
        Quarantine.open(text)
    assert text.read_text(encoding="utf-8").startswith("this is no database")
    with pytest.raises(FileNotFoundError, match="no such file"), Quarantine.reading(tmp_path / "missing.db"):
        pass
