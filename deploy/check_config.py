"""Validates configuration files of every kind without connecting to anything."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agent.sparkplug.settings import ConfigError


def check_file(path: Path) -> str:
    """Validate one file and return its kind (`edge agent`, `gateway`, `line`, `profile`).

    The kind is told by its tables. Raises ConfigError that names file, key, value and what was expected.
    """
    kind, check = _kind(path)
    check(path)
    return kind


def _kind(path: Path) -> tuple[str, Callable[[Path], object]]:
    try:
        tables = set(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    for table, kind in _KINDS.items():
        if table in tables:
            return kind
    raise ConfigError(
        f"{path}: is no configuration that is known: expected one of the tables "
        f"{', '.join(f'[{table}]' for table in _KINDS)}"
    )


def _edge(path: Path) -> Any:
    from edge_agent.config import load_config

    return load_config(path)


def _gateway(path: Path) -> Any:
    from gateway.config import load_config

    return load_config(path)


def _line(path: Path) -> Any:
    from demo_line.config import ConfigError as LineConfigError
    from demo_line.config import load_config

    try:
        return load_config(path)
    except LineConfigError as error:
        raise ConfigError(str(error)) from None


def _profile(path: Path) -> Any:
    from deploy.problem import Problem
    from deploy.profile import ProfileFolder

    try:
        return ProfileFolder(str(path.parent)).load({}, complete=False)
    except Problem as problem:
        raise ConfigError(str(problem)) from None


_KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "edge": ("edge agent", _edge),
    "gateway": ("gateway", _gateway),
    "processes": ("profile", _profile),
    "extends": ("profile", _profile),
    "line": ("line", _line),
    "opcua": ("line", _line),
    "mqtt": ("line", _line),
}
