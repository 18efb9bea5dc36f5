"""Small recordings with the columns of the public sets, and the sets themselves where they are there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.__main__ import main

REAL = Path(__file__).parents[4] / "shared" / "data"
"""Folder of the recordings beside the checkout; they are no part of it."""


def real(path: str) -> Path:
    """Return a file of a public set, or skip the test where it is not there."""
    file = REAL / path
    if not file.exists():
        pytest.skip(f"{file} is not there: the recordings are kept beside the checkout")
    return file


def write(table: pa.Table, path: Path) -> Path:
    columns.write(table, path)
    return path


def without(path: Path, names: Sequence[str], to: Path) -> Path:
    """Write the file without some columns."""
    return write(columns.read(path).drop_columns(list(names)), to)


def predict(name: str, *arguments: object, out: Path) -> bytes:
    """Run `predict` as the command does and return the bytes that it wrote."""
    assert main([name, "predict", *map(str, arguments), "--out", str(out)]) == 0
    return out.read_bytes()


def rig(groups: Sequence[str], rows: int, seed: int = 0) -> pa.Table:
    """Return a water rig with a loss of flow from row 400 to row 500 of every group but those named `free...`."""
    random = np.random.default_rng(seed)
    parts = []
    for group in groups:
        anomaly = np.zeros(rows)
        if not group.startswith("free"):
            anomaly[400:500] = 1.0
        flow = random.normal(32.0, 0.4, rows) - 3.0 * anomaly
        parts.append(
            pa.table(
                {
                    "Accelerometer1RMS": random.normal(0.2, 0.002, rows),
                    "Volume Flow RateRMS": flow,
                    "anomaly": anomaly,
                    "changepoint": np.abs(np.diff(anomaly, prepend=0.0)),
                    "stream": [group] * rows,
                }
            )
        )
    return pa.concat_tables(parts)


def store(cycles: range, *, faulty: bool, seed: int = 0) -> pa.Table:
    """Return cycles of a high-rack store; faulty ones take half as much power again in drive BHL for a second."""
    random = np.random.default_rng(seed)
    parts = []
    for number in cycles:
        time = np.arange(0.0, 5.0, 0.06) + random.normal(0.0, 0.005)
        label = (time > 2.0) & (time < 3.2) if faulty else np.zeros(len(time), dtype=bool)
        signals: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {}
        for index, drive in enumerate(("BLO", "BHL", "BHR", "BRU", "HR", "HL")):
            position = 300.0 * np.sin(time * (0.5 + 0.1 * index)) + random.normal(0.0, 1.0, len(time))
            voltage = 50.0 + 5.0 * np.cos(time)
            power = 200.0 * voltage + random.normal(0.0, 100.0, len(time))
            signals |= {
                f"I_w_{drive}_Weg": position,
                f"O_w_{drive}_voltage": voltage,
                f"O_w_{drive}_power": power * np.where(label & (drive == "BHL"), 1.5, 1.0),
            }
        labels = {"Labels": label.astype(np.int64)} if faulty else {}
        parts.append(pa.table({"cycle": np.full(len(time), number), "Timestamp": time, **labels, **signals}))
    return pa.concat_tables(parts)


def milling(rows: int, seed: int = 0) -> pa.Table:
    """Return rows of a milling machine whose overstrained parts fail."""
    random = np.random.default_rng(seed)
    torque, wear = random.normal(40.0, 10.0, rows), random.uniform(0.0, 250.0, rows)
    failed = (torque * wear > 11_000.0).astype(np.int64)
    return pa.table(
        {
            "UDI": np.arange(rows),
            "Type": ["L"] * rows,
            "Air temperature [K]": random.normal(300.0, 1.0, rows),
            "Process temperature [K]": random.normal(311.0, 0.5, rows),
            "Rotational speed [rpm]": random.normal(1500.0, 20.0, rows),
            "Torque [Nm]": torque,
            "Tool wear [min]": wear,
            "Machine failure": failed,
            "OSF": failed,
        }
    )
