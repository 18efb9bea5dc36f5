"""The registry of models: what was registered can be used, a damaged file never is, and there is a way back."""

from pathlib import Path

import numpy as np
import pytest
import skops.io

from analytics.errors import UnusableInputError
from analytics.registry import KEPT, Registry, Version


def version(score: float = 0.5) -> Version:
    return Version(10, 1, 9, 100, ("MIX-10.power_w",), {"false alarms": score}, "0.1", "abc", reference={"a": [1.0]})


def add(registry: Registry, value: float) -> int:
    return registry.add(version(value), lambda path: skops.io.dump({"mean": np.array([value])}, path)).number


def test_versions_are_kept_with_what_is_known_of_them(tmp_path: Path) -> None:
    """A version comes back with every field, is in use only once promoted, and its file loads without trust."""
    registry = Registry(tmp_path / "models")
    assert registry.champion is None
    assert registry.versions() == []
    number = add(registry, 0.25)
    assert (number, registry.champion) == (1, None)
    registry.promote(number)
    again = Registry(tmp_path / "models")
    assert again.champion == 1
    (known,) = again.versions()
    assert (known.features, known.scores, known.number) == (("MIX-10.power_w",), {"false alarms": 0.25}, 1)
    assert skops.io.load(again.model_file(1))["mean"].tolist() == [0.25]


def test_roll_back_goes_to_the_champion_before(tmp_path: Path) -> None:
    """Each roll-back takes one step; a damaged predecessor is passed over; at the end it says what to do."""
    registry = Registry(tmp_path)
    with pytest.raises(UnusableInputError, match="no earlier champion"):
        registry.roll_back("abc")
    for value in (1.0, 2.0, 3.0, 4.0):
        registry.promote(add(registry, value))
    (tmp_path / "v0003" / "model.skops").write_bytes(b"damaged")
    assert registry.roll_back("abc") == 2
    assert Registry(tmp_path).champion == 2
    with pytest.raises(UnusableInputError, match="no earlier champion"):
        registry.roll_back("another plant")
    assert registry.champion == 2
    registry.promote(2)
    assert registry.roll_back("abc") == 1
    with pytest.raises(UnusableInputError, match="showroom analytics train"):
        registry.roll_back("abc")
    assert registry.champion == 1


def test_what_was_changed_on_disk_is_never_used(tmp_path: Path) -> None:
    """A model file that is not what was registered is refused by name, as is an index of another format."""
    registry = Registry(tmp_path)
    number = add(registry, 1.0)
    (tmp_path / "v0001" / "model.skops").write_bytes(b"PK")
    with pytest.raises(UnusableInputError, match=r"model\.skops"):
        registry.promote(number)
    with pytest.raises(UnusableInputError, match="v0007"):
        registry.promote(7)
    (tmp_path / "registry.json").write_text('{"format": "other/9"}')
    with pytest.raises(UnusableInputError, match="other/9"):
        _ = registry.champion


def test_a_save_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where the model cannot be written, no version appears and the next try takes the same number."""
    registry = Registry(tmp_path)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        registry.add(version(), fail)
    assert registry.versions() == []
    assert add(registry, 1.0) == 1


def test_old_versions_go_the_champions_stay(tmp_path: Path) -> None:
    """Only so many versions are kept, and the one in use always."""
    registry = Registry(tmp_path)
    registry.promote(add(registry, 0.0))
    for value in range(KEPT + 5):
        add(registry, float(value))
    registry.promote(add(registry, 9.0))
    numbers = [known.number for known in registry.versions()]
    assert len(numbers) <= 2 * KEPT
    assert {1, registry.champion} <= set(numbers)
