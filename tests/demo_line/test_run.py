"""`run`: files of a simulated run, the truth apart, whole or not at all."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from demo_line.cli import main
from demo_line.fault import SensorEffect
from demo_line.line import Line, LineError
from demo_line.runs.recorder import Resolution
from demo_line.runs.run import RunOptions, write_run
from demo_line.runs.simulation import PlannedFault, Solver
from demo_line.runs.tables import FolderError, new_folder
from demo_line.unit import Bottle, Event
from tests.demo_line.test_sensors import LEVEL, line_with
from tests.servers import eventually


def written(out: Path, line: Line, **changes: Any) -> Path:
    for _ in write_run(line, RunOptions(**{"out": out, "days": 0.1, "seed": 3, **changes})):
        pass
    return out


def parts(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_holds_signals_truth_and_manifest(tmp_path: Path) -> None:
    """Every channel is a column with unit and description, every row a second; the truth lies in its own folder."""
    line = line_with(SensorEffect(LEVEL, "dead"))
    out = written(tmp_path / "run", line, faults=(PlannedFault("sensor", 3600.0),))
    assert parts(out) == {
        *("signals.parquet", "events.parquet", "bottles.parquet", "manifest.json"),
        *("truth/truth.parquet", "truth/truth.json"),
    }
    signals = pq.read_table(out / "signals.parquet")
    assert signals.num_rows == 8640
    assert signals.column_names == [
        "time",
        *(f"TNK-99.{signal.name}" for signal in line.units["TNK-99"].signals),
        "bad",
    ]
    assert signals.schema.field(LEVEL).metadata == {
        b"unit": b"%",
        b"description": b"Level",
        b"low": b"0",
        b"high": b"100",
    }
    assert signals.schema.types[1:7] == [
        *[pa.float64()] * 3,
        *(pa.int64(), pa.bool_(), pa.dictionary(pa.int32(), pa.string())),
    ]
    rows = signals.slice(3599, 3).to_pylist()
    assert [row["bad"] for row in rows] == [[], [LEVEL], [LEVEL]]
    assert [row[LEVEL] is None for row in rows] == [False, True, True]
    assert [row["TNK-99.word"] for row in rows] == ["even", "odd", "even"]
    assert signals.column("time").null_count == 0
    assert str(signals.column("time")[0].as_py()) == "2026-05-04 05:00:01+00:00"
    truth = pq.read_table(out / "truth" / "truth.parquet")
    assert truth.column("severity.sensor").to_pylist() == [0.0] * 60 + [1.0] * 84
    fault = json.loads((out / "truth" / "truth.json").read_text(encoding="utf-8"))["faults"][0]
    assert (fault["name"], fault["onset"]) == ("sensor", "2026-05-04T06:00:00+00:00")
    assert fault["functional_failure"] == "2026-05-04T06:01:00+00:00", "seen a minute later"
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["seed"] == 3
    assert manifest["rows"]["signals.parquet"] == 8640
    assert "sensor" not in json.dumps(manifest), "the faults of the run are truth"


def test_equal_seeds_give_equal_columns(tmp_path: Path) -> None:
    """Two runs decode to the same bytes; another seed does not; without truth nothing else changes."""
    line = line_with(SensorEffect(LEVEL, "spikes", 20.0))
    faults = (PlannedFault("sensor", 60.0),)
    one = written(tmp_path / "one", line, faults=faults)
    other = written(tmp_path / "other", line, faults=faults, truth=False)
    assert parts(one) - parts(other) == {"truth/truth.parquet", "truth/truth.json"}
    tables = [pq.read_table(folder / "signals.parquet") for folder in (one, other)]
    assert tables[0].equals(tables[1])
    assert (one / "signals.parquet").read_bytes() == (other / "signals.parquet").read_bytes()
    different = pq.read_table(written(tmp_path / "different", line, seed=4) / "signals.parquet")
    assert not different.column(LEVEL).equals(tables[0].column(LEVEL))


@pytest.mark.parametrize(
    ("solver", "resolution", "rows"),
    [(Solver.FINE, Resolution.TEN_SECONDS, 864), (Solver.FINE, Resolution.MINUTE, 144),
     (Solver.COARSE, Resolution.MINUTE, 144)],
)  # fmt: skip
def test_both_solvers_write_at_a_coarser_resolution(
    tmp_path: Path, solver: Solver, resolution: Resolution, rows: int
) -> None:
    """A row an interval, no holes; the coarse solver says why it has no bottles."""
    out = written(tmp_path / "run", line_with(), solver=solver, resolution=resolution)
    signals = pq.read_table(out / "signals.parquet")
    assert signals.num_rows == rows
    assert all(column.null_count == 0 for column in signals.columns)
    times = signals.column("time").cast(pa.int64()).to_pylist()
    assert {later - earlier for earlier, later in pairwise(times)} == {resolution.seconds * 1000}
    assert (out / "bottles.parquet").exists() is (solver is Solver.FINE)
    reason = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["bottles"]
    assert (reason is None) is (solver is Solver.FINE)


def test_events_and_bottles_become_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What units append to the log and to the trace is written once, with times; a time that did not come is a hole."""
    line = line_with()
    bottle = Bottle(
        7, "L0001", "orange", 4, 2, 30.0, 31.5, float("nan"), float("nan"), float("nan"), 522.1, 1.7, 92.0, 6.1, "low"
    )
    step = line.step

    def step_and_report(state: Any, dt_s: float) -> None:
        step(state, dt_s)
        if state.elapsed_s % 3600.0 == 0.0:
            state.around.events.append(Event(state.elapsed_s, "TNK-99", "stop", "jam", {"duration_s": 35.5}))
            state.around.bottles.append(bottle)

    monkeypatch.setattr(line, "step", step_and_report)
    out = written(tmp_path / "run", line)
    events = [event for event in pq.read_table(out / "events.parquet").to_pylist() if event["unit"] == "TNK-99"]
    assert [(str(event["time"]), event["unit"], event["kind"], event["text"]) for event in events] == [
        ("2026-05-04 06:00:00+00:00", "TNK-99", "stop", "jam"),
        ("2026-05-04 07:00:00+00:00", "TNK-99", "stop", "jam"),
    ]
    assert json.loads(events[0]["fields"]) == {"duration_s": 35.5}
    bottles = pq.read_table(out / "bottles.parquet").to_pylist()
    assert len(bottles) == 2
    assert (bottles[0]["valve"], bottles[0]["fill_g"], bottles[0]["verdict"]) == (4, 522.1, "low")
    assert (str(bottles[0]["checked_s"]), bottles[0]["labelled_s"]) == ("2026-05-04 05:00:31.500000+00:00", None)


def test_a_run_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    """Closed before its end, it removes what it has written."""
    run = write_run(line_with(), RunOptions(tmp_path / "run", 1.0, 3))
    assert next(run) > 0.0
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    run.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_a_run_that_is_killed_leaves_no_folder(tmp_path: Path) -> None:
    """After SIGKILL the folder is not there at all; the next run removes what is left, but nothing of a running one."""
    command = [sys.executable, "-m", "demo_line", "run", "--days", "300", "--seed", "1", "--out", str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: any(tmp_path.glob(".run.*.partial/signals.parquet")), timeout_s=240)
        process.kill()
    assert not (tmp_path / "run").exists()
    left = set(tmp_path.iterdir())
    with new_folder(tmp_path / "run") as first:
        assert set(tmp_path.iterdir()) == {first}, left
        with new_folder(tmp_path / "run") as second:
            assert set(tmp_path.iterdir()) == {first, second}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """Neither a folder with something in it nor a file is touched; an empty folder is taken."""
    full, empty, file = tmp_path / "full", tmp_path / "empty", tmp_path / "file"
    full.mkdir()
    empty.mkdir()
    (full / "mine.txt").write_text("mine", encoding="utf-8")
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(FolderError, match=r"full is not empty; name another folder with --out, or delete it first"):
        written(full, line_with())
    with pytest.raises(FolderError, match=r"file is a file"):
        written(file, line_with())
    assert parts(full) == {"mine.txt"}
    assert "manifest.json" in parts(written(empty, line_with()))


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as a full disk does")
def test_a_full_disk_ends_a_run_with_an_error(tmp_path: Path) -> None:
    """Where no more can be written, one line names the folder and the remedy, and nothing is left."""
    limited = (
        "import resource, signal, sys; from demo_line.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); sys.exit(main(sys.argv[1:]))"
    )
    options = ["run", "--days", "2", "--seed", "1", "--solver", "coarse", "--out", str(tmp_path / "run")]
    ended = subprocess.run([sys.executable, "-c", limited, *options], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"{tmp_path / 'run'} was not written: " in ended.stderr
    assert "make room or name another folder with --out" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--days", "0", "'0' is no number of days from 1/1440 (a minute) to 36600"),
        ("--days", "nan", "'nan' is no number of days"),
        ("--days", "long", "'long' is no number of days"),
        ("--seed", "-1", "'-1' is no whole number of 0 or more; write for example 7"),
        ("--start", "soon", "'soon' is no date between 1971 and 2149; write for example 2026-05-04"),
        ("--start", "0001-01-01", "'0001-01-01' is no date"),
        ("--start", "9999-12-31T23:59", "is no date"),
    ],
)
def test_values_out_of_range_are_explained(
    tmp_path: Path, option: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage error says what would be right."""
    with pytest.raises(SystemExit):
        main(["run", "--days", "1", "--seed", "1", "--out", str(tmp_path / "run"), f"{option}={value}"])
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_resolution_below_the_step_is_refused(tmp_path: Path) -> None:
    """The coarse solver has nothing to say about seconds."""
    with pytest.raises(
        LineError, match=r"--resolution 10s is finer than a step of the coarse solver; give --resolution"
    ):
        written(tmp_path / "run", line_with(), solver=Solver.COARSE, resolution=Resolution.TEN_SECONDS)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_shipped_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`run` with a fault, a date and JSON: every signal of the line is there, and every total only grows."""
    out = tmp_path / "run"
    command = ["run", "--days", "0.05", "--seed", "7", "--fault", "M1@0.01", "--start", "2026-03-02", "--out", str(out)]
    assert main([*command, "--json"]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["start"] == "2026-03-02T00:00:00+00:00"
    signals = pq.read_table(out / "signals.parquet")
    assert signals.num_rows == manifest["rows"]["signals.parquet"] == 4320
    for field in signals.schema:
        if field.type == pa.float64() and b"high" not in field.metadata:
            values = signals.column(field.name).drop_null().to_numpy()
            assert (values[1:] >= values[:-1]).all(), f"{field.name} has no upper range, so it must be a total"
    assert main(command) == 2, "the folder is in use now"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--fault", "M99"], 1, "no fault is called 'M99'; known faults: "),
        (["--fault", "M1@soon"], 2, "--fault M1@soon: 'soon' is no day of the run; write for example M1@10.5"),
        (["--fault", "M1@-1"], 2, "'-1' is no day of the run"),
        (["--fault", "M1@5"], 1, "cannot begin on day 5, the run goes from day 0 to 1; give an onset within it"),
        (["--fault", "@0.5"], 1, "no fault is called ''"),
        (["--definition", "nowhere.toml"], 1, "line definition nowhere.toml cannot be read"),
        (["--solver", "coarse", "--resolution", "1s"], 1, "is finer than a step of the coarse solver"),
    ],
)
def test_wrong_options_are_explained(
    tmp_path: Path, options: list[str], code: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Every mistake ends with an error that names it, and no folder."""
    assert main(["run", "--days", "1", "--seed", "1", "--out", str(tmp_path / "run"), *options]) == code
    assert message in caplog.text
    assert list(tmp_path.iterdir()) == []
