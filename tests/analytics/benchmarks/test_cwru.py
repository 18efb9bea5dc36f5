import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics.benchmarks import __main__ as command
from analytics.benchmarks import bearing_recordings as bearings
from analytics.benchmarks import columns, cwru_cv
from analytics.errors import UnusableInputError
from analytics.features.bearing import ORDERS_6203, ORDERS_6205, Orders
from tests.analytics.bearings import struck

SHAFT_HZ = 29.5
LABELS = ("fault", "or_position", "fault_mil", "faulty_bearing")


def write_folder(folder: Path, orders: Orders = ORDERS_6205, label: bool = True, own_hz: bool = False) -> Path:
    """Recordings of a second, two fault sizes and a healthy one at 48 kHz, in the form of the CWRU folder."""
    folder.mkdir(exist_ok=True)
    rows: list[dict[str, object]] = []
    waves: dict[str, Any] = {}
    impacts = {"outer": orders.outer_race, "inner": orders.inner_race, "ball": 2.37, "normal": 1.0}
    for seed, size in enumerate(("7", "14", "21")):
        for fault, order in impacts.items():
            if fault == "normal" and size != "7":
                continue
            rate = 48_000 if fault == "normal" else 12_000
            strength = {"normal": 0.0, "ball": 1.5}.get(fault, 6.0)
            modulation = SHAFT_HZ if fault == "inner" else 0.0
            signal = struck(rate, 2.0, 0.996 * order * SHAFT_HZ, modulation, strength, seed)
            key = f"recording-{len(rows)}"
            waves[key] = np.round(signal / 1e-4).astype(np.int16)
            row = {"key": key, "fs_hz": rate, "rpm": 60.0 * SHAFT_HZ, "scale_g": 1e-4, "channel": "DE"}
            if label:
                mil = "0" if fault == "normal" else size
                row |= dict(zip(LABELS, (fault, "6", mil, "drive_end"), strict=True))
            if own_hz:
                hz = (orders.inner_race, orders.outer_race, orders.ball_spin, orders.cage)
                names = ("bpfi_hz", "bpfo_hz", "bsf_hz", "ftf_hz")
                row |= {name: order * SHAFT_HZ for name, order in zip(names, hz, strict=True)}
            rows.append(row)
    columns.write(columns.table({name: [row[name] for row in rows] for name in rows[0]}), folder / "index.csv")
    np.savez(folder / "waves.npz", **waves)
    return folder


def predict(folder: Path, *words: str) -> bytes:
    out = folder.parent / "out.csv"
    assert command.main([words[0], "predict", *words[1:], "--data", str(folder), "--out", str(out)]) == 0
    return out.read_bytes()


def labels(predictions: bytes) -> list[list[bytes]]:
    return [line.split(b",")[:3] for line in predictions.splitlines()]


def score(folder: Path) -> dict[str, object]:
    return dict(bearings.score(columns.read_prediction(folder.parent / "out.csv"), [folder / "index.csv"]))


def test_labels_are_never_read(tmp_path: Path) -> None:
    """Without the label columns the predictions of physics alone are byte for byte the same."""
    labelled = predict(write_folder(tmp_path / "data"), "cwru", "--train", "none")
    assert predict(write_folder(tmp_path / "data", label=False), "cwru", "--train", "none") == labelled
    assert labelled.splitlines()[0] == b"key,window,label,probability"


def test_races_of_another_bearing_are_found_by_its_orders(tmp_path: Path) -> None:
    """Orders from the command or from the index find the races of a 6203, learnt on a 6205 or not at all."""
    folder = write_folder(tmp_path / "other", ORDERS_6203)
    given = "bpfi=4.9469,bpfo=3.0530,bsf=1.9937,ftf=0.3817"
    for train in ("none", str(write_folder(tmp_path / "train"))):
        by_command = predict(folder, "cwru", "--train", train, "--orders", given)
        per_class = score(folder)["per_class"]
        assert isinstance(per_class, dict)
        assert per_class["outer"] == per_class["inner"] == 1.0
        own = write_folder(tmp_path / "own", ORDERS_6203, own_hz=True)
        assert labels(predict(own, "cwru", "--train", train)) == labels(by_command)


def test_leaving_a_fault_size_out(tmp_path: Path) -> None:
    """Every window is judged once, in the fold of its fault size, and races of a size never seen are named."""
    folder = write_folder(tmp_path / "data")
    text = predict(folder, "cwru-cv").decode().splitlines()
    assert text[0] == "key,window,label,probability,fold"
    assert len(text) == 1 + 10 * 4
    found = score(folder)
    assert set(found) == {"accuracy", "accuracy_answered", "share_answered", "per_class"}
    assert isinstance(found["per_class"], dict)
    assert found["per_class"]["outer"] == found["per_class"]["inner"] == 1.0


def test_an_unknown_answer_counts_as_wrong(tmp_path: Path) -> None:
    """Accuracy is over all windows, accuracy_answered over those that are not unknown; missing keys are refused."""
    index = tmp_path / "index.csv"
    columns.write(columns.table({"key": ["a", "b"], "fault": ["inner", "outer"]}), index)
    found = columns.table(
        {"key": ["a", "a", "b", "b"], "window": [0, 1, 0, 1], "label": ["inner", "unknown", "ball", "outer"]}
        | {"probability": [0.9, 0.4, 0.8, 0.9]}
    )
    scores = bearings.score(found, [index])
    assert scores["accuracy"] == 0.5
    assert scores["accuracy_answered"] == pytest.approx(2 / 3)
    assert scores["share_answered"] == 0.75
    assert scores["per_class"] == {"inner": 0.5, "outer": 0.5}
    with pytest.raises(UnusableInputError, match="missing"):
        bearings.score(found.slice(0, 2), [index])


def test_missing_columns_and_waveforms_are_named(tmp_path: Path) -> None:
    """An index without a column, one that names no waveform, and orders of another form are refused by name."""
    folder = write_folder(tmp_path / "data", label=False)
    with pytest.raises(UnusableInputError, match="'fault"):
        cwru_cv.predict(argparse.Namespace(data=folder))
    index = bearings.read_index(folder)
    with pytest.raises(UnusableInputError, match="'rpm'"):
        list(bearings.recordings(folder, index.drop_columns(["rpm"]), ORDERS_6205))
    np.savez(folder / "waves.npz", other=np.zeros(10))
    with pytest.raises(UnusableInputError, match="no waveform 'recording-0'"):
        list(bearings.recordings(folder, index, ORDERS_6205))
    with pytest.raises(UnusableInputError, match="bpfi=,bpfo=,bsf=,ftf="):
        bearings.parse_orders("bpfi=4.9,bpfo=3.0")
