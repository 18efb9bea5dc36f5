"""A small plant for tests: one pump with two indicators, described as an engineer would, and its history."""

from pathlib import Path

import numpy as np

from analytics.machines import Machines, load_machines
from analytics.window import Window

MINUTE_NS = 60_000_000_000
T0_NS = 1_790_000_040_000_000_000 // MINUTE_NS * MINUTE_NS

PUMP = """
title = "One pump"

[contexts]
pumping = { equals = { "MIX-10.state_current" = 6 } }

[[machines]]
id = "MIX-10"
kind = "product_pump"
title = "Product pump"
parts = { bearing = "drive-end bearing 6205" }

[machines.sensors]
power_w = { low = 0, high = 3000, when = "pumping" }

[[machines.indicators]]
name = "envelope"
title = "envelope, g"
signal = "MIX-10.envelope_acceleration_g"
inputs = ["MIX-10.shaft_speed_rpm"]
when = "pumping"
tolerance = 0.02
failure = 2.6

[[machines.indicators]]
name = "power"
title = "power, W"
signal = "MIX-10.power_w"
inputs = ["MIX-10.shaft_speed_rpm"]
when = "pumping"
tolerance = 15
span_min = 15
"""


def pump(folder: Path) -> Machines:
    """The plant, through a file."""
    path = folder / "machines.toml"
    path.write_text(PUMP, encoding="utf-8")
    return load_machines(path)


def course(minutes: int, *, seed: int = 1, wear_from: int | None = None) -> Window:
    """Minutes of the pump; from `wear_from` on its bearing gets worse, to 1 g within a day."""
    draws = np.random.default_rng(seed)
    speed = 2900 + 20 * np.sin(np.arange(minutes) / 200) + draws.normal(0, 2, minutes)
    envelope = 0.05 + 0.00001 * (speed - 2900) + draws.normal(0, 0.002, minutes)
    if wear_from is not None:
        envelope[wear_from:] += np.minimum(1.0, np.arange(minutes - wear_from) / 1440)
    return Window(
        T0_NS + (np.arange(minutes, dtype=np.int64) + 1) * MINUTE_NS,
        60.0,
        {
            "MIX-10.state_current": np.full(minutes, 6.0),
            "MIX-10.shaft_speed_rpm": speed,
            "MIX-10.envelope_acceleration_g": envelope,
            "MIX-10.power_w": 1500 + 0.5 * (speed - 2900) + draws.normal(0, 3, minutes),
        },
    )
