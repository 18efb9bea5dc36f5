"""The plain-MQTT devices at real brokers: what is journalled arrives, presence, commands, power loss."""

import json
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from demo_line.config import MqttConfig
from demo_line.devices.vibration_sensor import PUMP
from demo_line.journal import Journal
from demo_line.line import Line, LineState, load_definition
from demo_line.servers.devices import Devices
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers

S = 1_000_000_000
T0 = 1_790_000_000 * S
DEVICES = [
    {"type": "shelly_gen2", "topic": "hall/pro3em", "energy_period_s": 5.0},
    {"type": "shelly_gen1", "topic": "shellies/shellyem3-1", "units": ["CA-90"]},
    {"type": "tasmota", "topic": "tunnel", "units": ["SHR-60"], "period_s": 5.0},
    {"type": "vibration_sensor", "topic": "vib/pump", "period_s": 2.0, "waveform_period_s": 0.0},
]


@pytest.fixture(scope="module")
def producing() -> LineState:
    line = Line(load_definition())
    state = line.start(1)
    for _ in range(30):
        line.step(state, 1.0)
    return state


@pytest.fixture
def state(producing: LineState) -> LineState:
    return deepcopy(producing)


def devices(broker: Server, state: LineState, journal: Journal | None, *chosen: int) -> Devices:
    wanted = [DEVICES[i] for i in chosen] if chosen else DEVICES
    config = MqttConfig.model_validate({"host": broker.host, "port": broker.port, "devices": wanted})
    return Devices(config, tuple(state.units), 1, journal)


class Reader:
    """A subscriber that keeps what it was sent."""

    def __init__(self, broker: Server) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        ready: list[bool] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="reader")
        self.client.on_message = lambda _c, _u, message: self.messages.append(message)
        self.client.on_subscribe = lambda *_: ready.append(True)
        self.client.connect(broker.host, broker.port)
        self.client.subscribe("#", qos=1)
        self.client.loop_start()
        eventually(lambda: ready)

    def of(self, topic: str) -> list[str]:
        return [message.payload.decode() for message in self.messages if message.topic == topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def leaf(document: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def test_every_journalled_number_arrives_once(broker: Server, state: LineState, tmp_path: Path) -> None:
    """Each device comes online, says what it measures, and leaves; a row of the journal is in exactly one message."""
    reader = Reader(broker)
    with Journal(tmp_path / "j.csv") as journal:
        plant = devices(broker, state, journal)
        plant.start()
        eventually(lambda: plant.connected)
        for second in range(20):
            plant.offer(T0 + second * S, state, 1.0)
        eventually(lambda: len(reader.of("hall/pro3em/events/rpc")) >= 23)
        eventually(lambda: len(reader.of("tele/tunnel/SENSOR")) >= 4)
        eventually(lambda: len(reader.of("shellies/shellyem3-1/emeter/2/total")) >= 2)
        presence = {
            "hall/pro3em/online": ["true"], "shellies/shellyem3-1/online": ["true"],
            "tele/tunnel/LWT": ["Online"], "vib/pump/status": ["online"],
        }  # fmt: skip
        eventually(lambda: all(reader.of(topic) == words for topic, words in presence.items()))
        plant.stop()
        eventually(lambda: reader.of("vib/pump/status") == ["online", "offline"])
        eventually(lambda: reader.of("tele/tunnel/LWT") == ["Online", "Offline"])
        eventually(lambda: reader.of("hall/pro3em/online") == ["true", "false"])
    lines = [line.split(",") for line in (tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert len({(line[2], line[3]) for line in lines}) == len(lines)
    assert {line[2].partition("#")[0] for line in lines} == {
        "hall/pro3em/events/rpc", "tele/tunnel/SENSOR", "vib/pump/features",
    }  # fmt: skip
    for node in {line[2] for line in lines}:
        topic, _, pointer = node.partition("#")
        documents = [json.loads(text) for text in reader.of(topic)]
        found = [
            leaf(d, pointer)
            for d in documents
            if pointer.split("/")[2] in d.get("params", d.get("values", d.get("ENERGY", {})))
        ]
        assert found == [json.loads(line[5]) for line in lines if line[2] == node]
    reader.close()


def test_the_last_will_tells_that_a_device_is_gone(mosquitto_broker: Server, state: LineState) -> None:
    """When a device's connection breaks without a goodbye, its retained presence says so."""
    meter = devices(mosquitto_broker, state, None, 0)
    meter.start()
    eventually(lambda: meter.connected)
    reader = Reader(mosquitto_broker)
    eventually(lambda: reader.of("hall/pro3em/online") == ["true"])
    # Another client with the same id makes the broker drop the first one, as a power cut would in the end.
    thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="hall-pro3em")
    thief.connect(mosquitto_broker.host, mosquitto_broker.port)
    thief.loop_start()
    eventually(lambda: "false" in reader.of("hall/pro3em/online"))
    thief.disconnect()
    thief.loop_stop()
    meter.stop()
    reader.close()


def test_an_empty_battery_breaks_the_connection_and_a_new_one_brings_it_back(broker: Server, state: LineState) -> None:
    """The dead sensor's last will says offline; with power again it is online and measures."""
    reader = Reader(broker)
    sensor = devices(broker, state, None, 3)
    sensor.start()
    eventually(lambda: sensor.connected)
    sensor.offer(T0, state, 1.0)
    eventually(lambda: reader.of("vib/pump/status") == ["online"])
    state.units[PUMP].sensor_charge = 0.0
    sensor.offer(T0 + S, state, 1.0)
    eventually(lambda: reader.of("vib/pump/status") == ["online", "offline"])
    before = len(reader.of("vib/pump/features"))
    state.units[PUMP].sensor_charge = 1.0
    sensor.offer(T0 + 100 * S, state, 1.0)
    eventually(lambda: sensor.connected)
    sensor.offer(T0 + 101 * S, state, 1.0)
    eventually(lambda: reader.of("vib/pump/status") == ["online", "offline", "online"])
    eventually(lambda: len(reader.of("vib/pump/features")) > before)
    sensor.stop()
    reader.close()


def test_a_command_brings_a_waveform(broker: Server, state: LineState) -> None:
    """Whoever publishes on the command topic gets the block of the next measurement."""
    reader = Reader(broker)
    sensor = devices(broker, state, None, 3)
    sensor.start()
    eventually(lambda: sensor.connected)
    for second in range(3):
        sensor.offer(T0 + second * S, state, 1.0)
    eventually(lambda: reader.of("vib/pump/features"))
    assert reader.of("vib/pump/waveform") == []
    seconds = iter(range(3, 3000))

    def asked_for() -> list[str]:
        reader.client.publish("vib/pump/command/waveform", b"", qos=1)
        sensor.offer(T0 + next(seconds) * S, state, 1.0)
        return reader.of("vib/pump/waveform")

    eventually(asked_for)
    assert json.loads(reader.of("vib/pump/waveform")[0])["count"] == 12_800
    sensor.stop()
    reader.close()


def test_a_broker_restart_is_survived(mosquitto_broker: Server, state: LineState, tmp_path: Path) -> None:
    """While the broker is down nothing is journalled; afterwards the meter is back by itself with a full status."""
    with Journal(tmp_path / "j.csv") as journal:
        meter = devices(mosquitto_broker, state, journal, 0)
        meter.start()
        eventually(lambda: meter.connected)
        meter.offer(T0, state, 1.0)
        mosquitto_broker.kill()
        eventually(lambda: not meter.connected)
        size = (tmp_path / "j.csv").stat().st_size
        meter.offer(T0 + S, state, 1.0)
        assert (tmp_path / "j.csv").stat().st_size == size
        mosquitto_broker.start()
        reader = Reader(mosquitto_broker)
        started = time.monotonic()
        eventually(lambda: meter.connected, timeout_s=15.0)
        assert time.monotonic() - started < 15.0
        meter.offer(T0 + 2 * S, state, 1.0)
        eventually(lambda: any('"NotifyFullStatus"' in frame for frame in reader.of("hall/pro3em/events/rpc")))
        meter.stop()
        reader.close()
