"""Every model of analytics that learns, so that one set of checks is generated for all of them.

A module named here has a class in the manner of scikit-learn and, beside it, `example()`, which returns an untrained
one with a small generated training set: `(model, X, y)`; y is None where it learns without labels. The checks are in
`tests/analytics/test_conformance.py`.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import skops.io

from analytics.errors import UnusableInputError

MODELS: Sequence[str] = (
    "analytics.features.expectation",
    "analytics.diagnosis.bearing_classifier",
    "analytics.prognosis.remaining_life",
    "analytics.detection.level_shift",
    "analytics.detection.cycle_twin",
    "analytics.detection.cutting_failure",
)
"""Modules; a new model adds its line."""

_TRUSTED = ("analytics.", "sklearn.ensemble._hist_gradient_boosting.")
# The trees of gradient boosting are not on the list of skops yet.


def example(module: str) -> tuple[Any, Any, Any]:
    """Return model, X and y of a module of MODELS."""
    model, inputs, outcome = import_module(module).example()
    return model, inputs, outcome


def save_model(model: object, path: Path) -> None:
    """Write a trained model to a skops file."""
    skops.io.dump(model, path)


def load_model(path: Path) -> Any:
    """Read what `save_model` wrote.

    Raises UnusableInputError for a file that names a type which is neither scikit-learn's, NumPy's nor ours: loading
    builds objects, so nothing else is built.
    """
    named = skops.io.get_untrusted_types(file=path)
    strange = [name for name in named if not name.startswith(_TRUSTED)]
    if strange:
        raise UnusableInputError(str(path), f"it holds {strange[0]}", "only models of analytics are loaded")
    return skops.io.load(path, trusted=named)
