"""Files that a configuration names for secrets and certificates: whether they are there and can be used."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.sparkplug.settings import ConfigError, read_secret

_SECRETS = ("password_file", "token_file")
_CERTIFICATES = ("ca_file", "cert_file", "key_file")


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that a configuration names.

    Attributes:
        place: key with the tables before it, such as `sources[0].password_file`.
        key: the last part of it.
        text: as it stands in the configuration.
        path: where it is.
        partner: of a `cert_file`, the `key_file` beside it.
    """

    place: str
    key: str
    text: str
    path: Path
    partner: Path | None = None


def named_files(document: Mapping[str, Any], folder: Path) -> Iterator[NamedFile]:
    """Yield the files of secrets and certificates that a parsed configuration names; relative ones start at `folder`.

    The keys mean the same in every kind of configuration.
    """
    yield from _below(document, "", folder)


def check_named_files(files: Sequence[NamedFile], config: Path) -> None:
    """Open each file as its reader will; raises ConfigError with one line for each that cannot be used."""
    problems = []
    for file in files:
        problem = _problem(file)
        if problem is not None:
            problems.append(f"{config}: {file.place} = {file.text!r}: {problem}")
    if problems:
        raise ConfigError("\n".join(problems))


def _below(value: object, place: str, folder: Path) -> Iterator[NamedFile]:
    if isinstance(value, Mapping):
        key_file = value.get("key_file")
        partner = folder / key_file if isinstance(key_file, str) else None
        for key, inner in value.items():
            where = f"{place}.{key}" if place else str(key)
            if isinstance(inner, str) and key in (*_SECRETS, *_CERTIFICATES):
                yield NamedFile(where, key, inner, folder / inner, partner if key == "cert_file" else None)
            else:
                yield from _below(inner, where, folder)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _below(inner, f"{place}[{index}]", folder)


def _problem(file: NamedFile) -> str | None:
    try:
        if file.key in _SECRETS:
            read_secret(file.path)
        else:
            _read_certificate(file)
    except ConfigError as error:
        return str(error).removeprefix(f"{file.path}: ")
    return None


def _read_certificate(file: NamedFile) -> None:
    try:
        file.path.read_bytes()
    except FileNotFoundError:
        raise ConfigError("there is no such file; copy it there, or correct the path") from None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror}); let this user read it") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if file.key == "ca_file":
            context.load_verify_locations(file.path)
        elif file.partner is not None and file.partner.is_file():
            context.load_cert_chain(file.path, file.partner, password=_no_password)
    except PermissionError:
        return  # the key_file, which is told of by itself
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"does not belong to the key in {file.partner}; give the pair that was made") from None
        raise ConfigError(f"cannot be used ({error.reason or error}); give certificate and key as PEM text") from None


def _no_password() -> str:
    """Refuse an encrypted key: nobody could give its password to a process that starts by itself."""
    raise ConfigError("its key is encrypted; give a key without a password, readable by this user only (mode 0600)")
