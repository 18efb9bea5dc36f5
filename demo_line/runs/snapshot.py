"""Snapshots of a run as bytes: everything that a line remembers, in a form that names what it belongs to.

The first line is JSON with format, package version, the fingerprint of the line's definition and a digest of what
follows: a pickle of the state. So bytes that were damaged on a disk are never taken for another state. Reading it
creates nothing but the states, records and enumerations of this package and NumPy's random generators, so a foreign
file is refused rather than run.
"""

import hashlib
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from importlib import metadata
from typing import Any

from pydantic import BaseModel

from demo_line.draws import Draws
from demo_line.line import Line

FORMAT = "showroom-line-snapshot/3"

_PACKAGE = "demo_line."
_FOREIGN = {
    ("collections", "deque"),
    ("numpy", "dtype"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pickle", "__generator_ctor"),
    ("numpy.random.bit_generator", "SeedSequence"),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
}


class SnapshotError(ValueError):
    """A snapshot cannot be used; the text says what it is and what was expected."""


def fingerprint(line: Line) -> str:
    """Hexadecimal digest of what a line consists of: its definition and all parameters, design values included."""
    parameters = {unit_id: values.model_dump(mode="json") for unit_id, values in line.parameters.items()}
    content = {"definition": line.definition.model_dump(mode="json"), "parameters": parameters}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def pack(line: Line, content: dict[str, Any]) -> bytes:
    """Bytes from which `unpack` gives equal content for the same line and package version."""
    body = pickle.dumps(content, protocol=5)
    return json.dumps({**_expected(line), "sha256": _digest(body)}).encode() + b"\n" + body


def unpack(line: Line, snapshot: bytes) -> dict[str, Any]:
    """Content of a snapshot.

    Raises SnapshotError for another format, another version of the package, another line or damaged bytes.
    """
    heading, _, body = snapshot.partition(b"\n")
    found = _found(heading)
    _check(found, _expected(line))
    if found.get("sha256") != _digest(body):
        raise SnapshotError("the snapshot is damaged: its bytes are not those that were written; begin the run anew")
    try:
        content: dict[str, Any] = _Reader(io.BytesIO(body)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, ValueError, TypeError) as error:
        raise SnapshotError(f"the snapshot is damaged: {error}; begin the run anew") from error
    return content


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _expected(line: Line) -> dict[str, str]:
    return {"format": FORMAT, "version": metadata.version("smart-factory-showroom"), "line": fingerprint(line)}


def _found(heading: bytes) -> dict[str, Any]:
    """What a heading says; raises SnapshotError for anything but a heading of this format."""
    try:
        found = json.loads(heading)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        kind = found.get("format", "no format") if isinstance(found, dict) else f"{heading[:40]!r}"
        raise SnapshotError(f"this is no snapshot in the format {FORMAT} but {kind}; begin the run anew")
    return found


def _check(found: Mapping[str, Any], wanted: Mapping[str, str]) -> None:
    """Raise SnapshotError that names in what a snapshot differs from what this line reads."""
    differs = ", ".join(
        f"{key} {found.get(key)} instead of {value}" for key, value in wanted.items() if found.get(key) != value
    )
    if differs:
        raise SnapshotError(f"the snapshot belongs to another line or version ({differs}); begin the run anew")


class _Reader(pickle.Unpickler):
    """Unpickler that knows only what a line's state consists of."""

    def find_class(self, module: str, name: str) -> Any:
        """Class of that name; raises UnpicklingError for anything else."""
        if (module, name) in _FOREIGN:
            return super().find_class(module, name)
        if module.startswith(_PACKAGE):
            found = super().find_class(module, name)
            if isinstance(found, type) and (
                is_dataclass(found) or issubclass(found, (Enum, BaseModel, Draws)) or hasattr(found, "_fields")
            ):
                return found
        raise pickle.UnpicklingError(f"it contains {module}.{name}, which is no part of a line's state")
