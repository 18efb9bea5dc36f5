"""Versions of what was learnt: a folder a version, one of them the champion, all others a step back.

`registry.json` names the champion and who was champion before it; `v0003/model.skops` holds what was learnt (plain
values and arrays, never pickle), `v0003/model.json` says from what. Every file is written beside its place and renamed,
so a power cut leaves either the old or the new one. A version that was registered is never changed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from analytics.errors import UnusableInputError

FORMAT = "showroom-models/1"
KEPT = 10
"""Versions that are kept, the champion and its predecessors first."""
_INDEX, _MODEL, _META = "registry.json", "model.skops", "model.json"


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of one version.

    Attributes:
        number: 1, 2, ...; 0 before it is registered.
        created_ns: when it was trained.
        data_start_ns, data_end_ns: window that it was trained on.
        rows: of that window.
        features: signals that it looks at.
        scores: on a held-back window, by name.
        code_version: of the package that trained it.
        plant: fingerprint of the description of the plant that it belongs to.
        note: why it was promoted or not.
        reference: distribution of each signal in the data, for the drift watch (analytics.drift).
        sha256: of the model file.
    """

    created_ns: int
    data_start_ns: int
    data_end_ns: int
    rows: int
    features: tuple[str, ...]
    scores: Mapping[str, float]
    code_version: str
    plant: str
    note: str = ""
    reference: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0
    sha256: str = ""


class Registry:
    """Versions in a folder; one process writes at a time, others may read meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def champion(self) -> int | None:
        """Number of the version in use; None while there is none. Raises UnusableInputError for a damaged index."""
        found = self._index()["champion"]
        return None if found is None else int(found)

    def versions(self) -> list[Version]:
        """Return every version, the oldest first."""
        return [self.version(number) for number in self._numbers()]

    def version(self, number: int) -> Version:
        """Return what is known of a version; raises UnusableInputError where there is no such version."""
        path = self._place(number) / _META
        fields = _read_json(path)
        if fields.pop("format", None) != FORMAT:
            raise UnusableInputError(str(path), "another format", f"{FORMAT} is expected; train anew")
        try:
            fields["features"] = tuple(fields["features"])
            return Version(**fields)
        except (KeyError, TypeError) as error:
            raise UnusableInputError(str(path), f"a field is wrong: {error}", "train anew") from None

    def model_file(self, number: int) -> Path:
        """Return the file of a version; raises UnusableInputError where it is damaged."""
        path = self._place(number) / _MODEL
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UnusableInputError(str(path), str(error), "train anew, or roll back") from None
        if digest != self.version(number).sha256:
            raise UnusableInputError(str(path), "its content is not what was registered", "train anew, or roll back")
        return path

    def add(self, version: Version, save: Callable[[Path], None]) -> Version:
        """Register a version, which is not in use yet; `save` writes its model file. Raises OSError."""
        number = max(self._numbers(), default=0) + 1
        partial = self._folder / f"v{number:04}.{os.getpid()}.partial"  # two trainings may run at the same time
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save(partial / _MODEL)
        digest = hashlib.sha256((partial / _MODEL).read_bytes()).hexdigest()
        added = replace(version, number=number, sha256=digest)
        _write_json(partial / _META, {"format": FORMAT} | asdict(added))
        partial.replace(self._place(number))
        return added

    def promote(self, number: int) -> None:
        """Make a version the champion; raises UnusableInputError where it is damaged or missing."""
        self.model_file(number)
        index = self._index()
        before = [one for one in index["before"] if one != number]
        if index["champion"] not in (None, number):
            before.append(index["champion"])
        self._write_index(number, before)
        self._forget([*before, number])

    def roll_back(self, plant: str) -> int:
        """Make the champion before this one the champion again, the last one of this plant; returns it.

        Raises UnusableInputError where there is none that can be used.
        """
        index = self._index()
        before = list(index["before"])
        while before:
            number = before.pop()
            try:
                self.model_file(number)
                if self.version(number).plant != plant:
                    continue
            except UnusableInputError:
                continue
            self._write_index(number, before)
            return int(number)
        raise UnusableInputError(str(self._folder), "there is no earlier champion", "train: showroom analytics train")

    def _forget(self, champions: list[int]) -> None:
        numbers = self._numbers()
        kept = {*champions[-KEPT:], *numbers[-KEPT:]}
        for number in numbers:
            if number not in kept:
                shutil.rmtree(self._place(number), ignore_errors=True)

    def _numbers(self) -> list[int]:
        names = [path.name[1:] for path in self._folder.glob("v[0-9]*") if path.is_dir()]
        return sorted(int(name) for name in names if name.isdecimal())

    def _place(self, number: int) -> Path:
        return self._folder / f"v{number:04}"

    def _index(self) -> dict[str, Any]:
        path = self._folder / _INDEX
        if not path.exists():
            return {"format": FORMAT, "champion": None, "before": []}
        index = _read_json(path)
        if index.get("format") != FORMAT:
            raise UnusableInputError(str(path), f"format {index.get('format')!r}", f"{FORMAT} is expected")
        return index

    def _write_index(self, champion: int, before: list[int]) -> None:
        _write_json(self._folder / _INDEX, {"format": FORMAT, "champion": champion, "before": before})


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnusableInputError(str(path), f"cannot be read: {error}", "delete it and train anew") from None
    if not isinstance(content, dict):
        raise UnusableInputError(str(path), "is no JSON object", "delete it and train anew")
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
