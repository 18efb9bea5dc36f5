"""The sources against the demonstration line itself: what its journal says was offered is what arrives."""

import asyncio
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from demo_line.servers.pki import own_certificate as server_certificate
from edge_agent.sources.base import Source
from edge_agent.sources.build import build_source
from edge_agent.sources.config import SourceConfig
from edge_agent.sources.opcua.pki import own_certificate as client_certificate
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from tests.integration.source_sink import KeepingSink, reading, until
from tests.servers import Server, find_free_port

pytestmark = pytest.mark.servers

CLIENT_URI = "urn:smart-factory-showroom:line-edge"
UNITS = {"EL-92", "CA-90", "SHR-60", "MIX-10"}
QUALITIES = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}


@asynccontextmanager
async def _line(folder: Path, text: str) -> AsyncIterator[None]:
    (folder / "line.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "demo_line", "serve", "--config", str(folder / "line.toml"), "--exit-with-parent"]
    with (folder / "line.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _reading(content: dict[str, Any], folder: Path) -> AsyncIterator[tuple[Source, KeepingSink]]:
    config: Any = TypeAdapter(SourceConfig).validate_python({"name": "line", "origin": "simulated", **content})
    source = build_source(config, folder)
    async with reading(source) as sink:
        yield source, sink


def _journal(path: Path) -> dict[str, list[tuple[int, Any, Quality]]]:
    rows: dict[str, list[tuple[int, Any, Quality]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            value = json.loads(row["value"]) if row["value"] else None
            rows.setdefault(row["node"], []).append((int(row["time_ns"]), value, QUALITIES[row["quality"]]))
    return rows


def _assert_complete(journal: dict[str, list[tuple[int, Any, Quality]]], sink: KeepingSink, least: int) -> None:
    """Every reading stands in the journal, in its order, and between the first and the last none is missing."""
    compared = 0
    for number, tag in enumerate(sink.tags):
        assert tag.origin is Origin.SIMULATED
        got = [(r.time_ns, r.value, r.quality) for r in sink.readings if r.tag == number]
        offered = journal[tag.address]
        begin = offered.index(got[0])
        assert offered[begin : begin + len(got)] == got
        compared += len(got)
    assert compared >= least
    # The machines' structure beside the list of signals must not appear as further devices or metrics.
    assert {tag.address for tag in sink.tags} == set(journal)


async def test_secured_line_arrives_as_journalled(tmp_path: Path) -> None:
    """With certificates, a user and every value triggering, all nodes arrive exactly as the line offered them."""
    now, port = datetime.now(UTC), find_free_port()
    server, client = tmp_path / "server", tmp_path / "client"
    of_server = server_certificate(server, "urn:smart-factory-showroom:demo-line", "127.0.0.1", now).certificate
    of_client = client_certificate(client, CLIENT_URI, now).certificate
    shutil.copy(of_server, client / "trusted")
    shutil.copy(of_client, server / "trusted")
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    text = f"""
[line]
step_s = 0.1
journal = "journal.csv"
[opcua]
port = {port}
pki_dir = "server"
namespace_padding = 3
[[opcua.users]]
name = "edge"
password_file = "password"
"""
    content = {
        "type": "opcua",
        "url": f"opc.tcp://127.0.0.1:{port}/line",
        "trigger": "status_value_timestamp",
        "user": "edge",
        "password_file": "password",
        "security": {"policy": "basic256sha256", "pki_dir": "client", "application_uri": CLIENT_URI},
        "browse": [{"root": "nsu=urn:smart-factory-showroom:line;s=Line"}],
    }
    async with _line(tmp_path, text), _reading(content, tmp_path) as (source, sink):
        await until(lambda: len(sink.readings) > 300, timeout_s=60)
        assert source.status().error == ""
        assert all(tag.description for tag in sink.tags)
    _assert_complete(_journal(tmp_path / "journal.csv"), sink, 300)
    assert sink.outages == []


async def test_devices_arrive_as_journalled(mosquitto_broker: Server, tmp_path: Path) -> None:
    """An edge that knows only topics and families reads every device of the line.

    Every number that carries a time arrives at its exact time and address.
    """
    text = f"""
[line]
step_s = 0.25
journal = "journal.csv"
[mqtt]
port = {mosquitto_broker.port}
[[mqtt.devices]]
type = "shelly_gen2"
topic = "shellyem"
period_s = 0.25
energy_period_s = 1.0
[[mqtt.devices]]
type = "shelly_gen1"
topic = "shellies/shellyem3-1"
units = ["CA-90"]
period_s = 0.5
[[mqtt.devices]]
type = "tasmota"
topic = "tunnel"
units = ["SHR-60"]
period_s = 1.0
[[mqtt.devices]]
type = "vibration_sensor"
topic = "vibration/pump"
period_s = 0.5
"""
    content = {
        "type": "mqtt",
        "broker": {"port": mosquitto_broker.port},
        "devices": [
            {"decoder": "shelly_gen2", "topic": "shellyem", "device": "EL-92"},
            {"decoder": "shelly_gen1", "topic": "shellies/shellyem3-1", "device": "CA-90"},
            {"decoder": "tasmota", "topic": "tunnel", "device": "SHR-60", "time_zone_offset_h": 0},
        ],
        "discover": [
            {
                "topic": "vibration/pump/features",
                "device": "MIX-10",
                "values": "/values",
                "time": "/ts",
                "time_unit": "ms",
            }
        ],
        "availability": [{"topic": "vibration/pump/status", "device": "MIX-10", "online": "online"}],
    }
    async with _reading(content, tmp_path) as (source, sink):
        await until(lambda: source.status().state == "connected")
        async with _line(tmp_path, text):
            await until(lambda: len(sink.readings) > 1000, timeout_s=60)
            assert source.status().error == ""
        await until(lambda: {sink.tags[r.tag].device_id for r in sink.readings if r.quality is Quality.STALE} == UNITS)
    known = _journal(tmp_path / "journal.csv")
    got: dict[str, list[tuple[int, Any, Quality]]] = {}
    for r in sink.readings:
        if r.quality is not Quality.STALE:
            got.setdefault(sink.tags[r.tag].address, []).append((r.time_ns, r.value, r.quality))
    assert {address: got.get(address) for address in known} == known
    of_gen1 = [tag for tag in sink.tags if tag.device_id == "CA-90"]
    assert {tag.metric for tag in of_gen1} >= {"emeter_0_power_w", "emeter_2_total_wh", "emeter_1_voltage_v"}
    assert len(of_gen1) == 24
    assert all(len(got[tag.address]) > 2 for tag in of_gen1)
    units = {tag.metric: tag.unit for tag in sink.tags}
    assert units["energy_power_2_w"] == "W"
    assert {"velocity_mm_s", "hf_g", "envelope_g", "battery_pct", "rssi_dbm"} <= set(units)
