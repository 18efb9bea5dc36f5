"""Generated vibration of a bearing: noise, a shaft line, and a resonance that is struck by the damage."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def struck(
    rate_hz: int, seconds: float, impact_hz: float, modulation_hz: float = 0.0, strength: float = 4.0, seed: int = 0
) -> FloatArray:
    """Acceleration in g of a resonance at 0.27 times the rate, struck `impact_hz` times a second.

    The strikes come with 1 % jitter and are modulated, fully, at `modulation_hz`; strength 0 is an undamaged bearing.
    """
    rng = np.random.default_rng(seed)
    count = int(rate_hz * seconds)
    time_s = np.arange(count) / rate_hz
    strikes = np.cumsum(rng.normal(1.0, 0.01, int(impact_hz * seconds * 1.1))) / impact_hz
    strikes = strikes[strikes < seconds]
    size = 1.0 + np.cos(2.0 * np.pi * modulation_hz * strikes) if modulation_hz else np.ones(strikes.size)
    train = np.zeros(count)
    train[(strikes * rate_hz).astype(int)] = size
    ring = np.exp(-np.arange(200) / (0.0008 * rate_hz)) * np.sin(2.0 * np.pi * 0.27 * np.arange(200))
    shaft = 0.5 * np.sin(2.0 * np.pi * 29.5 * time_s)
    return 0.1 * (rng.normal(size=count) + shaft + strength * np.convolve(train, ring)[:count])
