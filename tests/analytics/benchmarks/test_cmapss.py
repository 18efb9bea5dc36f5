import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from analytics.benchmarks import __main__ as command
from analytics.benchmarks import cmapss, columns
from analytics.errors import UnusableInputError

RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "cmapss" / "dev"


def write_fleet(path: Path, lives: list[int], cut: int = 0, label: bool = False) -> None:
    """Units in the columns of C-MAPSS; sensor 2 rises and sensor 3 falls with wear, the others stay."""
    rng = np.random.default_rng(len(lives))
    parts = []
    for unit, life in enumerate(lives, start=1):
        wear = np.exp(-np.arange(life, 0.0, -1.0) / 30.0)
        sensors = {f"s{number}": np.full(life, 500.0) for number in range(1, 22)}
        sensors["s2"] = 640.0 + 3.0 * wear + rng.normal(0.0, 0.3, life)
        sensors["s3"] = 1580.0 - 20.0 * wear + rng.normal(0.0, 2.0, life)
        columns_of_unit = {"unit": np.full(life, unit), "cycle": np.arange(1, life + 1)}
        columns_of_unit |= {f"set{number}": np.zeros(life) for number in range(1, 4)} | sensors
        if label:
            columns_of_unit["RUL"] = np.arange(life - 1, -1, -1)
        parts.append(pa.table(columns_of_unit).slice(0, life - cut))
    columns.write(pa.concat_tables(parts), path)


def run(folder: Path, label: bool = False, out: str = "out.csv") -> bytes:
    write_fleet(folder / "train.csv.gz", list(range(150, 240, 9)), label=label)
    write_fleet(folder / "test.csv", [160, 190, 220], cut=20, label=label)
    words = ["--train", str(folder / "train.csv.gz"), "--test", str(folder / "test.csv"), "--out", str(folder / out)]
    assert command.main(["cmapss", "predict", *words]) == 0
    return (folder / out).read_bytes()


def test_prediction_ignores_labels(tmp_path: Path) -> None:
    """With a column of the true remaining life in both files, the predictions are byte for byte the same."""
    plain = run(tmp_path)
    assert run(tmp_path, label=True) == plain
    assert plain.splitlines()[0] == b"unit,rul,rul_low,rul_high"
    assert len(plain.splitlines()) == 4


def test_a_missing_sensor_is_named(tmp_path: Path) -> None:
    """A file without one of the sensors is refused by its name."""
    columns.write(columns.table({"unit": [1], "cycle": [1]}), tmp_path / "short.csv")
    arguments = argparse.Namespace(train=tmp_path / "short.csv", test=tmp_path / "short.csv", cap=125.0, seed=0)
    with pytest.raises(UnusableInputError, match="'set1'"):
        cmapss.predict(arguments)


def test_scores_are_capped_and_late_costs_more(tmp_path: Path) -> None:
    """Beyond the cap nothing is an error; ten cycles late cost more than ten early, by the published formula."""
    truth = tmp_path / "truth.csv"
    columns.write(columns.table({"unit": [1, 2, 3], "RUL": [140, 50, 50]}), truth)
    predictions = columns.table(
        {"unit": [1, 2, 3], "rul": [125.0, 60.0, 40.0], "rul_low": [100.0, 40.0, 20.0], "rul_high": [125.0, 70.0, 45.0]}
    )
    found = cmapss.score(predictions, [truth], argparse.Namespace(cap=125.0))
    assert set(found) == {"rmse", "rmse_bootstrap_low", "rmse_bootstrap_high", "nasa_score", "coverage"}
    assert found["rmse"] == pytest.approx(np.sqrt(200.0 / 3.0))
    assert found["nasa_score"] == pytest.approx(np.e - 1.0 + np.exp(10.0 / 13.0) - 1.0)
    assert found["coverage"] == pytest.approx(2.0 / 3.0)
    with pytest.raises(UnusableInputError, match="unit 3 is only in one"):
        cmapss.score(predictions.slice(0, 2), [truth], argparse.Namespace(cap=125.0))


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}")
def test_the_target_on_recordings_holds(tmp_path: Path) -> None:
    """On FD001 the error, the NASA score and the coverage of the interval meet their targets."""
    case = cmapss.CASES[0]
    words = [word.format(data=RECORDINGS.parents[1]) for word in case.predict]
    assert command.main(["cmapss", "predict", *words, "--out", str(tmp_path / "out.csv")]) == 0
    predictions = columns.read_prediction(tmp_path / "out.csv")
    found = cmapss.score(predictions, [RECORDINGS / "RUL_FD001.csv"], argparse.Namespace(cap=125.0))
    wanted = [comparison for comparison in case.comparisons if comparison.key in found]
    assert all(comparison.met(float(str(found[comparison.key]))) for comparison in wanted), found
