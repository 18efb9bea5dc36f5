"""What an edge declares about the time between two of its lives, also where its clock was wrong after a start."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_agent.sparkplug.delivery import GAP, Gap
from edge_agent.sparkplug.encoder import Declaration, Encoder
from edge_agent.sparkplug.log import DurableLog
from edge_agent.sparkplug.log_config import LogConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import decode
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.silence import Silences

S = 1_000_000_000
ALIVE_NS = 1_800_000_000 * S
BACK_NS = ALIVE_NS + 40 * S
"""When the edge is back, by the clock of the source."""


def declared(folder: Path, until_ns: int, firsts_ns: Sequence[int]) -> list[tuple[int, int]]:
    """Return the gaps (s after the last sign of life) of a device with two metrics whose first values are so old."""
    folder.mkdir(exist_ok=True)
    config = LogConfig(path=folder / "log.db")
    log = DurableLog.open(config, ALIVE_NS)
    log.devices.assign("D", "plc", own_clock=False)
    log.mark(ALIVE_NS)
    log.close()
    log = DurableLog.open(config, until_ns)
    encoder = Encoder({})
    for number in range(2):
        encoder.add(number, Declaration("D", f"m{number}", DataType.DOUBLE, Origin.REAL, {}), number + 1, number + 1)
    silences = Silences(log, {}, 0)
    silences.begin(log.opened)
    values = [(number, time_ns, 1.0, Quality.GOOD) for number, time_ns in enumerate(firsts_ns)]
    silences.heard(values, encoder, until_ns, 0.0)
    rows = [row for _, row in silences.due(10.0, until_ns) if row is not None]
    gaps = [
        Gap.from_json(str(metric.value)) for row in rows for metric in decode(row.payload).metrics if metric.name == GAP
    ]
    log.close()
    assert all(json.loads(gap.to_json())["cause"] == "edge_down" for gap in gaps)
    return [((gap.from_ns - ALIVE_NS) // S, (gap.to_ns - ALIVE_NS) // S) for gap in gaps]


@pytest.mark.parametrize("wrong_s", [0, 3_600, -3_600, -30 * 86_400])
def test_the_end_is_told_by_the_source(tmp_path: Path, wrong_s: int) -> None:
    """Whatever the edge's clock says after a start, the gap ends with the newest of the first values."""
    assert declared(tmp_path, BACK_NS + wrong_s * S, [BACK_NS - 7 * S, BACK_NS - S]) == [(0, 39)]


def test_where_a_metric_gives_nothing_the_end_is_not_before_now(tmp_path: Path) -> None:
    """A metric that has not given its value yet may have missed one until now."""
    assert declared(tmp_path, BACK_NS, [BACK_NS - 7 * S]) == [(0, 40)]
    assert declared(tmp_path / "behind", BACK_NS - 3_600 * S, [BACK_NS - 7 * S]) == [(0, 33)]


def test_where_nothing_changed_nothing_was_missed(tmp_path: Path) -> None:
    """Values that are older than the silence prove that none was missed."""
    assert declared(tmp_path, BACK_NS, [ALIVE_NS - S, ALIVE_NS - 2 * S]) == []
