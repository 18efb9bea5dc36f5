"""Configuration of `python -m demo_line serve`: TOML -> frozen models; relative paths are relative to the file."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

from demo_line.definition import describe

APPLICATION_URI = "urn:smart-factory-showroom:demo-line"
"""Name of an OPC UA server whose configuration gives none."""


class ConfigError(ValueError):
    """A configuration file is wrong; the text names file, key, value and what was expected."""


def _resolve(value: object, info: ValidationInfo) -> object:
    folder: Path | None = (info.context or {}).get("folder")
    if folder is None or not isinstance(value, (str, Path)):
        return value
    return folder / value


RelativePath = Annotated[Path, BeforeValidator(_resolve)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineConfig(_Model):
    """What is simulated.

    Attributes:
        definition: line definition; left out = the shipped bottling line.
        alarms: table of alarms; left out = the shipped one, without the alarms of units that the line has not.
        seed: equal seeds give equal courses of the physics and of the sensors' noise.
        step_s: length of a step; source times are multiples of it.
        journal: file that receives every offered value before it is offered.
    """

    definition: RelativePath | None = None
    alarms: RelativePath | None = None
    seed: int = Field(default=1, ge=0)
    step_s: float = Field(default=1.0, ge=0.05, le=60.0)
    journal: RelativePath | None = None


Role = Literal["viewer", "trainer"]


class OpcuaUser(_Model):
    """A user; the password is the first line of a file with mode 0600.

    Attributes:
        name: name at login.
        password_file: file that holds the password.
        role: `viewer` reads; `trainer` may also call methods: faults, repairs, PackML commands, alarms, disturbances.
    """

    name: str = Field(min_length=1)
    password_file: RelativePath
    role: Role = "viewer"


Security = Literal["none", "basic256sha256"]


class OpcuaConfig(_Model):
    """One OPC UA server.

    Attributes:
        units: ids of the units it shows; left out = those that no other server shows.
        host, port: where it listens; port 0 is not possible because clients must know it.
        path: path of the endpoint URL.
        security: `basic256sha256` (sign and encrypt, certificates checked against the trust list) and/or `none`.
        anonymous: whether a client may read without a user.
        users: who may log in.
        pki_dir: own certificate and key, `trusted/` and `rejected/` peers; needed for `basic256sha256`.
        application_uri: name of this server among all OPC UA applications; part of its certificate.
        chaos: whether trainers may also make the server slow, disconnect or restart it, and spoil readings.
        namespace_uri: namespace of the nodes; clients must resolve it, its index is not stable.
        history_hours, history_mb: how long, and in how much memory, readings are kept for clients that fill a gap.
        namespace_padding: how many foreign namespaces are registered before it (to try clients out).
    """

    units: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=4840, ge=1, le=65535)
    path: str = Field(default="/line", pattern=r"^/[A-Za-z0-9_./-]*$")
    security: tuple[Security, ...] = ("basic256sha256",)
    anonymous: bool = False
    users: tuple[OpcuaUser, ...] = ()
    pki_dir: RelativePath | None = None
    application_uri: str = Field(default=APPLICATION_URI, pattern=r"^\S+$")
    namespace_uri: str = "urn:smart-factory-showroom:line"
    chaos: bool = False
    history_hours: float = Field(default=1.0, ge=0.0, le=168.0)
    history_mb: float = Field(default=16.0, ge=0.0, le=1024.0)
    namespace_padding: int = Field(default=0, ge=0, le=1000)

    @model_validator(mode="after")
    def _someone_can_connect(self) -> "OpcuaConfig":
        if not self.security:
            raise ValueError('security is empty; give "basic256sha256", "none" or both')
        if "basic256sha256" in self.security and self.pki_dir is None:
            raise ValueError("security basic256sha256 needs pki_dir, a folder for certificates")
        if not self.anonymous and not self.users:
            raise ValueError("nobody could connect: give [[opcua.users]] or anonymous = true")
        return self

    @property
    def url(self) -> str:
        """Endpoint URL."""
        return f"opc.tcp://{self.host}:{self.port}{self.path}"


class _DeviceConfig(_Model):
    topic: str = Field(pattern=r"^[^+#\s]+$")
    username: str | None = None
    password_file: RelativePath | None = None
    period_s: float = Field(default=10.0, gt=0)


class ShellyGen2Config(_DeviceConfig):
    """Energy meter Shelly Pro 3EM.

    Attributes:
        topic: topic prefix and name, as its owner set it.
        username, password_file: its credentials; left out = those of `[mqtt]`. The same for every device.
        units: ids of the units that it measures; left out = the whole plant at its grid.
        period_s, energy_period_s: seconds between two notifications of power and of energy.
    """

    type: Literal["shelly_gen2"]
    units: tuple[str, ...] = ()
    period_s: float = Field(default=1.0, gt=0)
    energy_period_s: float = Field(default=60.0, gt=0)


class ShellyGen1Config(_DeviceConfig):
    """Energy meter Shelly 3EM (Gen1); `topic` is usually `shellies/<id>`, `period_s` its `mqtt_update_period`."""

    type: Literal["shelly_gen1"]
    units: tuple[str, ...] = Field(min_length=1)


class TasmotaConfig(_DeviceConfig):
    """Energy meter with Tasmota; `topic` without `tele/`, `period_s` its `TelePeriod`, its clock at a fixed offset."""

    type: Literal["tasmota"]
    units: tuple[str, ...] = Field(min_length=1)
    time_zone_offset_h: float = Field(default=0.0, ge=-14, le=14)


class VibrationSensorConfig(_DeviceConfig):
    """Wireless vibration sensor on the product pump.

    Attributes:
        axis: direction in which it measures.
        period_s: mean seconds between two messages of features.
        waveform_period_s: seconds between two waveforms; 0 = only on command.
    """

    type: Literal["vibration_sensor"]
    axis: Literal["radial", "axial"] = "radial"
    waveform_period_s: float = Field(default=600.0, ge=0)


DeviceConfig = Annotated[
    ShellyGen2Config | ShellyGen1Config | TasmotaConfig | VibrationSensorConfig, Field(discriminator="type")
]
"""One `[[mqtt.devices]]`; `type` says what it is."""


class MqttConfig(_Model):
    """Broker that plain-MQTT devices publish to, and the devices.

    Attributes:
        host, port: the broker.
        username, password_file: credentials; the password is the first line of a file with mode 0600.
        ca_file: certificate authority for TLS; left out = no TLS.
        client_id: MQTT client id of a replayed recording; devices use their topics.
        keepalive_s: MQTT keep-alive.
        devices: what publishes, each over a connection of its own.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=1883, ge=1, le=65535)
    username: str | None = None
    password_file: RelativePath | None = None
    ca_file: RelativePath | None = None
    client_id: str | None = None
    keepalive_s: int = Field(default=10, ge=2)
    devices: tuple[DeviceConfig, ...] = ()

    @model_validator(mode="after")
    def _topics_differ(self) -> "MqttConfig":
        topics = [device.topic for device in self.devices]
        if len(set(topics)) < len(topics):
            raise ValueError(f"two devices have the same topic; give each its own: {', '.join(topics)}")
        return self


def _listed(value: object) -> object:
    """One table `[opcua]` is a list of one."""
    return (value,) if isinstance(value, dict) else value


class HistoryConfig(_Model):
    """What the line leaves behind at its first start, as if it had run before.

    Attributes:
        folder: where the files for the gateway go; a complete history there is never made again.
        days: length; 0 = none.
        fine_hours: the last hours, second by second; before them minute by minute.
    """

    folder: RelativePath
    days: float = Field(default=30.0, ge=0, le=366)
    fine_hours: float = Field(default=24.0, ge=0)


class ServeConfig(_Model):
    """Whole configuration of `serve`; without `[opcua]` or `[mqtt]` that server is not started.

    Attributes:
        line: what is simulated.
        opcua: OPC UA servers: one table `[opcua]`, or one `[[opcua]]` for each cell of the line.
        mqtt: broker of the plain-MQTT devices.
        history: what is left behind at the first start; left out = nothing.
    """

    line: LineConfig = LineConfig()
    opcua: Annotated[tuple[OpcuaConfig, ...], BeforeValidator(_listed)] = ()
    mqtt: MqttConfig | None = None
    history: HistoryConfig | None = None

    @model_validator(mode="after")
    def _serves_something(self) -> "ServeConfig":
        if not self.opcua and self.mqtt is None:
            raise ValueError("nothing is served: give [opcua], [mqtt] or both")
        return self

    @model_validator(mode="after")
    def _cells_are_apart(self) -> "ServeConfig":
        shown = [unit_id for server in self.opcua for unit_id in server.units]
        twice = sorted({unit_id for unit_id in shown if shown.count(unit_id) > 1})
        if twice:
            raise ValueError(f"opcua: {', '.join(twice)} is shown by two servers; name each unit once")
        if sum(not server.units for server in self.opcua) > 1:
            raise ValueError("opcua: several servers name no units; only one can show those that are left")
        ports = [(server.host, server.port) for server in self.opcua]
        if len(set(ports)) < len(ports):
            raise ValueError("opcua: two servers have the same port; give each its own")
        return self


def load_config(path: Path) -> ServeConfig:
    """Read a configuration file; raises ConfigError that names file, key, value and what was expected."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    try:
        return ServeConfig.model_validate(document, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(f"{path}: {describe(error)}") from error
