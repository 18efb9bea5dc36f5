"""The energy meter: the line's power as a Shelly Pro 3EM reports it, over real brokers."""

import json
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from numpy.random import default_rng
from paho.mqtt.enums import CallbackAPIVersion

from demo_line.config import MqttConfig
from demo_line.energy_meter import MeterState, em_status, emdata_status, leaves, measure, notification
from demo_line.journal import Journal
from demo_line.servers.mqtt import EnergyMeter
from tests.servers import Server, eventually

S = 1_000_000_000
T0 = 1_790_000_000 * S
DEVICE = "hall/shellypro3em-test"


def measured(power_w: float, seconds: int) -> tuple[MeterState, dict[str, Any]]:
    state, rng = MeterState(), default_rng(1)
    for _ in range(seconds):
        state, phases = measure(state, power_w, 1.0, rng)
    return state, em_status(phases, state.frequency_hz)


def test_the_phases_add_up_to_the_power_of_the_line() -> None:
    """Total power is that of the units within the meter's accuracy; volts, amperes and power factor agree with it."""
    _, em = measured(22_000.0, 10)
    assert em["total_act_power"] == pytest.approx(22_000.0, rel=0.01)
    assert em["total_act_power"] == pytest.approx(sum(em[f"{p}_act_power"] for p in "abc"), abs=0.2)
    for phase in "abc":
        assert 225 < em[f"{phase}_voltage"] < 237
        assert em[f"{phase}_aprt_power"] == pytest.approx(em[f"{phase}_voltage"] * em[f"{phase}_current"], rel=0.001)
        assert em[f"{phase}_pf"] == pytest.approx(em[f"{phase}_act_power"] / em[f"{phase}_aprt_power"], abs=0.006)
        assert em[f"{phase}_freq"] == pytest.approx(50.0, abs=0.3)


def test_energy_is_the_integral_of_power() -> None:
    """An hour at 18 kW makes 18 kWh, and the total is the sum of the phases."""
    state, _ = measured(18_000.0, 3600)
    emdata = emdata_status(state.energies_wh)
    assert emdata["total_act"] == pytest.approx(18_000.0, rel=0.001)
    assert emdata["total_act"] == pytest.approx(sum(emdata[f"{p}_total_act_energy"] for p in "abc"), abs=0.02)


def test_a_notification_has_the_form_of_the_device() -> None:
    """The frame has src, dst, method and params with a time in seconds, two decimals, and the component's status."""
    _, em = measured(10_000.0, 1)
    frame = json.loads(notification(DEVICE, "NotifyStatus", T0 + 379_999_999, {"em:0": em}))
    assert list(frame) == ["src", "dst", "method", "params"]
    assert (frame["src"], frame["dst"]) == ("shellypro3em-test", f"{DEVICE}/events")
    assert frame["params"]["ts"] == 1_790_000_000.37
    status = frame["params"]["em:0"]
    assert status["id"] == 0
    assert status["n_current"] is None
    wanted = {f"{p}_{name}" for p in "abc" for name in ("current", "voltage", "act_power", "aprt_power", "pf", "freq")}
    assert wanted | {"total_current", "total_act_power", "total_aprt_power"} <= set(status)
    rows = leaves("t", T0 + 379_999_999, {"em:0": em})
    assert len(rows) == 21
    assert {row[1] for row in rows} == {T0 + 370_000_000}
    assert {row[0]: row[2] for row in rows}["t#/params/em:0/a_pf"] == status["a_pf"]


class Reader:
    """A subscriber that keeps what it was sent."""

    def __init__(self, broker: Server) -> None:
        self.messages: list[mqtt.MQTTMessage] = []
        ready: list[bool] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="reader")
        self.client.on_message = lambda _c, _u, message: self.messages.append(message)
        self.client.on_subscribe = lambda *_: ready.append(True)
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(f"{DEVICE}/#", qos=1)
        self.client.loop_start()
        eventually(lambda: ready)

    def of(self, topic: str) -> list[Any]:
        return [json.loads(message.payload) for message in self.messages if message.topic == f"{DEVICE}/{topic}"]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.servers
def test_the_meter_reports_what_it_journals(broker: Server, tmp_path: Path) -> None:
    """Full status first, then power each second and energies at their period; every journalled number arrives once."""
    reader = Reader(broker)
    with Journal(tmp_path / "j.csv") as journal:
        meter = EnergyMeter(
            MqttConfig(host=broker.host, port=broker.port, device=DEVICE, energy_period_s=5.0), default_rng(1), journal
        )
        meter.start()
        eventually(lambda: meter.connected)
        for second in range(20):
            meter.offer(T0 + second * S, 20_000.0 + second, 1.0)
        eventually(lambda: len(reader.of("events/rpc")) >= 23)
        eventually(lambda: reader.of("online") == [True])
        meter.stop()
        eventually(lambda: reader.of("online") == [True, False])
    frames = reader.of("events/rpc")
    reader.close()
    assert [frame["method"] for frame in frames[:2]] == ["NotifyFullStatus", "NotifyStatus"]
    assert {"em:0", "emdata:0"} <= set(frames[0]["params"])
    assert sum("em:0" in frame["params"] for frame in frames) == 20
    received = {
        (f"{DEVICE}/events/rpc#/params/{component}/{name}", round(frame["params"]["ts"] * 100) * 10_000_000, value)
        for frame in frames
        for component, status in frame["params"].items()
        if component != "ts"
        for name, value in status.items()
        if isinstance(value, float)
    }
    lines = [line.split(",") for line in (tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()[1:]]
    journalled = [(line[2], int(line[3]), json.loads(line[5])) for line in lines]
    assert len(journalled) == len(set(journalled))
    assert set(journalled) == received
    assert all(line[4] == "good" for line in lines)


@pytest.mark.servers
def test_the_last_will_tells_that_the_meter_is_gone(mosquitto_broker: Server, tmp_path: Path) -> None:
    """When the meter's connection breaks without a goodbye, the retained `online` turns false."""
    config = MqttConfig(host=mosquitto_broker.host, port=mosquitto_broker.port, device=DEVICE)
    meter = EnergyMeter(config, default_rng(1), None)
    meter.start()
    eventually(lambda: meter.connected)
    reader = Reader(mosquitto_broker)
    eventually(lambda: reader.of("online") == [True])
    # Another client with the same id makes the broker drop the first one, as a power cut would in the end.
    thief = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=DEVICE.replace("/", "-"))
    thief.connect(mosquitto_broker.host, mosquitto_broker.port)
    thief.loop_start()
    eventually(lambda: False in reader.of("online"))
    thief.disconnect()
    thief.loop_stop()
    meter.stop()
    reader.close()


@pytest.mark.servers
def test_a_broker_restart_is_survived(mosquitto_broker: Server, tmp_path: Path) -> None:
    """While the broker is down nothing is journalled; afterwards the meter is back by itself with a full status."""
    with Journal(tmp_path / "j.csv") as journal:
        meter = EnergyMeter(
            MqttConfig(host=mosquitto_broker.host, port=mosquitto_broker.port, device=DEVICE), default_rng(1), journal
        )
        meter.start()
        eventually(lambda: meter.connected)
        meter.offer(T0, 1000.0, 1.0)
        mosquitto_broker.kill()
        eventually(lambda: not meter.connected)
        size = (tmp_path / "j.csv").stat().st_size
        meter.offer(T0 + S, 1000.0, 1.0)
        assert (tmp_path / "j.csv").stat().st_size == size
        mosquitto_broker.start()
        reader = Reader(mosquitto_broker)
        started = time.monotonic()
        eventually(lambda: meter.connected, timeout_s=15.0)
        assert time.monotonic() - started < 15.0
        meter.offer(T0 + 2 * S, 1000.0, 1.0)
        eventually(lambda: any(frame["method"] == "NotifyFullStatus" for frame in reader.of("events/rpc")))
        meter.stop()
        reader.close()
