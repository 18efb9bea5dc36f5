"""Benchmarks that judge rows: exact columns, no look at labels, no look ahead, and what they reach."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analytics.benchmarks import columns, table
from analytics.benchmarks.__main__ import main
from analytics.benchmarks.benchmark import load, load_all
from tests.analytics.benchmarks.recordings import milling, predict, real, rig, store, without, write


def scores(capsys: pytest.CaptureFixture[str], name: str, predictions: Path, *truth: Path) -> dict[str, Any]:
    capsys.readouterr()
    arguments = ["score", "--predictions", str(predictions), "--truth", *map(str, truth), "--json"]
    assert main([name, *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def header(prediction: bytes) -> str:
    return prediction.decode().splitlines()[0]


def test_skab_finds_a_loss_of_flow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row after the training rows gets a score; faults are found and a group without one stays quiet."""
    data = write(rig(["a", "b", "free"], 600), tmp_path / "rig.csv.gz")
    out = tmp_path / "out.csv"
    written = predict("skab", "--data", data, "--group", "stream", "--train-rows", 250, out=out)
    assert header(written) == "group,row,score,anomaly"
    assert columns.read(out)["row"].to_pylist() == 3 * list(range(250, 600))
    found = scores(capsys, "skab", out, data)
    assert list(found) == ["f1", "far", "mar", "nab_standard", "fault_free_alarmed", "median_delay_s"]
    assert found["f1"] > 0.85
    assert found["fault_free_alarmed"] == 0.0
    assert found["median_delay_s"] < 15


def test_skab_reads_neither_labels_nor_what_comes_later(tmp_path: Path) -> None:
    """Without label columns, and cut off after a row, the predictions up to it are byte for byte the same."""
    data = write(rig(["only"], 600), tmp_path / "rig.csv")
    arguments = ("--group", "stream", "--train-rows", 250)
    whole = predict("skab", "--data", data, *arguments, out=tmp_path / "whole.csv")
    bare = without(data, ["anomaly", "changepoint"], tmp_path / "bare.csv")
    assert predict("skab", "--data", bare, *arguments, out=tmp_path / "bare_out.csv") == whole
    for last in (251, 430, 520):
        cut = write(columns.read(data).slice(0, last), tmp_path / "cut.csv")
        part = predict("skab", "--data", cut, *arguments, out=tmp_path / "part.csv")
        assert whole.startswith(part)
        assert len(part.splitlines()) == last - 250 + 1


def test_skab_judges_any_subset_of_signals_and_names_an_unknown_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One signal is enough; a column that is no signal, or a group column that is not there, is named."""
    data = write(rig(["a"], 600).drop_columns(["Accelerometer1RMS"]), tmp_path / "one.csv")
    out = tmp_path / "out.csv"
    predict("skab", "--data", data, "--group", "stream", "--train-rows", 250, out=out)
    assert sum(columns.read(out)["anomaly"].to_pylist()) > 80
    strange = write(columns.read(data).append_column("Humidity", pa.array([1.0] * 600)), tmp_path / "strange.csv")
    for file, group, named in ((strange, "stream", "'Humidity'"), (data, "experiment", "'experiment'")):
        arguments = ["--data", str(file), "--group", group, "--train-rows", "250", "--out", str(out)]
        assert main(["skab", "predict", *arguments]) == 2
        assert named in capsys.readouterr().err


def test_skab_keeps_a_fault_free_run_quiet(tmp_path: Path) -> None:
    """A restless fault-free run raises the limit: fewer rows are reported than without it."""
    data = write(rig(["a", "b"], 600), tmp_path / "rig.csv")
    restless = rig(["free"], 3000, seed=4).drop_columns(["stream", "anomaly", "changepoint"])
    walk = np.cumsum(np.random.default_rng(0).normal(0.0, 0.12, 3000))
    flow = pa.array(restless["Volume Flow RateRMS"].to_numpy() + walk)
    normal = write(
        restless.drop_columns(["Volume Flow RateRMS"]).append_column("Volume Flow RateRMS", flow), tmp_path / "n.csv"
    )
    arguments = ("--data", data, "--group", "stream", "--train-rows", 250)
    predict("skab", *arguments, out=tmp_path / "without.csv")
    predict("skab", *arguments, "--normal", normal, out=tmp_path / "with.csv")
    most, fewer = (
        columns.numbers(columns.read(tmp_path / name), "score", name) for name in ("without.csv", "with.csv")
    )
    assert fewer.max() < most.max()


def test_hrss_finds_friction_and_names_its_drive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows with more power are reported with their drive, and the score knows rows, curve and drive."""
    normal = write(store(range(15), faulty=False), tmp_path / "normal.csv.gz")
    faulty = write(store(range(20, 23), faulty=True, seed=9), tmp_path / "anomalous_x.csv.gz")
    places = pa.table({"cycle": [20, 21, 22], "drive_most_changed": ["BHL"] * 3, "drives_changed": [1, 1, 2]})
    located = write(places, tmp_path / "derived_fault_location_x.csv")
    out = tmp_path / "out.csv"
    written = predict("hrss", "--train-normal", normal, "--data", faulty, out=out)
    assert header(written) == "cycle,row,score,anomaly,drive"
    drives = {(row["anomaly"], row["drive"]) for row in columns.read(out, texts=["drive"]).to_pylist()}
    assert (0, "") in drives
    assert (1, "") not in drives
    found = scores(capsys, "hrss", out, faulty, located)
    assert list(found) == ["f1", "pr_auc", "false_alarm_rows", "drive_accuracy"]
    assert found["f1"] > 0.8
    assert found["pr_auc"] > 0.9
    assert found["drive_accuracy"] == 1.0
    assert scores(capsys, "hrss", out, faulty) == found
    bare = without(faulty, ["Labels"], tmp_path / "bare.csv")
    assert predict("hrss", "--train-normal", normal, "--data", bare, out=tmp_path / "bare_out.csv") == written


def test_hrss_never_learns_from_the_twin_of_a_judged_cycle(tmp_path: Path) -> None:
    """Whatever the normal file says of a cycle that is judged, the predictions are byte for byte the same."""
    faulty = write(store(range(3), faulty=True, seed=9), tmp_path / "faulty.csv")
    others = store(range(3, 15), faulty=False)
    twins = write(pa.concat_tables([store(range(3), faulty=False, seed=9), others]), tmp_path / "twins.csv")
    nonsense = write(pa.concat_tables([store(range(3), faulty=False, seed=77), others]), tmp_path / "nonsense.csv")
    alone = write(others, tmp_path / "alone.csv")
    found = [
        predict("hrss", "--train-normal", normal, "--data", faulty, out=tmp_path / "out.csv")
        for normal in (twins, nonsense, alone)
    ]
    assert found[0] == found[1] == found[2]


def test_ai4i_tells_failures_row_by_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Overstrained parts are told; without the labels of the judged rows, and in another order, nothing changes."""
    train, data = write(milling(2000), tmp_path / "train.csv"), write(milling(500, seed=5), tmp_path / "data.csv")
    out = tmp_path / "out.csv"
    written = predict("ai4i", "--train", train, "--data", data, out=out)
    assert header(written) == "row,probability,failure"
    found = scores(capsys, "ai4i", out, data)
    assert list(found) == ["f1", "precision", "recall"]
    assert found["f1"] == 1.0
    bare = without(data, ["Machine failure", "OSF", "UDI"], tmp_path / "bare.csv")
    assert predict("ai4i", "--train", train, "--data", bare, out=tmp_path / "bare_out.csv") == written
    turned = write(columns.read(data).take(np.arange(500)[::-1]), tmp_path / "turned.csv")
    predict("ai4i", "--train", train, "--data", turned, out=tmp_path / "turned_out.csv")
    one, other = (columns.read(tmp_path / name)["probability"].to_pylist() for name in ("out.csv", "turned_out.csv"))
    assert one == other[::-1]


def test_nab_does_not_look_ahead(tmp_path: Path) -> None:
    """A series cut off after a row keeps its predictions byte for byte, with the same rows learnt."""
    times = np.datetime64("2014-01-01T00:00:00") + np.arange(1000) * np.timedelta64(300, "s")
    values = np.random.default_rng(3).normal(80.0, 1.0, 1000)
    values[600:] -= 20.0
    series = pa.table({"timestamp": [str(time).replace("T", " ") for time in times], "value": values})
    data = write(series, tmp_path / "series.csv")
    whole = predict("nab", "--data", data, "--train-fraction", 0.2, out=tmp_path / "whole.csv")
    assert header(whole) == "timestamp,score,anomaly"
    assert whole.decode().splitlines()[1].startswith("2014-01-01 16:40:00,")
    assert whole.decode().splitlines()[420].endswith(",1")
    cut = write(series.slice(0, 620), tmp_path / "cut.csv")
    part = predict("nab", "--data", cut, "--train-fraction", 200 / 620, out=tmp_path / "part.csv")
    assert whole.startswith(part)


@pytest.mark.parametrize(
    ("name", "arguments", "missing"),
    [
        ("hrss", ["--train-normal", "{file}", "--data", "{file}"], "'O_w_HL_power'"),
        ("ai4i", ["--train", "{file}", "--data", "{file}"], "'Torque [Nm]'"),
        ("nab", ["--data", "{file}", "--train-fraction", "0.2"], "'value'"),
    ],
)
def test_a_missing_column_is_named(
    name: str, arguments: list[str], missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without a column that is needed ends in one line that names the file and the column."""
    full = {
        "hrss": store(range(6), faulty=False),
        "ai4i": milling(200),
        "nab": pa.table({"timestamp": ["x"], "value": [1]}),
    }
    file = write(full[name].drop_columns([missing.strip("'")]), tmp_path / "file.csv")
    words = [word.format(file=file) for word in arguments]
    assert main([name, "predict", *words, "--out", str(tmp_path / "out.csv")]) == 2
    error = capsys.readouterr().err
    assert missing in error
    assert str(file) in error
    assert len(error.splitlines()) == 1


def test_an_unknown_benchmark_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no benchmark ends in a line that lists those there are."""
    assert main(["nothing", "predict"]) == 2
    assert "skab" in capsys.readouterr().err


def test_every_benchmark_is_complete() -> None:
    """Every benchmark is found by its name, and the rows of its table are scores that have a meaning."""
    for benchmark in load_all():
        assert load(benchmark.NAME) is benchmark
        for case in benchmark.CASES:
            assert case.comparisons, case.name


def test_the_table_says_whether_a_target_is_met(tmp_path: Path) -> None:
    """A case of the table is predicted and scored, ours and the trivial one, and compared with its target."""
    folder = tmp_path / "ai4i" / "dev"
    folder.mkdir(parents=True)
    write(milling(8000), folder / "ai4i_first8000.csv")
    benchmark = load("ai4i")
    found = {
        figure.comparison.key: figure.as_object() for figure in table.measure(benchmark, benchmark.CASES[0], tmp_path)
    }
    assert found["precision"]["value"] == 1.0
    assert found["precision"]["met"] is True
    assert found["precision"]["target"] == ">= 0.98"
    assert isinstance(found["precision"]["trivial"], float)
    assert found["precision"]["trivial"] < 0.5


def test_the_target_of_precision_holds_on_the_real_milling_rows(tmp_path: Path) -> None:
    """On rows of the public set that came later than the learnt ones, precision is at least 0.98 and F1 the rules'."""
    real("ai4i/dev/ai4i_first8000.csv")
    benchmark = load("ai4i")
    data = real("ai4i/dev").parents[1]
    found = {figure.comparison.key: figure.ours for figure in table.measure(benchmark, benchmark.CASES[0], data)}
    assert found["precision"] >= 0.98
    assert found["f1"] >= 0.86


def test_real_faults_of_the_water_rig_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In three experiments of the public set, a valve, a leak and an imbalance, F1 is well above the trivial one."""
    recording = columns.read(real("skab/dev/skab_dev.csv.gz"))
    chosen = [name in ("valve1/4", "other/3", "other/7") for name in recording["experiment"].to_pylist()]
    data = write(recording.filter(pa.array(chosen)), tmp_path / "three.csv")
    out = tmp_path / "out.csv"
    predict("skab", "--data", data, "--group", "experiment", "--train-rows", 400, out=out)
    found = scores(capsys, "skab", out, data)
    assert found["f1"] > 0.85
    assert found["median_delay_s"] <= 30
