"""Our OPC UA source against a `node-opcua` server: another stack, encrypted, with a user."""

import shutil
from pathlib import Path

import pytest

from edge_agent.sources.base import Source
from edge_agent.sources.build import build_source
from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from tests.integration.peers import peer, require_peers
from tests.integration.source_sink import KeepingSink, reading, until
from tests.servers import find_free_port

BASE_NS = 1_700_000_000_000_000_000


def good_values(sink: KeepingSink, metric: str) -> list[tuple[int, object]]:
    """Return (seconds since the base time, value) of the good readings of one metric."""
    found = sink.of(metric)
    return [
        ((time_ns - BASE_NS) // 1_000_000_000, value) for time_ns, value, quality in found if quality == Quality.GOOD
    ]


def _source(folder: Path, port: int, password: str) -> Source:
    (folder / "password").write_text(password, encoding="utf-8")
    (folder / "password").chmod(0o600)
    config = OpcUaSourceConfig.model_validate(
        {
            "name": "foreign",
            "type": "opcua",
            "origin": "real",
            "url": f"opc.tcp://127.0.0.1:{port}/foreign",
            "security": {"policy": "basic256sha256", "mode": "sign_and_encrypt", "pki_dir": "pki"},
            "user": "operator",
            "password_file": "password",
            "browse": [{"root": "nsu=urn:foreign:plant;s=PLANT"}],
        }
    )
    return build_source(config, folder)


async def test_every_type_arrives_from_a_foreign_server(tmp_path: Path) -> None:
    """Values of five types of an encrypted node-opcua server arrive with source time, unit, range and no loss."""
    require_peers()
    port = find_free_port()
    with peer("opcua_server.mjs", str(port), str(tmp_path / "server"), "operator", "correct horse") as server:
        certificate = server.hear_event("listening", 60)["certificate"]
        trusted = tmp_path / "pki" / "trusted"
        trusted.mkdir(parents=True)
        shutil.copy(certificate, trusted / "foreign.pem")
        async with reading(_source(tmp_path, port, "correct horse")) as sink:
            await until(lambda: good_values(sink, "recipe"), 30)
            for number in range(1, 6):  # one by one: this server samples, so a burst shows only its last value
                server.say(f"set {number}")
                await until(lambda: len(good_values(sink, "recipe")) == number + 1, 20)  # noqa: B023
    expected = range(6)
    assert good_values(sink, "pressure_bar") == [(number, number / 8) for number in expected]
    assert good_values(sink, "strokes") == [(number, number) for number in expected]
    assert good_values(sink, "offset") == [(number, -number) for number in expected]
    assert good_values(sink, "running") == [(number, number % 2 == 0) for number in expected]
    assert good_values(sink, "recipe") == [(number, f"recipe {number} Ж") for number in expected]
    assert sink.outages == []
    pressure = next(tag for tag in sink.tags if tag.metric == "pressure_bar")
    assert (pressure.device_id, pressure.datatype, pressure.unit) == ("PRESS-1", DataType.DOUBLE, "bar")
    assert (pressure.low, pressure.high) == (0, 250)


@pytest.mark.parametrize(
    ("password", "trust", "expected"), [("wrong", True, "password"), ("correct horse", False, "trust")]
)
async def test_refusals_say_what_to_do(tmp_path: Path, password: str, trust: bool, expected: str) -> None:
    """A wrong password and an untrusted server each end in a status that names the cause and the remedy."""
    require_peers()
    port = find_free_port()
    with peer("opcua_server.mjs", str(port), str(tmp_path / "server"), "operator", "correct horse") as server:
        certificate = server.hear_event("listening", 60)["certificate"]
        (tmp_path / "pki" / "trusted").mkdir(parents=True)
        if trust:
            shutil.copy(certificate, tmp_path / "pki" / "trusted" / "foreign.pem")
        source = _source(tmp_path, port, password)
        async with reading(source) as sink:
            await until(lambda: source.status().error, 30)
    status = source.status()
    assert not sink.readings
    assert expected in (status.error + status.remedy).lower()
    assert status.remedy
