import argparse
from pathlib import Path

import numpy as np
import pytest

from analytics.benchmarks import columns, femto
from analytics.errors import UnusableInputError

RECORDINGS = Path(__file__).parents[4] / "shared" / "data" / "femto" / "dev" / "femto_learning_features.csv.gz"


def write_lives(path: Path, ends: dict[str, int], until: int = 1000) -> Path:
    """Bearings whose level rises threefold within the last 40 snapshots; rows of later snapshots are left out."""
    names, snapshots, levels = [], [], []
    for name, end in ends.items():
        level = 0.4 * np.exp(np.maximum(np.arange(end) - (end - 40), 0) / 25.0)
        kept = min(end, until)
        names += [name] * kept
        snapshots += list(range(1, kept + 1))
        levels += level[:kept].tolist()
    columns.write(columns.table({"bearing": names, "snapshot": snapshots, "h_rms": levels}), path)
    return path


def predict(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = femto.predict(argparse.Namespace(data=path)).to_pylist()
    return rows


def test_alarms_are_useful_and_scored(tmp_path: Path) -> None:
    """A rise before the end gives a useful alarm; a life without a rise none; the score counts both."""
    path = write_lives(tmp_path / "lives.csv", {"B1": 300, "B2": 500})
    found = femto.predict(argparse.Namespace(data=path))
    assert found.column_names == ["bearing", "alarm_snapshot", "severity"]
    assert femto.score(found, [path], argparse.Namespace()) == {"useful": 2, "early": 0, "late": 0, "never": 0}
    shorter = write_lives(tmp_path / "shorter.csv", {"B1": 300, "B2": 500}, until=250)
    assert femto.score(femto.predict(argparse.Namespace(data=shorter)), [shorter], argparse.Namespace())["never"] == 2


@pytest.mark.parametrize(("alarm", "key"), [(150, "early"), (151, "useful"), (294, "useful"), (295, "late")])
def test_borders_of_the_score(tmp_path: Path, alarm: int, key: str) -> None:
    """Useful means in the second half of life and at least a minute before its end."""
    path = write_lives(tmp_path / "lives.csv", {"B1": 300})
    found = columns.table({"bearing": ["B1"], "alarm_snapshot": [alarm], "severity": [3.1]})
    assert femto.score(found, [path], argparse.Namespace())[key] == 1


@pytest.mark.parametrize("until", [200, 287, 299])
def test_prediction_is_causal(tmp_path: Path, until: int) -> None:
    """Cutting the file after a snapshot leaves every alarm up to it as it is."""
    whole = predict(write_lives(tmp_path / "whole.csv", {"B1": 300, "B2": 500}))
    cut = predict(write_lives(tmp_path / "cut.csv", {"B1": 300, "B2": 500}, until=until))
    known = [
        row if isinstance(row["alarm_snapshot"], int) and row["alarm_snapshot"] <= until else row["bearing"]
        for row in whole
    ]
    assert [row if row["alarm_snapshot"] is not None else row["bearing"] for row in cut] == known


def test_a_missing_level_is_named(tmp_path: Path) -> None:
    """A file without the horizontal level is refused by the name of the column."""
    path = tmp_path / "lives.csv"
    columns.write(columns.table({"bearing": ["B1"], "snapshot": [1]}), path)
    with pytest.raises(UnusableInputError, match="'h_rms'"):
        femto.predict(argparse.Namespace(data=path))


@pytest.mark.skipif(not RECORDINGS.is_file(), reason=f"no recordings at {RECORDINGS}")
def test_the_target_on_recordings_holds() -> None:
    """Every learning bearing gets a useful alarm, none an early one."""
    found = femto.score(femto.predict(argparse.Namespace(data=RECORDINGS)), [RECORDINGS], argparse.Namespace())
    assert (found["useful"], found["early"]) == (6, 0)
