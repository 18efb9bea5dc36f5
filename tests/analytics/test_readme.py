"""What analytics/README.md tells an engineer to write works as it stands there."""

import re
from pathlib import Path

import numpy as np

import analytics
from analytics.assessor import Assessor
from analytics.machines import load_machines
from analytics.window import Window

README = (Path(analytics.__file__).parent / "README.md").read_text(encoding="utf-8")
MINUTE_NS = 60_000_000_000


def days_of_a_pump(minutes: int, worn_g: float, seed: int) -> Window:
    draws = np.random.default_rng(seed)
    speed = 2900 + draws.normal(0, 10, minutes)
    return Window(
        (np.arange(minutes, dtype=np.int64) + 1) * MINUTE_NS,
        60.0,
        {
            "PUMP-7.flow_l_h": np.full(minutes, 900.0),
            "PUMP-7.shaft_speed_rpm": speed,
            "PUMP-7.envelope_acceleration_g": 0.05 + worn_g + draws.normal(0, 0.002, minutes),
        },
    )


def test_the_documented_machine_is_learnt_and_judged(tmp_path: Path) -> None:
    """The block and the context of the README describe a pump that is as learnt when healthy, abnormal when worn."""
    (block,) = re.findall(r"^```toml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (context,) = re.findall(r"`(transferring = .*)`", README)
    path = tmp_path / "machines.toml"
    path.write_text(f'title = "My plant"\n[contexts]\n{context}\n{block}', encoding="utf-8")
    assessor = Assessor(load_machines(path)).fit(days_of_a_pump(2_880, 0.0, 1))
    (healthy,) = assessor.assess(days_of_a_pump(600, 0.0, 2))
    (worn,) = assessor.assess(days_of_a_pump(600, 1.0, 2))
    assert healthy.unit_id == worn.unit_id == "PUMP-7"
    assert healthy.anomaly_score is not None
    assert worn.anomaly_score is not None
    assert healthy.anomaly_score < 1 < worn.anomaly_score
    assert worn.diagnoses[0].mechanism == "bearing_outer_race"
