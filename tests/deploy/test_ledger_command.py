"""The ledger command against a real DuckDB store and a real quarantine file."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deploy.ledger.command import app
from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.metric import DataType
from gateway.config import load_config
from gateway.state.quarantine import Quarantine, QuarantinedValue, Rejection
from gateway.store.base import DeclaredGap, EdgeKey, Kind, Samples, Series, SeriesKey, WriteBatch
from gateway.store.open import open_store

T0 = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
ROWS = 20
NODE = "nsu=urn:line;s=M-1.x"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Twenty numbers of one node, one a second."""
    path = tmp_path / "journal.csv"
    lines = [f"r,{row + 1},{NODE},{T0 + row * SECOND_NS},good,{row}.5" for row in range(ROWS)]
    path.write_text("\n".join(["run,sequence,node,time_ns,quality,value", *lines]) + "\n", encoding="utf-8")
    return path


def store(folder: Path, rows: list[int], gaps: tuple[Gap, ...] = (), report: str = "") -> Path:
    """Store these rows of the journal; returns the gateway's configuration."""
    config_path = folder / "gateway.toml"
    config_path.write_text(
        '[gateway]\nquarantine = "quarantine.db"\n[store]\ntype = "duckdb"\npath = "samples.duckdb"\n', encoding="utf-8"
    )
    series = Series(1, SeriesKey("site", "edge", "M-1", "x"), DataType.DOUBLE, address=NODE, report=report)
    number = np.array(rows, np.float64) + 0.5
    n = len(rows)
    samples = Samples(
        np.full(n, 1, np.int32), T0 + np.array(rows, np.int64) * SECOND_NS, np.full(n, Kind.FLOAT, np.uint8), number,
        np.zeros(n, np.int64), None, np.full(n, 192, np.int16), np.full(n, 1, np.uint8),
    )  # fmt: skip
    declared = [DeclaredGap(EdgeKey("site", "edge"), 1, gap, T0) for gap in gaps]
    open_one = open_store(load_config(config_path).store)
    open_one.load()
    open_one.write(WriteBatch(series=[series], samples=samples, gaps=declared), lambda rejected: None)
    open_one.close()
    return config_path


def run(journal: Path, config: Path, *options: str) -> tuple[int, str]:
    """Run the command; returns exit code and output."""
    result = CliRunner().invoke(app, ["check", "--journal", str(journal), "--gateway-config", str(config), *options])
    return result.exit_code, result.output


def test_right_books_end_with_0(tmp_path: Path, journal: Path) -> None:
    """Where every row is stored the command says so and ends with 0."""
    code, output = run(journal, store(tmp_path, list(range(ROWS))))
    assert code == 0, output
    assert "The books balance" in output


def test_a_lost_row_ends_with_1_and_is_named(tmp_path: Path, journal: Path) -> None:
    """Where a row is missing the command ends with 1 and names series, time and value, also as JSON."""
    config = store(tmp_path, [row for row in range(ROWS) if row != 7])
    code, output = run(journal, config, "--json")
    assert code == 1
    content = json.loads(output)
    assert content["violations"] == {"missing": 1}
    first = content["first_violations"][0]
    assert (first["series"], first["time_ns"]) == ("site/edge/M-1/x", T0 + 7 * SECOND_NS)
    assert first["expected"] == "7.5"
    assert run(journal, config)[0] == 1


def test_gaps_and_outages_are_read(tmp_path: Path, journal: Path) -> None:
    """A declared gap explains its rows, and with the injected outages it must not be wider than they are."""
    gap = Gap("M-1", None, T0 + 5 * SECOND_NS, T0 + 6 * SECOND_NS, None, "edge_down")
    config = store(tmp_path, [row for row in range(ROWS) if row not in (5, 6)], (gap,))
    assert run(journal, config)[0] == 0
    outages = tmp_path / "outages.json"
    outages.write_text(json.dumps([{"from_ns": T0 + 5 * SECOND_NS, "to_ns": T0 + 6 * SECOND_NS}]), encoding="utf-8")
    assert run(journal, config, "--outages", str(outages))[0] == 0
    outages.write_text("[]", encoding="utf-8")
    code, output = run(journal, config, "--outages", str(outages))
    assert code == 1
    assert "gap width" in output


def test_quarantined_values_are_read(tmp_path: Path, journal: Path) -> None:
    """A value that lies in quarantine is accounted for."""
    config = store(tmp_path, list(range(1, ROWS)))
    quarantine = Quarantine.open(tmp_path / "quarantine.db")
    value = QuarantinedValue("site/edge/M-1/x", T0, "0.5", "type conflict")
    quarantine.add([Rejection(T0, "store", "type conflict", values=[value])])
    quarantine.close()
    code, output = run(journal, config, "--start", "0", "--json")
    assert code == 0, output
    assert json.loads(output)["totals"]["quarantined"] == 1


def test_the_rule_of_the_birth_is_applied(tmp_path: Path, journal: Path) -> None:
    """Rows within the deadband of the catalogue's rule are suppressed, not missing."""
    config = store(tmp_path, list(range(0, ROWS, 3)), report='{"absolute":2.0}')
    code, output = run(journal, config, "--json")
    assert code == 0, output
    assert json.loads(output)["totals"]["suppressed"] == ROWS - len(range(0, ROWS, 3))


def test_unread_nodes_are_named_unless_ignored(tmp_path: Path, journal: Path) -> None:
    """A node that no series has as its address is a violation, and --ignore takes it out."""
    config = store(tmp_path, list(range(ROWS)))
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"r,99,nsu=urn:line;s=M-2.y,{T0},good,1\n")
    code, output = run(journal, config)
    assert code == 1
    assert "M-2.y" in output
    assert run(journal, config, "--ignore", "*;s=M-2.*")[0] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--journal", "missing.csv"], "missing.csv cannot be read"),
        (["--start", "yesterday"], "--start 'yesterday'"),
        (["--start", "2026-11-22T08:00:00"], "name the offset"),
        (["--outages", "missing.json"], "missing.json"),
        (["--url", "http://127.0.0.1:1"], "either --gateway-config"),
    ],
)
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, journal: Path, options: list[str], said: str) -> None:
    """Bad input ends with 2 and one line that names it."""
    code, output = run(journal, store(tmp_path, list(range(ROWS))), *options)
    assert code == 2, output
    assert said in output
