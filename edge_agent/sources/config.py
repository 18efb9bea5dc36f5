"""Configuration of sources: models of `[[sources]]` entries."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from edge_agent.report import ReportRule
from edge_agent.sources.opcua.address import NodeAddress, parse_path
from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.settings import Settings

OriginLabel = Literal["real", "simulated", "replayed"]
TimeUnit = Literal["s", "ms", "ns", "iso"]

# Sparkplug separates topic levels by '/' and forbids the MQTT wildcards in identifiers.
DeviceName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/+#]+$")]
MetricName = Annotated[str, Field(min_length=1, max_length=500)]
TopicFilter = Annotated[str, Field(min_length=1, max_length=500)]


class PatternRule(Settings):
    """Report rule for the discovered metrics whose name matches a pattern (`*` and `?`); the first match wins."""

    metric: str = Field(min_length=1)
    rule: ReportRule


class _Discovery(Settings):
    rule: ReportRule = ReportRule()
    rules: tuple[PatternRule, ...] = ()


class _TagText(Settings):
    """What people see of a tag; where it is left out, what the source says is taken."""

    unit: str | None = None
    low: float | None = Field(None, allow_inf_nan=False)
    high: float | None = Field(None, allow_inf_nan=False)
    description: str | None = None


class _SourceConfig(Settings):
    """What every source has. `origin` has no default: a simulated number must never pass for a real one by omission."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^/+#]+$")
    origin: OriginLabel


class OpcUaTagConfig(_TagText):
    """One node as a tag; `node` is `nsu=URI;s=NAME`, `path` a browse path from the Objects folder: give one of them."""

    device: DeviceName
    metric: MetricName
    node: str | None = None
    path: str | None = None
    rule: ReportRule = ReportRule()

    @field_validator("node")
    @classmethod
    def _node_is_an_address(cls, node: str | None) -> str | None:
        return node if node is None else str(NodeAddress.parse(node))

    @field_validator("path")
    @classmethod
    def _path_is_a_browse_path(cls, path: str | None) -> str | None:
        if path is not None:
            parse_path(path)
        return path

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if (self.node is None) == (self.path is None):
            raise ValueError(f"tag {self.device}/{self.metric} needs either node or path, and not both")
        return self


class OpcUaBrowseConfig(_Discovery):
    """Discovery: every object directly below `root` is a device, every variable below it one of its metrics.

    `root` is a node (`nsu=URI;s=NAME`) or a browse path from the Objects folder.
    """

    root: str = Field(min_length=1)

    @field_validator("root")
    @classmethod
    def _root_is_an_address(cls, root: str) -> str:
        if not is_node_address(root):
            parse_path(root)
        return root


class OpcUaSecurityConfig(Settings):
    """Security of the OPC UA channel.

    Attributes:
        policy: with `none` anyone on the network can read and alter the values.
        mode: sign, or sign and encrypt.
        pki_dir: folder with `own/`, `trusted/` and `rejected/`; made where it is missing.
        application_uri: name of this client; part of its certificate.
    """

    policy: Literal["none", "basic256sha256", "aes128_sha256_rsaoaep", "aes256_sha256_rsapss"] = "none"
    mode: Literal["sign", "sign_and_encrypt"] = "sign_and_encrypt"
    pki_dir: Path | None = None
    application_uri: str = Field("urn:smart-factory-showroom:edge-agent", pattern=r"^\S+$")

    @model_validator(mode="after")
    def _secured_needs_a_folder(self) -> Self:
        if self.policy != "none" and self.pki_dir is None:
            raise ValueError(f"security policy {self.policy} needs pki_dir, a folder for certificates")
        return self


class OpcUaSourceConfig(_SourceConfig):
    """One OPC UA server.

    Attributes:
        url: endpoint, `opc.tcp://HOST:PORT/PATH`.
        publishing_interval_ms: how often the server sends what it has queued.
        sampling_interval_ms: how often the server looks at a value; 0 = as fast as it can, -1 = publishing interval.
        queue_size: values the server keeps per node between two publishings; a longer burst is a declared gap.
        trigger: `status_value_timestamp` also reports an unchanged value that has a new source timestamp.
        keepalive_s: the server is heard at least this often; silence of 1.5 times this is a lost connection.
        timeout_s: longest wait for the answer to a request.
        user, password_file: credentials; the password is the first line of the file.
        password_in_clear: allow a password on a channel that does not encrypt.
    """

    type: Literal["opcua"]
    url: str = Field(pattern=r"^opc\.tcp://[^/\s:@]+(:\d+)?(/\S*)?$")
    publishing_interval_ms: float = Field(100, ge=10, le=60_000)
    sampling_interval_ms: float = Field(0, ge=-1, le=60_000)
    queue_size: int = Field(100, ge=1, le=100_000)
    trigger: Literal["status_value", "status_value_timestamp"] = "status_value"
    keepalive_s: float = Field(2, ge=0.2, le=600)
    timeout_s: float = Field(4, ge=0.5, le=120)
    security: OpcUaSecurityConfig = OpcUaSecurityConfig()  # type: ignore[call-arg]
    user: str | None = None
    password_file: Path | None = None
    password_in_clear: bool = False
    browse: tuple[OpcUaBrowseConfig, ...] = ()
    tags: tuple[OpcUaTagConfig, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.browse and not self.tags:
            raise ValueError(f"source {self.name!r} reads nothing: give [[sources.browse]] or [[sources.tags]]")
        if (self.user is None) != (self.password_file is None):
            raise ValueError(f"source {self.name!r} needs user and password_file together")
        encrypts = self.security.policy != "none" and self.security.mode == "sign_and_encrypt"
        if self.user is not None and not encrypts and not self.password_in_clear:
            raise ValueError(
                f"source {self.name!r} would send its password unencrypted: set security.policy and mode "
                "sign_and_encrypt, or password_in_clear = true"
            )
        _require_unique((tag.device, tag.metric) for tag in self.tags)
        return self


class MqttTagConfig(_TagText):
    """One value in the messages of a topic.

    Attributes:
        topic: topic without wildcards.
        pointer: JSON pointer (RFC 6901) to the value; left out where the whole payload is the value as plain text.
        time: JSON pointer to the source time; left out where the message has none (the arrival time is used).
        time_unit: unit of that time; `iso` is ISO 8601 text.
        datatype: type on the wire; text is read as a number only where a number type is given here.
    """

    device: DeviceName
    metric: MetricName
    topic: str = Field(min_length=1, pattern=r"^[^+#]+$")
    pointer: str | None = Field(None, pattern=r"^(/.*)?$")
    time: str | None = Field(None, pattern=r"^/.*$")
    time_unit: TimeUnit = "s"
    datatype: Literal["double", "int64", "boolean", "string"]
    rule: ReportRule = ReportRule()

    @property
    def wire_type(self) -> DataType:
        """Data type in births."""
        return DataType[self.datatype.upper()]


class MqttDeviceConfig(_Discovery):
    """A device whose messages a decoder knows; its metrics are declared when they are first seen.

    Attributes:
        decoder: family of the device.
        topic: topic prefix (Shelly), or device topic without `tele/` and `/SENSOR` (Tasmota).
        time_zone_offset_h: offset of the local times that a Tasmota device sends; left out = arrival time is used.
    """

    decoder: Literal["shelly_gen1", "shelly_gen2", "tasmota"]
    topic: str = Field(min_length=1, pattern=r"^[^+#]+$")
    device: DeviceName
    time_zone_offset_h: float | None = Field(None, ge=-14, le=14)


class MqttDiscoverConfig(_Discovery):
    """Discovery in plain JSON: every key of the object at `values` is a metric of `device`, declared when first seen.

    Attributes:
        topic: topic filter; wildcards are allowed.
        values: JSON pointer to the object of values; empty = the whole message.
        time: JSON pointer to the source time; left out = arrival time.
        time_unit: unit of that time.
    """

    topic: TopicFilter
    device: DeviceName
    values: str = Field("", pattern=r"^(/.*)?$")
    time: str | None = Field(None, pattern=r"^/.*$")
    time_unit: TimeUnit = "s"


class MqttWaveformConfig(Settings):
    """Blocks of a waveform in the JSON messages of a topic: base64 of samples, published as one value each.

    Attributes:
        topic: topic without wildcards.
        unit: unit of a sample after scaling.
        samples, scale, rate: JSON pointers to the base64 text, to the factor of a sample (left out = 1) and to the
            samples a second.
        encoding: how a sample is written, little-endian.
        time, time_unit: JSON pointer to the time of the first sample, and its unit; left out = arrival time.
    """

    device: DeviceName
    metric: MetricName
    topic: str = Field(min_length=1, pattern=r"^[^+#]+$")
    unit: str = ""
    description: str = ""
    samples: str = Field("/samples", pattern=r"^/.*$")
    scale: str | None = Field(None, pattern=r"^/.*$")
    rate: str = Field("/rate_hz", pattern=r"^/.*$")
    encoding: Literal["int16", "float32"] = "int16"
    time: str | None = Field(None, pattern=r"^/.*$")
    time_unit: TimeUnit = "s"


class MqttAvailabilityConfig(Settings):
    """Topic that says whether a device is there (last will); everything but `online` turns its tags stale."""

    topic: str = Field(min_length=1, pattern=r"^[^+#]+$")
    device: DeviceName
    online: str = "true"


class MqttSourceConfig(_SourceConfig):
    """Plain-MQTT devices behind one broker.

    Attributes:
        broker: where to connect.
        qos: quality of service asked for; 1 lets the broker repeat what did not arrive.
    """

    type: Literal["mqtt"]
    broker: BrokerConfig = BrokerConfig()
    qos: Literal[0, 1] = 1
    tags: tuple[MqttTagConfig, ...] = ()
    devices: tuple[MqttDeviceConfig, ...] = ()
    discover: tuple[MqttDiscoverConfig, ...] = ()
    waveforms: tuple[MqttWaveformConfig, ...] = ()
    availability: tuple[MqttAvailabilityConfig, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not (self.tags or self.devices or self.discover or self.waveforms):
            raise ValueError(
                f"source {self.name!r} reads nothing: "
                "give [[sources.tags]], [[sources.devices]], [[sources.discover]] or [[sources.waveforms]]"
            )
        waveforms = ((waveform.device, waveform.metric) for waveform in self.waveforms)
        _require_unique((*((tag.device, tag.metric) for tag in self.tags), *waveforms))
        return self


SourceConfig = Annotated[OpcUaSourceConfig | MqttSourceConfig, Field(discriminator="type")]
"""One `[[sources]]` entry; `type` says which."""


def is_node_address(text: str) -> bool:
    """Tell a node (`nsu=URI;s=NAME`) from a browse path; raises ValueError where the namespace is given by index."""
    try:
        NodeAddress.parse(text)
    except ValueError:
        if text.startswith("ns="):
            raise
        return False
    return True


def _require_unique(names: Iterable[tuple[str, str]]) -> None:
    seen: set[tuple[str, str]] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"tag {name[0]}/{name[1]} stands twice; give it another metric name")
        seen.add(name)
