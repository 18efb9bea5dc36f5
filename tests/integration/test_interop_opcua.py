"""Our OPC UA source against a `node-opcua` server: another stack, encrypted, with a user."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from edge_agent.sources.base import Reading, Source, Tag
from edge_agent.sources.build import build_source
from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from tests.integration.peers import peer, require_peers
from tests.servers import find_free_port

BASE_NS = 1_700_000_000_000_000_000


async def _eventually(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return when the condition holds; fails the test where it never does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is set by another program
            await asyncio.sleep(0.05)


class Recorder:
    """Sink that keeps what it is given."""

    def __init__(self) -> None:
        self.tags: list[Tag] = []
        self.readings: list[Reading] = []

    def declare(self, tags: Sequence[Tag]) -> Sequence[int]:
        numbers = []
        for tag in tags:
            if tag not in self.tags:
                self.tags.append(tag)
            numbers.append(self.tags.index(tag))
        return numbers

    def emit(self, readings: Sequence[Reading]) -> None:
        self.readings.extend(readings)

    def outage(self, tags: Sequence[int], from_ns: int, to_ns: int, cause: str) -> None:
        raise AssertionError(f"no outage is expected, got {cause} for {tags} from {from_ns} to {to_ns}")

    def unchanged(self, until_ns: int) -> None:
        """Take note that the source vouches for what it gave."""

    def good_values(self, metric: str) -> list[tuple[int, object]]:
        """Return (seconds since the base time, value) of the good readings of one metric."""
        number = next((index for index, tag in enumerate(self.tags) if tag.metric == metric), None)
        return [
            ((reading.time_ns - BASE_NS) // 1_000_000_000, reading.value)
            for reading in self.readings
            if reading.tag == number and reading.quality == Quality.GOOD
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
        source, sink = _source(tmp_path, port, "correct horse"), Recorder()
        task = asyncio.create_task(source.run(sink))
        try:
            await _eventually(lambda: len(sink.good_values("recipe")) >= 1, 30)
            for number in range(1, 6):  # one by one: this server samples, so a burst shows only its last value
                server.say(f"set {number}")
                await _eventually(lambda: len(sink.good_values("recipe")) == number + 1, 20)  # noqa: B023
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    expected = range(6)
    assert sink.good_values("pressure_bar") == [(number, number / 8) for number in expected]
    assert sink.good_values("strokes") == [(number, number) for number in expected]
    assert sink.good_values("offset") == [(number, -number) for number in expected]
    assert sink.good_values("running") == [(number, number % 2 == 0) for number in expected]
    assert sink.good_values("recipe") == [(number, f"recipe {number} Ж") for number in expected]
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
        source, sink = _source(tmp_path, port, password), Recorder()
        task = asyncio.create_task(source.run(sink))
        try:
            await _eventually(lambda: bool(source.status().error), 30)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    status = source.status()
    assert not sink.readings
    assert expected in (status.error + status.remedy).lower()
    assert status.remedy
