"""Wireless vibration sensor on the product pump: plain JSON, a battery, a radio that loses messages.

Topics below the sensor's own: `status` (`online` or `offline`, retained), `features` about every ten seconds,
`waveform` every few minutes and after any message on `command/waveform`. Every message has a time in milliseconds and a
running number, so that a reader sees what the radio lost; speed and envelope are null where the shaft's line is hidden.
A waveform's samples are 16-bit integers, little-endian, in base64; a sample times `scale` is the acceleration in
`unit`.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from demo_line.clock import NS_PER_S
from demo_line.devices.device import NS_PER_MS, Message, Presence
from demo_line.draws import Draws
from demo_line.journal import Row
from demo_line.line import LineState
from demo_line.measurement import Quality
from demo_line.physics.bearing import BEARING_6205
from demo_line.physics.spectra import RATE_HZ
from demo_line.physics.vibration import measure, shaft_hz
from demo_line.physics.waveform import Axis, condition_of, synthesise
from demo_line.unit import approach

PUMP = "MIX-10"
"""Unit whose pump the sensor is glued to."""
RANGE_G = 16.0
SCALE_G = RANGE_G / 32_768.0
"""Acceleration of one count of a waveform."""
MISSED_SHARE = 0.015
"""Messages that the radio loses."""
_JITTER = 0.04
_NEW_BATTERY_PCT = 96.0
_MESSAGE_PCT, _WAVEFORM_PCT = 2.0e-5, 1.0e-3
"""What a message takes out of the battery: about two years at 10 s and a waveform every 10 minutes."""


def waveform_block(signal: NDArray[np.float32], axis: Axis, time_ns: int, number: int) -> dict[str, Any]:
    """Waveform message of an acceleration in g; what exceeds the sensor's range of 16 g is cut off."""
    counts = np.clip(np.round(signal / SCALE_G), -32_768, 32_767).astype("<i2")
    return {
        "ts": time_ns // NS_PER_MS,
        "seq": number,
        "axis": axis,
        "unit": "g",
        "rate_hz": RATE_HZ,
        "count": int(counts.size),
        "encoding": "int16le",
        "scale": SCALE_G,
        "samples": base64.b64encode(counts.tobytes()).decode("ascii"),
    }


def leaves(topic: str, content: Mapping[str, Any]) -> list[Row]:
    """Journal rows of a `features` message: every measured number by topic and JSON pointer, at the message's time."""
    time_ns = int(content["ts"]) * NS_PER_MS
    return [
        (f"{topic}#/values/{name}", time_ns, value, Quality.BAD if value is None else Quality.GOOD)
        for name, value in content["values"].items()
    ]


class VibrationSensor:
    """One sensor; it samples a second, computes its features itself, and sleeps.

    Args:
        topic: what its topics begin with.
        axis: direction in which it measures.
        generator: random numbers of waveforms, timing, radio and temperature.
        period_s: mean seconds between two `features`.
        waveform_period_s: seconds between two `waveform`; 0 = only on command.
    """

    def __init__(
        self,
        topic: str,
        generator: Generator,
        axis: Axis = "radial",
        period_s: float = 10.0,
        waveform_period_s: float = 600.0,
    ) -> None:
        self.presence = Presence(f"{topic}/status", b"online", b"offline")
        self.commands: Sequence[str] = (f"{topic}/command/waveform",)
        self.powered = True
        self._topic = topic
        self._axis: Axis = axis
        waves, scalars = generator.spawn(2)
        self._waves, self._draws = waves, Draws(scalars)
        self._period_s = period_s
        self._waveform_period_ns = round(waveform_period_s * NS_PER_S)
        self._due_ns: int | None = None
        self._next_waveform_ns = 0
        self._asked = False
        self._number = 0
        self._spent_pct = 0.0
        self._rssi_dbm = -61.0
        self._temperature_degc = 30.0

    def introduce(self) -> None:
        """Measure next."""
        self._due_ns = None

    def command(self, topic: str) -> None:
        """Send a waveform with the next measurement, which is now."""
        self._asked = self._asked or topic in self.commands
        self._due_ns = None

    def step(self, state: LineState, time_ns: int, dt_s: float) -> list[Message]:
        """Wake up where it is time, measure, send."""
        battery_pct = (_NEW_BATTERY_PCT - self._spent_pct) * state.units[PUMP].sensor_charge
        self.powered = battery_pct > 0.0
        self._temperature_degc = approach(self._temperature_degc, _housing_degc(state), dt_s, 300.0)
        if self._due_ns is None:
            self._due_ns = time_ns - round(dt_s * self._draws.uniform() * NS_PER_S)
        if not self.powered or self._due_ns > time_ns:
            return []
        # The sensor's own clock: somewhere within the step, to the millisecond.
        at_ns = self._due_ns // NS_PER_MS * NS_PER_MS
        pause_s = self._period_s * min(max(1.0 + _JITTER * self._draws.normal(), 0.7), 1.3)
        self._due_ns = max(at_ns + round(pause_s * NS_PER_S), time_ns - round(dt_s * NS_PER_S))
        return self._measure(state, at_ns, battery_pct)

    def _measure(self, state: LineState, at_ns: int, battery_pct: float) -> list[Message]:
        signal = synthesise(condition_of(state.units[PUMP]), self._waves, axis=self._axis)
        messages = self._sent(self._features(signal, at_ns, battery_pct))
        periodic = self._waveform_period_ns > 0 and at_ns >= self._next_waveform_ns
        if periodic or self._asked:
            self._asked = False
            self._next_waveform_ns = at_ns + self._waveform_period_ns
            self._spent_pct += _WAVEFORM_PCT
            self._number += 1
            block = waveform_block(signal, self._axis, at_ns, self._number)
            messages += self._sent(Message(f"{self._topic}/waveform", json.dumps(block).encode()))
        return messages

    def _sent(self, message: Message) -> list[Message]:
        return [] if self._draws.uniform() < MISSED_SHARE else [message]

    def _features(self, signal: NDArray[np.float32], at_ns: int, battery_pct: float) -> Message:
        turns_hz = shaft_hz(signal, RATE_HZ)
        found = measure(signal, RATE_HZ, 0.0 if turns_hz is None else turns_hz * BEARING_6205.outer_race)
        self._number += 1
        self._spent_pct += _MESSAGE_PCT
        self._rssi_dbm = approach(self._rssi_dbm, -61.0, self._period_s, 120.0) + 0.8 * self._draws.normal()
        content = {
            "ts": at_ns // NS_PER_MS,
            "seq": self._number,
            "axis": self._axis,
            "values": {
                "velocity_mm_s": round(found.velocity_mm_s, 3),
                "hf_g": round(found.hf_g, 4),
                "envelope_g": None if turns_hz is None else round(found.envelope_g, 4),
                "peak_g": round(float(np.abs(signal).max()), 3),
                "speed_rpm": None if turns_hz is None else round(60.0 * turns_hz, 1),
                "temperature_degc": round(self._temperature_degc + 0.05 * self._draws.normal(), 1),
                "battery_pct": round(battery_pct, 1),
                "rssi_dbm": round(self._rssi_dbm, 0),
            },
        }
        topic = f"{self._topic}/features"
        return Message(topic, json.dumps(content).encode(), leaves(topic, content))


def _housing_degc(state: LineState) -> float:
    """Temperature of the housing under the sensor: between the bearing's and the hall's."""
    ambient_degc = state.around.supplies["ambient_degc"]
    bearing_degc: float = state.units[PUMP].bearing_temperature_degc
    return ambient_degc + 0.8 * (bearing_degc - ambient_degc)
