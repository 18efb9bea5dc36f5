"""The plain-MQTT devices: what each says of the line's state, in the form of the device that people buy."""

import base64
import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

from demo_line.config import MqttConfig
from demo_line.devices.device import Device, Message
from demo_line.devices.shelly_gen1 import Shelly3EM
from demo_line.devices.shelly_gen2 import ShellyPro3EM, leaves, notification
from demo_line.devices.tasmota import TasmotaMeter
from demo_line.devices.three_phase import powers_w
from demo_line.devices.vibration_sensor import MISSED_SHARE, PUMP, VibrationSensor
from demo_line.line import Line, LineError, LineState, load_definition
from demo_line.physics.spectra import RATE_HZ
from demo_line.physics.vibration import measure
from demo_line.physics.waveform import condition_of, features
from demo_line.servers.devices import check_units

S = 1_000_000_000
T0 = 1_790_000_000 * S


@pytest.fixture(scope="module")
def producing() -> LineState:
    """The shipped line after a minute of production."""
    line = Line(load_definition())
    state = line.start(1)
    for _ in range(60):
        line.step(state, 1.0)
    return state


@pytest.fixture
def state(producing: LineState) -> LineState:
    return deepcopy(producing)


def said(device: Device, state: LineState, seconds: int, begin_ns: int = T0) -> list[Message]:
    """What a device says in some seconds of unchanged state."""
    return [message for i in range(seconds) for message in device.step(state, begin_ns + i * S, 1.0)]


def contents(messages: Sequence[Message], topic: str) -> list[Any]:
    return [json.loads(message.payload) for message in messages if message.topic == topic]


def test_the_meter_of_the_plant_measures_what_the_grid_gives(state: LineState) -> None:
    """Total power is that of the grid within the meter's accuracy; volts, amperes and power factor agree with it."""
    messages = said(ShellyPro3EM("pro3em", (), default_rng(1)), state, 3)
    em = contents(messages, "pro3em/events/rpc")[-1]["params"]["em:0"]
    assert em["total_act_power"] == pytest.approx(state.units["EL-92"].grid_w, rel=0.01)
    assert em["total_act_power"] == pytest.approx(sum(em[f"{p}_act_power"] for p in "abc"), abs=0.2)
    for phase in "abc":
        assert 225 < em[f"{phase}_voltage"] < 237
        assert em[f"{phase}_aprt_power"] == pytest.approx(em[f"{phase}_voltage"] * em[f"{phase}_current"], rel=0.001)
        assert em[f"{phase}_pf"] == pytest.approx(em[f"{phase}_act_power"] / em[f"{phase}_aprt_power"], abs=0.006)
        assert em[f"{phase}_freq"] == pytest.approx(50.0, abs=0.3)


def test_energy_is_the_integral_of_power_in_either_direction(state: LineState) -> None:
    """An hour at 18 kW makes 18 kWh taken, an hour of sun at -9 kW makes 9 kWh given; the total is of the phases."""
    meter = ShellyPro3EM("pro3em", (), default_rng(1))
    state.units["EL-92"].grid_w = 18_000.0
    said(meter, state, 3600)
    state.units["EL-92"].grid_w = -9_000.0
    frames = contents(said(meter, state, 3601, T0 + 3600 * S), "pro3em/events/rpc")
    emdata = [frame["params"]["emdata:0"] for frame in frames if "emdata:0" in frame["params"]][-1]
    assert emdata["total_act"] == pytest.approx(18_000.0, rel=0.001)
    assert emdata["total_act_ret"] == pytest.approx(9_000.0, rel=0.02)
    assert emdata["total_act"] == pytest.approx(sum(emdata[f"{p}_total_act_energy"] for p in "abc"), abs=0.02)
    assert all(frame["params"]["em:0"]["a_pf"] < 0 for frame in frames if "em:0" in frame["params"])


def test_a_gen2_notification_has_the_form_of_the_device(state: LineState) -> None:
    """Full status first, then power and energies at their periods; times in seconds with two decimals."""
    messages = said(ShellyPro3EM("hall/pro3em", (), default_rng(1), 1.0, 5.0), state, 20)
    frames = contents(messages, "hall/pro3em/events/rpc")
    assert [frame["method"] for frame in frames[:2]] == ["NotifyFullStatus", "NotifyStatus"]
    assert list(frames[0]) == ["src", "dst", "method", "params"]
    assert (frames[0]["src"], frames[0]["dst"]) == ("pro3em", "hall/pro3em/events")
    assert sum("em:0" in frame["params"] for frame in frames) == 20
    assert sum("emdata:0" in frame["params"] for frame in frames) == 4
    em = frames[0]["params"]["em:0"]
    assert (em["id"], em["n_current"]) == (0, None)
    rows = leaves("t", T0 + 379_999_999, {"em:0": em})
    assert len(rows) == 21
    assert {row[1] for row in rows} == {T0 + 370_000_000}
    assert json.loads(notification("t", "NotifyStatus", T0 + 379_999_999, {}))["params"]["ts"] == 1_790_000_000.37


def test_a_gen1_meter_speaks_one_topic_a_value(state: LineState) -> None:
    """Everything once in a period as plain text without a time; a power at once when the compressor loads."""
    meter = Shelly3EM("shellies/shellyem3-1", ("CA-90",), default_rng(1))
    state.around.power_w["CA-90"] = 6_020.0
    first = said(meter, state, 10)
    names = {message.topic for message in first}
    values = ("power", "pf", "current", "voltage", "energy", "returned_energy", "total", "total_returned")
    assert names == {f"shellies/shellyem3-1/emeter/{i}/{name}" for i in range(3) for name in values} | {
        "shellies/shellyem3-1/announce"
    }
    assert len(first) == 25
    assert not any(message.rows for message in first), "nobody can know at which time its reader will store a value"
    powers = [float(m.payload) for m in first if m.topic.endswith("/power")]
    assert sum(powers) == pytest.approx(6_020.0, rel=0.01)
    state.around.power_w["CA-90"] = 17_200.0
    jump = said(meter, state, 1, T0 + 5 * S)
    assert [m.topic.rsplit("/", 1)[-1] for m in jump] == ["power"] * 3
    assert sum(float(m.payload) for m in jump) == pytest.approx(17_200.0, rel=0.01)


def test_a_tasmota_meter_shows_the_open_phase(state: LineState) -> None:
    """Its lists follow the currents of the shrink tunnel; an open phase carries only what is not a heater."""
    meter = TasmotaMeter("tunnel", ("SHR-60",), default_rng(1), offset_h=7.0)
    tunnel = state.units["SHR-60"]
    tunnel.currents_a, tunnel.heater_w = (20.0, 20.0, 20.0), 12_000.0
    state.around.power_w["SHR-60"] = 14_000.0
    whole = contents(said(meter, state, 1), "tele/tunnel/SENSOR")[0]
    assert whole["Time"] == datetime.fromtimestamp(T0 // S + 7 * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert sum(whole["ENERGY"]["Power"]) == pytest.approx(14_000.0, rel=0.01)
    tunnel.currents_a, tunnel.heater_w = (0.0, 17.3, 17.3), 6_000.0
    state.around.power_w["SHR-60"] = 8_000.0
    (message,) = [m for m in said(meter, state, 1, T0 + 10 * S) if m.topic == "tele/tunnel/SENSOR"]
    power = json.loads(message.payload)["ENERGY"]["Power"]
    assert power[0] == pytest.approx(2_000.0 * 0.338, rel=0.02)
    assert power[1] == pytest.approx(power[2], rel=0.02)
    rows = {row[0]: row[1:3] for row in message.rows}
    assert rows["tele/tunnel/SENSOR#/ENERGY/Power/1"] == (T0 + 10 * S, power[1])


def test_a_tasmota_meter_turns_its_day_at_midnight(state: LineState) -> None:
    """What was used today is yesterday's after midnight of its own time zone, and the total goes on."""
    meter = TasmotaMeter("tunnel", ("SHR-60",), default_rng(1), period_s=3600.0)
    state.around.power_w["SHR-60"], state.units["SHR-60"].currents_a = 10_000.0, (0.0, 0.0, 0.0)
    midnight_ns = (T0 // S // 86_400 + 1) * 86_400 * S
    said(meter, state, 3600, midnight_ns - 3600 * S)
    after = contents(said(meter, state, 3602, midnight_ns), "tele/tunnel/SENSOR")
    assert after[0]["ENERGY"]["Yesterday"] == pytest.approx(10.0, rel=0.01)
    assert after[0]["ENERGY"]["Today"] == pytest.approx(0.0, abs=0.01)
    assert after[-1]["ENERGY"]["Today"] == pytest.approx(10.0, rel=0.01)
    assert after[-1]["ENERGY"]["Total"] == pytest.approx(20.0, rel=0.01)


def test_meters_are_dark_without_mains(state: LineState) -> None:
    """A meter hangs at the mains: in an outage it says nothing and counts nothing; the battery sensor goes on."""
    meters: list[Device] = [
        ShellyPro3EM("a", (), default_rng(1)),
        Shelly3EM("b", ("CA-90",), default_rng(1)),
        TasmotaMeter("c", ("SHR-60",), default_rng(1)),
    ]
    sensor = VibrationSensor("d", default_rng(1))
    state.around.supplies["mains_on"] = 0.0
    assert [said(meter, state, 30) for meter in meters] == [[], [], []]
    assert not any(meter.powered for meter in meters)
    assert said(sensor, state, 30)
    assert sensor.powered
    state.around.supplies["mains_on"] = 1.0
    assert all(said(meter, state, 1, T0 + 60 * S) and meter.powered for meter in meters)


def test_powers_of_all_units_are_those_of_the_line_without_its_grid(state: LineState) -> None:
    """On a line without a grid connection of its own, the meter of the plant measures what all units take."""
    del state.units["EL-92"]
    assert sum(powers_w(state, ())) == pytest.approx(state.power_w)


def test_a_vibration_sensor_computes_what_the_pump_shows(state: LineState) -> None:
    """Its features are those of the pump's state, speed within 0.5 %, and the block holds the waveform they are of."""
    state.units["MIX-10"].wear = 0.3
    messages = said(VibrationSensor("vib", default_rng(3)), state, 60)
    found, (block, *_) = contents(messages, "vib/features"), contents(messages, "vib/waveform")
    expected = features(condition_of(state.units["MIX-10"]))
    mean = {name: float(np.mean([f["values"][name] for f in found])) for name in found[0]["values"]}
    assert mean["velocity_mm_s"] == pytest.approx(expected.velocity_mm_s, rel=0.1)
    assert mean["hf_g"] == pytest.approx(expected.hf_g, rel=0.1)
    assert mean["envelope_g"] == pytest.approx(expected.envelope_g, rel=0.25)
    assert mean["speed_rpm"] == pytest.approx(state.units["MIX-10"].shaft_speed_rpm, rel=0.005)
    assert (block["rate_hz"], block["count"], block["unit"], block["encoding"]) == (RATE_HZ, RATE_HZ, "g", "int16le")
    samples = np.frombuffer(base64.b64decode(block["samples"]), "<i2").astype(np.float32) * block["scale"]
    of_block = next(f for f in found if f["ts"] == block["ts"])["values"]
    ball_pass_hz = of_block["speed_rpm"] / 60.0 * 3.585
    again = measure(samples.astype(np.float32), RATE_HZ, ball_pass_hz)
    assert again.velocity_mm_s == pytest.approx(of_block["velocity_mm_s"], rel=0.02)
    assert again.envelope_g == pytest.approx(of_block["envelope_g"], rel=0.02)
    assert len(json.dumps(block)) < 40_000


def test_a_vibration_sensor_is_irregular_and_loses_messages(state: LineState) -> None:
    """Intervals scatter round the period, running numbers show what the radio lost, times are its own and grow."""
    state.units["MIX-10"].shaft_speed_rpm = 0.0
    messages = said(VibrationSensor("vib", default_rng(3), period_s=2.0, waveform_period_s=0.0), state, 1200)
    found = contents(messages, "vib/features")
    assert len(found) == len(messages)
    times, numbers = np.array([f["ts"] for f in found]), np.array([f["seq"] for f in found])
    neighbours = np.diff(numbers) == 1
    intervals = np.diff(times)[neighbours] / 1000.0
    assert intervals.mean() == pytest.approx(2.0, rel=0.05)
    assert 0.03 < intervals.std() < 0.5
    assert len({int(t) % 1000 for t in times}) > 100, "not in step with the line"
    assert 0.3 * MISSED_SHARE < 1.0 - len(found) / numbers[-1] < 3.0 * MISSED_SHARE
    assert found[0]["values"]["speed_rpm"] == found[0]["values"]["envelope_g"] == 0.0
    assert all(row[1] == f["ts"] * 1_000_000 for m, f in zip(messages, found, strict=True) for row in m.rows)


def test_a_waveform_comes_on_command(state: LineState) -> None:
    """A message on the command topic makes the sensor measure now and send its waveform once."""
    sensor = VibrationSensor("vib", default_rng(4), waveform_period_s=0.0)
    assert contents(said(sensor, state, 3), "vib/waveform") == []
    sensor.command("vib/command/waveform")
    assert len(contents(said(sensor, state, 30, T0 + 3 * S), "vib/waveform")) == 1


def test_a_dying_battery_falls_and_silences_the_sensor(state: LineState) -> None:
    """The level falls with the battery's charge; at the end the sensor has no power, and a new battery cures."""
    sensor = VibrationSensor("vib", default_rng(5))
    levels = []
    for i, charge in enumerate((1.0, 0.5, 0.1)):
        state.units[PUMP].sensor_charge = charge
        levels += [
            f["values"]["battery_pct"] for f in contents(said(sensor, state, 25, T0 + i * 25 * S), "vib/features")
        ]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 95.0
    assert levels[-1] < 10.0
    state.units[PUMP].sensor_charge = 0.0
    assert said(sensor, state, 60, T0 + 100 * S) == []
    assert not sensor.powered
    state.units[PUMP].sensor_charge = 1.0
    assert said(sensor, state, 30, T0 + 200 * S)
    assert sensor.powered


def test_equal_seeds_give_equal_messages(producing: LineState) -> None:
    """Every device is a function of its configuration, its generator, the states and the times."""

    def course(seed: int) -> list[Message]:
        devices: list[Device] = [
            ShellyPro3EM("a", (), default_rng(seed)),
            Shelly3EM("b", ("CA-90",), default_rng(seed)),
            TasmotaMeter("c", ("SHR-60",), default_rng(seed)),
            VibrationSensor("d", default_rng(seed)),
        ]
        return [message for device in devices for message in said(device, producing, 20)]

    assert course(1) == course(1)
    assert course(1) != course(2)


def test_a_device_on_a_unit_that_is_not_there_is_refused() -> None:
    """The error names the device, the unit and what there is."""
    config = MqttConfig.model_validate({"devices": [{"type": "tasmota", "topic": "t", "units": ["SHR-61"]}]})
    with pytest.raises(LineError, match=r"t measures SHR-61.*its units: SHR-60"):
        check_units(config.devices, ("SHR-60",))
    with pytest.raises(ValueError, match="same topic"):
        MqttConfig.model_validate({"devices": [{"type": "vibration_sensor", "topic": "t"}] * 2})
