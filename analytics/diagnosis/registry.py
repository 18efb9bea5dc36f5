"""The mechanisms that are known: one file each in `analytics/diagnosis/rules`, found by being there."""

import importlib
import pkgutil
from functools import cache

from analytics.diagnosis import rules
from analytics.diagnosis.mechanism import Mechanism
from analytics.errors import UnusableInputError


@cache
def all_mechanisms() -> tuple[Mechanism, ...]:
    """Return every mechanism, sorted by key.

    Raises UnusableInputError for a file without `MECHANISM` or a key that two files use.
    """
    found: dict[str, Mechanism] = {}
    for module in sorted(pkgutil.iter_modules(rules.__path__), key=lambda each: each.name):
        name = f"{rules.__name__}.{module.name}"
        mechanism = getattr(importlib.import_module(name), "MECHANISM", None)
        if not isinstance(mechanism, Mechanism):
            raise UnusableInputError(name, "no MECHANISM", "define MECHANISM = Mechanism(...) in it")
        if mechanism.key in found:
            raise UnusableInputError(name, f"key {mechanism.key!r} is taken", "give each mechanism a key of its own")
        found[mechanism.key] = mechanism
    return tuple(found[key] for key in sorted(found))


def mechanisms_of(kind: str) -> tuple[Mechanism, ...]:
    """Return the mechanisms of a kind of machine."""
    return tuple(mechanism for mechanism in all_mechanisms() if mechanism.kind == kind)
