"""Profiles: which processes run, who may use the broker, and the templates of their configuration files."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeGuard

from pydantic import Field

from deploy.broker import acl
from deploy.problem import Problem
from edge_agent.sparkplug.settings import ConfigError, Settings, check_settings

SHIPPED = Path(__file__).parent / "profiles"
_PLACEHOLDER = re.compile(r"\$\{([a-z_][a-z0-9_]*)\}")

Setting = str | int | float | bool
Port = Annotated[int, Field(ge=0, le=65535)]


class EdgeNodeUser(Settings):
    """Broker user of an edge agent; `reads` are topic filters of the plain-MQTT devices it reads."""

    name: str
    role: Literal["edge_node"]
    group_id: str
    edge_node_id: str
    host_id: str
    reads: tuple[str, ...] = ()

    def grant(self) -> acl.Grant:
        """Rights of this user."""
        return acl.edge_node(self.name, self.group_id, self.edge_node_id, self.host_id, self.reads)


class HostUser(Settings):
    """Broker user of a host application."""

    name: str
    role: Literal["host_application"]
    host_id: str

    def grant(self) -> acl.Grant:
        """Rights of this user."""
        return acl.host_application(self.name, self.host_id)


class DeviceUser(Settings):
    """Broker user of a plain-MQTT device that publishes below `prefix`."""

    name: str
    role: Literal["plain_device"]
    prefix: str

    def grant(self) -> acl.Grant:
        """Rights of this user."""
        return acl.plain_device(self.name, self.prefix)


User = Annotated[EdgeNodeUser | HostUser | DeviceUser, Field(discriminator="role")]


class Process(Settings):
    """One process: `python -m <module> <arguments> --config <data folder>/config/<name>.toml --exit-with-parent`.

    Attributes:
        ready: port name (`opcua`) or port name and path (`http/api/v1/health`) that tell that it does its work.
        after: names of processes that must be ready first; the broker is called `broker`.
        stops_after: names of processes that are stopped before this one, although they do not need it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    module: str
    arguments: tuple[str, ...] = ()
    ready: str | None = None
    after: tuple[str, ...] = ()
    stops_after: tuple[str, ...] = ()


class Trust(Settings):
    """OPC UA applications that accept each other's certificates: folders below `pki/` and the application URIs."""

    server: str
    server_uri: str
    client: str
    client_uri: str


class Profile(Settings):
    """Content of `profile.toml`.

    Attributes:
        description: one line for people.
        extends: profile whose values and templates are taken where this one has none.
        broker: program that is run as the broker.
        broker_program: path of that program where it is not the shipped or installed one.
        ports: by name; a taken one is replaced by a free one, unless the command line names it.
        settings: further values for the templates, changed with `--set NAME=VALUE`.
        required: settings that have no sensible default.
        home: name of the port of the first page.
        users: users of the broker; the password of each is made in `secrets/broker-<name>.password`.
        secrets: further passwords to make, in `secrets/<name>.password`.
        processes: what runs beside the broker.
        trust: OPC UA applications that know each other from the first start on.
    """

    description: str
    extends: str | None = None
    broker: Literal["nats", "mosquitto"] = "nats"
    broker_program: str | None = None
    ports: dict[str, Port] = Field(default_factory=dict)
    settings: dict[str, Setting] = Field(default_factory=dict)
    required: dict[str, str] = Field(default_factory=dict)
    home: str = "http"
    users: tuple[User, ...] = ()
    secrets: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()
    trust: tuple[Trust, ...] = ()

    def values(self, ports: Mapping[str, int], folder: Path) -> dict[str, Setting]:
        """Return what `${name}` stands for in every template."""
        numbers = {f"{name}_port": port for name, port in ports.items()}
        return {**self.settings, **numbers, "folder": folder.as_posix()}


class ProfileFolder:
    """A profile on disk: `profile.toml` and one template a process; `extends` names where missing parts come from."""

    def __init__(self, name_or_path: str) -> None:
        self.folder = _find(name_or_path)
        self.name = self.folder.name
        self._document = _read_toml(self.folder / "profile.toml")
        base = self._document.get("extends")
        self._base = None if base is None else ProfileFolder(str(base))

    def document(self) -> dict[str, object]:
        """Return the content of `profile.toml` over that of the profile it extends.

        Tables are merged one level. Lists of named tables (users, processes) are merged by name, so that one more
        machine needs only its own entries. Other values replace those below.
        """
        if self._base is None:
            return dict(self._document)
        merged = self._base.document()
        for key, value in self._document.items():
            below = merged.get(key)
            if isinstance(below, dict) and isinstance(value, dict):
                merged[key] = below | value
            elif _is_named(below) and _is_named(value):
                merged[key] = list({entry["name"]: entry for entry in [*below, *value]}.values())
            else:
                merged[key] = value
        return merged

    def load(self, settings: Mapping[str, str], *, complete: bool = True) -> Profile:
        """Return the profile with `settings` in place; raises Problem that names file, key, value and remedy.

        With complete = False settings that a start would need may be missing.
        """
        document = self.document()
        values = document.get("settings")
        values = values if isinstance(values, dict) else {}
        choices = {"broker", "broker_program"}
        for name, text in settings.items():
            if name in choices:
                document[name] = text
            elif name in values:
                values = values | {name: _converted(name, _resolved(name, text), values[name])}
            else:
                known = ", ".join(sorted(choices | set(values)))
                raise Problem(f"--set {name}: profile {self.name} has no such setting", f"it has {known}")
        document["settings"] = values
        document = _filled(document, values)
        try:
            profile = check_settings(document, Profile, str(self.folder / "profile.toml"))
        except ConfigError as error:
            raise Problem(str(error), "correct the profile") from None
        for name, why in profile.required.items():
            if complete and profile.settings.get(name) in ("", None):
                raise Problem(f"profile {self.name} needs the setting {name}: {why}", f"add --set {name}=...")
        return profile

    def template(self, process: str) -> str:
        """Return the configuration template of a process; raises Problem where there is none."""
        return self.template_path(process).read_text(encoding="utf-8")

    def template_path(self, process: str) -> Path:
        """Return the file of that template, in this folder or in that of the profile it extends."""
        path = self.folder / f"{process}.toml"
        if path.exists():
            return path
        try:
            if self._base is not None:
                return self._base.template_path(process)
        except Problem:
            pass  # named below where it would be added
        raise Problem(f"{path} is missing", f"add it: it is the configuration template of the process {process}")


def fill(template: str, values: Mapping[str, Setting], place: str) -> str:
    """Replace `${name}` in a template; text is escaped so that it may stand between double quotes in TOML.

    Raises Problem where a name has no value.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise Problem(f"{place}: ${{{name}}} has no value", f"known names are {', '.join(sorted(values))}")
        return (
            json.dumps(values[name], ensure_ascii=False)[1:-1]
            if isinstance(values[name], str)
            else str(values[name]).lower()
        )

    return _PLACEHOLDER.sub(value, template)


def shipped_names() -> list[str]:
    """Return the names of the profiles that are part of the product."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/profile.toml"))


def _find(name_or_path: str) -> Path:
    for folder in (Path(name_or_path), SHIPPED / name_or_path):
        if (folder / "profile.toml").is_file():
            return folder.resolve()
    shipped = ", ".join(shipped_names())
    raise Problem(
        f"profile {name_or_path!r} was not found",
        f"name one of {shipped}, or a folder that holds a profile.toml",
    )


def _is_named(value: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether this is a list of tables that all have a name."""
    return isinstance(value, list) and all(isinstance(entry, dict) and "name" in entry for entry in value)


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Problem(f"{path} is not valid TOML: {error}", "correct the line it names") from None


def _resolved(name: str, text: str) -> str:
    """Files named on the command line are relative to where the engineer stands, not to the data folder."""
    if not name.endswith("_file"):
        return text
    path = Path(text).resolve()
    if not path.is_file():
        raise Problem(f"--set {name}={text}: there is no such file", "give the path of an existing file")
    return path.as_posix()


def _converted(name: str, text: str, default: object) -> Setting:
    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise Problem(f"--set {name}={text}: expected true or false", f"write --set {name}=true")
        return text == "true"
    for kind in (int, float):
        if isinstance(default, kind):
            try:
                return kind(text)
            except ValueError:
                raise Problem(f"--set {name}={text}: expected a number", f"write --set {name}={default}") from None
    return text


def _filled(document: dict[str, object], values: Mapping[str, Setting]) -> dict[str, object]:
    """Put settings into the texts of the profile itself."""

    def walk(node: object) -> object:
        if isinstance(node, dict):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        if isinstance(node, str):
            return _PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), node)
        return node

    return {key: walk(value) for key, value in document.items()}
