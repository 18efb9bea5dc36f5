"""2,000 rows of each recording, as fast as they are taken, arrive whole over both protocols in both stores."""

import gzip
import os
import random
import shutil
from pathlib import Path

import pytest

from tests.replay_proof.proof import RECORDINGS, Case, Protocol, Recording, prove
from tests.servers import find_program, require_server

ROWS = 2_000
FOLDERS = (os.environ.get("DATA", ""), str(Path(__file__).parents[3] / "shared" / "data"))
HEADERS = {
    "skab": "datetime,Accelerometer1RMS,Accelerometer2RMS,Current,Pressure,Temperature,Thermocouple,Voltage,"
    "Volume Flow RateRMS,anomaly,changepoint,experiment",
    "hrss": "cycle,Timestamp,I_w_BLO_Weg,O_w_BLO_power,O_w_BLO_voltage,I_w_BHL_Weg,O_w_BHL_power,O_w_BHL_voltage",
}


def recordings(tmp_path: Path, recording: Recording) -> Path:
    """Return a folder with the recording: the real one where it is at hand, else one of the same shape."""
    for folder in FOLDERS:
        if folder and (Path(folder) / recording.path).exists():
            return Path(folder)
    path = tmp_path / recording.path
    path.parent.mkdir(parents=True)
    rng = random.Random(5)
    columns = HEADERS[recording.name].split(",")
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for row in range(ROWS + 10):
            cells = {name: f"{rng.gauss(0, 50):.4f}" for name in columns}
            cells |= {"cycle": str(row // 250), "Timestamp": f"{row % 250 * 0.055}"}  # the time of a cycle begins at 0
            cells["experiment"] = f"valve/{row // 500}"
            cells["datetime"] = f"2020-03-09 {row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}"
            file.write(",".join(cells[name] for name in columns) + "\n")
    return tmp_path


@pytest.mark.servers
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("recording", "protocol", "store"),
    [("hrss", "opcua", "duckdb"), ("hrss", "mqtt", "influx"), ("skab", "opcua", "influx"), ("skab", "mqtt", "duckdb")],
)
def test_every_row_arrives_once(tmp_path: Path, recording: str, protocol: Protocol, store: str) -> None:
    """Every journalled value is stored once, at its time, with its value, and there is no gap."""
    if store == "influx":
        require_server("influxd", find_program("influxd"))
    data = recordings(tmp_path, RECORDINGS[recording])
    case = Case(recording, protocol, "influx" if store == "influx" else "duckdb")
    outcome = prove(case, data, speed="max", rows=ROWS, patience_s=90.0)
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert outcome.proven, outcome.problem
    assert outcome.values == outcome.stored == ROWS * outcome.columns
