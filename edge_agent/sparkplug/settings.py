"""Configuration files: TOML into frozen models, with errors that name file, key, value and what was expected."""

import os
import stat
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Model = TypeVar("Model", bound=BaseModel)
_SHOWN_CHARACTERS = 80
_SECRET_WORDS = ("password", "token", "secret")


class ConfigError(ValueError):
    """A configuration file, or a file that it names, cannot be used; the text names the place and the remedy."""


class Settings(BaseModel):
    """Base of all configuration models: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def load_settings(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a model; raises ConfigError with one line for each thing that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from None
    return check_settings(content, model, str(path))


def check_settings(content: dict[str, Any], model: type[Model], place: str) -> Model:
    """Validate parsed content; `place` (a file name) begins every line of the ConfigError."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [f"{place}: {describe_problem(problem)}" for problem in found if not _follows(problem, found)]
        raise ConfigError("\n".join(lines)) from None


def _follows(problem: Any, found: Sequence[Any]) -> bool:
    """Whether a list is called too short only because an entry of it is wrong, which is said already."""
    place = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in found
    )


def describe_problem(problem: Any) -> str:
    """Say in one line what pydantic found: key, value (never a secret one) and expectation."""
    key = _dotted(problem["loc"]) or "the file"
    kind, message = problem["type"], problem["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"{key}: unknown key; check the spelling"
    if kind == "missing":
        return f"{key}: is missing"
    if isinstance(problem["input"], dict | list):  # a whole table says little, and may hold a secret
        return f"{key}: {message}"
    shown = repr(problem["input"])
    if any(word in key.lower() for word in _SECRET_WORDS):
        shown = "the value"
    elif len(shown) > _SHOWN_CHARACTERS:
        shown = shown[:_SHOWN_CHARACTERS] + "..."
    return f"{key} = {shown}: {message}"


def _dotted(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_secret(path: Path) -> str:
    """Return the first line of a file that only its owner may read; raises ConfigError with the remedy."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise ConfigError(
                    f"{path}: has mode {mode:04o}, so others on this machine may read the secret; "
                    f"make it private: chmod 600 {path}"
                )
            secret = file.readline().rstrip("\r\n")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; write the secret into its first line, mode 0600") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    if not secret:
        raise ConfigError(f"{path}: its first line is empty; write the secret there")
    return secret
