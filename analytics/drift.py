"""Drift watch: have the signals left what the model learnt from? Pure.

The population stability index of a signal compares the shares of its values in ten classes, the deciles of the training
data, with the shares now: sum of (now - then) * ln(now / then). Below 0.1 nothing changed, above 0.25 the population is
another one (Siddiqi, Credit Risk Scorecards, 2006, chapter 10). Drift is no fault: it says that the model should learn
anew, or that the plant works as it never did before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.window import Window

CHANGED = 0.25
"""Index above which a signal counts as drifted."""
MANY = 0.25
"""Share of drifted signals above which the model should learn anew."""
_CLASSES = 10
_LEAST_VALUES = 500
_FLOOR = 1e-3
"""Share of an empty class: without it the index would be infinite after one value outside."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed.

    Attributes:
        index: population stability index by signal, of those that could be compared.
        changed: signals above CHANGED, the largest first.
    """

    index: Mapping[str, float]
    changed: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the compared signals that changed; 0 where none could be compared."""
        return len(self.changed) / len(self.index) if self.index else 0.0


def reference(window: Window, signals: Iterable[str]) -> dict[str, dict[str, list[float]]]:
    """Return limits and shares of the classes of each signal as plain values, without short or constant signals."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in signals:
        values = _finite(window.number(name))
        if len(values) < _LEAST_VALUES:
            continue
        limits = np.unique(np.quantile(values, np.linspace(0, 1, _CLASSES + 1)[1:-1]))
        if len(limits) < 2:
            continue
        found[name] = {"limits": limits.tolist(), "shares": _shares(values, limits).tolist()}
    return found


def compare(then: Mapping[str, Mapping[str, list[float]]], window: Window) -> Drift:
    """Compare a window with a reference; signals with too few values now are left out."""
    index: dict[str, float] = {}
    for name, learnt in then.items():
        values = _finite(window.number(name))
        if len(values) < _LEAST_VALUES:
            continue
        before = np.maximum(np.array(learnt["shares"]), _FLOOR)
        now = np.maximum(_shares(values, np.array(learnt["limits"])), _FLOOR)
        index[name] = float(np.sum((now - before) * np.log(now / before)))
    changed = sorted((name for name, value in index.items() if value > CHANGED), key=lambda name: -index[name])
    return Drift(index, tuple(changed))


def _shares(values: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(limits, values, side="right"), minlength=len(limits) + 1)
    shares: NDArray[np.float64] = counts / len(values)
    return shares


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    finite: NDArray[np.float64] = values[np.isfinite(values)]
    return finite
