"""Configuration of sources: what is wrong is named, nothing is guessed."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from edge_agent.sources import config
from edge_agent.sources.build import build_source
from edge_agent.sources.config import OpcUaSourceConfig, SourceConfig
from edge_agent.sources.opcua.address import NodeAddress, PathElement, parse_path

ADAPTER: TypeAdapter[Any] = TypeAdapter(SourceConfig)
OPCUA: dict[str, Any] = {
    "name": "cell",
    "type": "opcua",
    "origin": "simulated",
    "url": "opc.tcp://127.0.0.1:4840/line",
    "browse": [{"root": "nsu=urn:line;s=Line", "rules": [{"metric": "*_rpm", "rule": {"absolute": 5}}]}],
}
MQTT: dict[str, Any] = {
    "name": "meter",
    "type": "mqtt",
    "origin": "real",
    "tags": [{"device": "EL-92", "metric": "power_w", "topic": "meter/power", "datatype": "double"}],
}


@pytest.mark.parametrize("content", [OPCUA, MQTT], ids=["opcua", "mqtt"])
def test_building_a_source_never_connects(content: dict[str, Any], tmp_path: Path) -> None:
    """A source is built from its configuration without any server, and says that it is still connecting."""
    source = build_source(ADAPTER.validate_python(content), tmp_path)
    assert source.name == content["name"]
    assert source.status().state == "connecting"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"origin": None}, "origin"),
        ({"url": "http://127.0.0.1"}, "url"),
        ({"url": "opc.tcp://user:secret@host:4840"}, "url"),
        ({"browse": []}, "reads nothing"),
        ({"browse": [{"root": "ns=2;s=Line"}]}, "namespace by index"),
        ({"user": "edge"}, "password_file"),
        ({"user": "edge", "password_file": "p"}, "unencrypted"),
        ({"security": {"policy": "basic256sha256"}}, "pki_dir"),
        ({"security": {"policy": "basic128"}}, "policy"),
        ({"publishing_intervall_ms": 5}, "publishing_intervall_ms"),
        ({"tags": [{"device": "a", "metric": "b"}]}, "either node or path"),
        ({"tags": [{"device": "a/b", "metric": "b", "path": "x"}]}, "device"),
        ({"tags": [{"device": "a", "metric": "b", "path": "x"}] * 2}, "stands twice"),
        ({"tags": [{"device": "a", "metric": "b", "path": "/x"}]}, "empty element"),
    ],
)
def test_wrong_opcua_configuration_is_refused(change: dict[str, Any], text: str) -> None:
    """Each mistake is refused with a text that names it."""
    content = {key: value for key, value in {**OPCUA, **change}.items() if value is not None}
    with pytest.raises(ValidationError, match=text):
        ADAPTER.validate_python(content)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"tags": []}, "reads nothing"),
        ({"qos": 2}, "qos"),
        ({"tags": [{**MQTT["tags"][0], "topic": "meter/+"}]}, "topic"),
        ({"tags": [{**MQTT["tags"][0], "pointer": "values"}]}, "pointer"),
        ({"type": "modbus"}, "type"),
    ],
)
def test_wrong_mqtt_configuration_is_refused(change: dict[str, Any], text: str) -> None:
    """Each mistake is refused with a text that names it."""
    with pytest.raises(ValidationError, match=text):
        ADAPTER.validate_python({**MQTT, **change})


def test_password_needs_encryption_unless_allowed() -> None:
    """A password goes over the wire in clear only where the configuration says so."""
    content = {**OPCUA, "user": "edge", "password_file": "p", "password_in_clear": True}
    assert isinstance(ADAPTER.validate_python(content), OpcUaSourceConfig)


@given(st.text(min_size=1), st.sampled_from("sb"), st.text(min_size=1))
def test_node_addresses_round_trip(uri: str, kind: str, identifier: str) -> None:
    """Any namespace URI and identifier survive the text form."""
    address = NodeAddress(uri, kind, identifier)  # type: ignore[arg-type]
    assert NodeAddress.parse(str(address)) == address


def test_node_address_without_namespace_is_of_the_standard() -> None:
    """A node of namespace 0 needs no URI."""
    assert NodeAddress.parse("i=2258") == NodeAddress("", "i", "2258")
    with pytest.raises(ValueError, match="not a number"):
        NodeAddress.parse("i=x")


def test_browse_path_elements_carry_their_own_namespace() -> None:
    """A prefix belongs to one element, and its URI may contain slashes."""
    assert parse_path("nsu=http://a/b;Line/MIX-10/nsu=urn:x;flow") == (
        PathElement("Line", "http://a/b"),
        PathElement("MIX-10"),
        PathElement("flow", "urn:x"),
    )


README = Path(config.__file__).with_name("README.md")
SAMPLES = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("sample", SAMPLES, ids=["opcua", "mqtt"])
def test_documented_samples_are_valid(sample: str) -> None:
    """Every configuration that the README shows is accepted as it stands."""
    (source,) = tomllib.loads(sample)["sources"]
    assert ADAPTER.validate_python(source).name == source["name"]
