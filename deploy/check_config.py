"""Validates configuration files of every kind without connecting to anything."""

import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deploy.named_files import check_named_files, named_files
from deploy.problem import Problem
from deploy.profile import ProfileFolder, Setting, fill
from edge_agent.sparkplug.settings import ConfigError

_SOME_FOLDER = Path("/data-folder")


def check_file(path: Path) -> str:
    """Validate one file and return its kind (`edge agent`, `gateway`, `analytics`, `line`, `profile`).

    The kind is told by its tables; a profile is checked with all its templates. Files of secrets and certificates that
    it names must be there and usable. Raises ConfigError that names file, key, value and what was expected.
    """
    kind, check = _kind(path)
    check(path)
    if kind != "profile":
        check_named_files(list(named_files(tomllib.loads(path.read_text(encoding="utf-8")), path.parent)), path)
    return kind


def _kind(path: Path) -> tuple[str, Callable[[Path], object]]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        tables = set(tomllib.loads(text))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        if placeholder := _PLACEHOLDER.search(text):
            raise ConfigError(
                f"{path}: holds {placeholder[0]}, so it is a template of a profile, not a configuration; check the "
                "profile.toml beside it, or write the value itself"
            ) from None
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


def _analytics(path: Path) -> Any:
    from analytics.config import load_config

    return load_config(path)


def _profile(path: Path) -> Any:
    try:
        source = ProfileFolder(str(path.parent))
        profile = source.load({}, complete=False)
        values = profile.values({name: port or 1 for name, port in profile.ports.items()}, _SOME_FOLDER)
        values |= {name: name for name in profile.required if values.get(name) == ""}
        for process in profile.processes:
            state = _SOME_FOLDER / "state" / process.name
            _template(source, process.name, {**values, "state": state.as_posix()})
    except Problem as problem:
        raise ConfigError(str(problem)) from None
    return profile


def _template(source: ProfileFolder, process: str, values: Mapping[str, Setting]) -> None:
    """Check one template of a profile as a start would fill it; errors name the template."""
    template = source.template_path(process)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, template.name)
        text = fill(source.template(process), values, str(template))
        path.write_text(text, encoding="utf-8")
        try:
            _kind(path)[1](path)
            # What lies in the data folder is made by the start, relative paths are meant from there.
            files = [
                file
                for file in named_files(tomllib.loads(text), Path(folder))
                if Path(file.text).is_absolute() and _SOME_FOLDER not in file.path.parents
            ]
            check_named_files(files, path)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(path), str(template))) from None


_PLACEHOLDER = re.compile(r"\$\{[a-z0-9_]+\}")
_KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "edge": ("edge agent", _edge),
    "gateway": ("gateway", _gateway),
    "analytics": ("analytics", _analytics),
    "processes": ("profile", _profile),
    "extends": ("profile", _profile),
    "line": ("line", _line),
    "opcua": ("line", _line),
    "mqtt": ("line", _line),
}
