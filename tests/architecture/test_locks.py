"""The lock files belong to pyproject.toml: checked without a network."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, set[Version]]:
    """Return the pinned versions of each package; several where they differ by platform or Python."""
    versions: dict[str, set[Version]] = {}
    for name, version in PIN.findall((ROOT / lock).read_text(encoding="utf-8")):
        versions.setdefault(canonicalize_name(name), set()).add(Version(version))
    return versions


def unmet(requirements: list[str], lock: str) -> list[str]:
    """Return the requirements that the lock leaves out or pins outside of their range."""
    pinned = pins(lock)
    parsed = [Requirement(text) for text in requirements]
    return [
        str(requirement)
        for requirement in parsed
        if not (versions := pinned.get(canonicalize_name(requirement.name)))
        or not all(version in requirement.specifier for version in versions)
    ]


def test_runtime_lock_satisfies_the_project() -> None:
    """What the project asks for at run time, and to be built, is pinned within its range; else run `make lock`."""
    assert unmet(PROJECT["dependencies"] + EXTRAS["build"], "requirements.lock") == []


def test_development_lock_satisfies_the_project() -> None:
    """What the project asks for to be tested is pinned within its range; else run `make lock`."""
    assert unmet(PROJECT["dependencies"] + EXTRAS["dev"], "requirements-dev.lock") == []


def test_build_requirements_are_those_of_the_lock() -> None:
    """The build system of pyproject.toml is what the build extra locks, so that nothing unhashed is downloaded."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert build == EXTRAS["build"]


def test_both_locks_pin_the_same_versions() -> None:
    """Tests run against the very versions that users get."""
    development = pins("requirements-dev.lock")
    assert {
        name: versions for name, versions in pins("requirements.lock").items() if development[name] != versions
    } == {}


def test_every_pin_has_a_hash() -> None:
    """No package is installed whose content is not fixed."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert len(re.findall(r"^[a-z0-9._-]+==.*\\\n    --hash=sha256:", text, re.MULTILINE | re.IGNORECASE)) == len(
            PIN.findall(text)
        )
