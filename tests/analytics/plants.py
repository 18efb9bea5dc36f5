"""A small generated plant: a pump whose vibration follows its speed, and a meter; days of minutes."""

import numpy as np

from analytics.machines import Machines
from analytics.window import Window

PUMP = Machines.model_validate(
    {
        "title": "One pump",
        "contexts": {"running": {"equals": {"P-1.state_current": 6.0}, "settled_min": 3.0}},
        "machines": [
            {
                "id": "P-1",
                "kind": "product_pump",
                "title": "Pump",
                "parts": {"bearing": "bearing 6205"},
                "sensors": {
                    "suction_bar": {"low": -1.0, "high": 1.0, "when": "running", "units": [100.0]},
                    "envelope_g": {"low": 0.0, "high": 20.0, "when": "running"},
                },
                "indicators": [
                    {
                        "name": "envelope",
                        "title": "envelope, g",
                        "signal": "P-1.envelope_g",
                        "inputs": ["P-1.speed_rpm"],
                        "when": "running",
                        "tolerance": 0.02,
                        "failure": 2.6,
                    },
                    {
                        "name": "suction",
                        "title": "suction, bar",
                        "signal": "P-1.suction_bar",
                        "when": "running",
                        "tolerance": 0.02,
                        "span_min": 30.0,
                    },
                ],
            },
            {"id": "M-1", "kind": "meter", "title": "Meter without indicators"},
        ],
    }
)

START_NS = 1_780_000_000_000_000_000


def pump_window(days: float, seed: int = 0) -> Window:
    """Minutes of a healthy pump that works sixteen hours a day."""
    draws = np.random.default_rng(seed)
    count = round(days * 1440)
    minutes = np.arange(count)
    works = minutes % 1440 < 960
    speed = np.where(works, 2850.0 + 60.0 * np.sin(minutes / 200.0) + draws.normal(0.0, 2.0, count), 0.0)
    envelope = np.where(works, 0.05 + speed * 2e-5 + draws.normal(0.0, 0.003, count), 0.0)
    suction = np.where(works, 0.23, 0.16) + draws.normal(0.0, 0.003, count)
    return Window(
        START_NS + minutes.astype(np.int64) * 60_000_000_000,
        60.0,
        {
            "P-1.state_current": np.where(works, 6.0, 2.0),
            "P-1.speed_rpm": speed,
            "P-1.envelope_g": envelope,
            "P-1.suction_bar": suction,
        },
    )


def changed(window: Window, **columns: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Window:
    """The window with other columns of the pump; a column is named without its unit."""
    numbers = {**window.numbers, **{f"P-1.{name}": column for name, column in columns.items()}}
    return Window(window.time_ns, window.step_s, numbers, window.texts, window.bad)
