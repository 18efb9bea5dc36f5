"""Three-phase energy meter with Tasmota: telemetry as JSON with local times in whole seconds.

Format: Tasmota documentation, "MQTT" and "Power Monitoring": `tele/<topic>/SENSOR` with `Time` and `ENERGY`, whose
values per phase are lists; `tele/<topic>/STATE` beside it; `tele/<topic>/LWT` is `Online`, or `Offline` as last will.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from numpy.random import Generator

from demo_line.clock import NS_PER_S
from demo_line.devices.device import Message, Presence
from demo_line.devices.three_phase import Phase, ThreePhase, has_mains, powers_w, supply_share
from demo_line.draws import Draws
from demo_line.journal import Row
from demo_line.line import LineState
from demo_line.measurement import Quality

_INSTALLED = "2026-01-12T08:30:00"


def energy_of(
    phases: Sequence[Phase], frequency_hz: float, total_kwh: float, days_kwh: tuple[float, float]
) -> dict[str, Any]:
    """Object `ENERGY` with the resolution of the device; `days_kwh` are yesterday and today."""
    return {
        "TotalStartTime": _INSTALLED,
        "Total": round(total_kwh, 3),
        "Yesterday": round(days_kwh[0], 3),
        "Today": round(days_kwh[1], 3),
        "Power": [round(phase.active_power_w, 1) for phase in phases],
        "ApparentPower": [round(phase.apparent_power_va, 1) for phase in phases],
        "ReactivePower": [round(phase.reactive_power_var, 1) for phase in phases],
        "Factor": [round(phase.power_factor, 2) for phase in phases],
        "Frequency": round(frequency_hz, 2),
        "Voltage": [round(phase.voltage_v, 1) for phase in phases],
        "Current": [round(phase.current_a, 3) for phase in phases],
    }


def leaves(topic: str, time_ns: int, energy: dict[str, Any]) -> list[Row]:
    """Journal rows of a `SENSOR` message: every number by topic and JSON pointer, one for each phase."""
    rows: list[Row] = []
    for name, value in energy.items():
        if isinstance(value, list):
            rows += [(f"{topic}#/ENERGY/{name}/{i}", time_ns, item, Quality.GOOD) for i, item in enumerate(value)]
        elif isinstance(value, float):
            rows.append((f"{topic}#/ENERGY/{name}", time_ns, value, Quality.GOOD))
    return rows


class TasmotaMeter:
    """Reports state and energy once in a telemetry period.

    Args:
        topic: the device's topic, without `tele/`.
        units: what it measures.
        period_s: its `TelePeriod`.
        offset_h: its time zone, hours east of UTC.
        generator: random numbers of grid voltage, frequency and the meter's own errors.
    """

    commands: Sequence[str] = ()

    def __init__(
        self, topic: str, units: Sequence[str], generator: Generator, period_s: float = 10.0, offset_h: float = 0.0
    ) -> None:
        self.presence = Presence(f"tele/{topic}/LWT", b"Online", b"Offline")
        self.powered = True
        self._topic = topic
        self._units = units
        self._draws = Draws(generator)
        self._meter = ThreePhase(rated_w=15_000.0)
        self._period_ns = round(period_s * NS_PER_S)
        self._offset = timedelta(hours=offset_h)
        self._next_ns = 0
        self._began_ns: int | None = None
        self._connections = 0
        self._day = ""
        self._day_began_kwh = self._yesterday_kwh = 0.0

    def introduce(self) -> None:
        """Report next."""
        self._next_ns = 0
        self._connections += 1

    def command(self, topic: str) -> None:
        """Nothing: the meter takes no commands."""

    def step(self, state: LineState, time_ns: int, dt_s: float) -> list[Message]:
        """Measure and report what is due."""
        self.powered = has_mains(state)
        if not self.powered:
            return []
        phases = self._meter.measure(powers_w(state, self._units), dt_s, self._draws, supply_share(state))
        self._began_ns = time_ns if self._began_ns is None else self._began_ns
        if time_ns < self._next_ns:
            return []
        self._next_ns = time_ns + self._period_ns
        second = time_ns // NS_PER_S
        local = datetime.fromtimestamp(second, UTC) + self._offset
        stamp = local.strftime("%Y-%m-%dT%H:%M:%S")
        total_kwh = sum(self._meter.energies_wh) / 1000.0
        self._turn_day(stamp[:10], total_kwh)
        days = (self._yesterday_kwh, total_kwh - self._day_began_kwh)
        energy = energy_of(phases, self._meter.frequency_hz, total_kwh, days)
        topic = f"tele/{self._topic}/SENSOR"
        return [
            Message(f"tele/{self._topic}/STATE", self._state_of(stamp, time_ns - self._began_ns)),
            Message(
                topic, json.dumps({"Time": stamp, "ENERGY": energy}).encode(), leaves(topic, second * NS_PER_S, energy)
            ),
        ]

    def _turn_day(self, day: str, total_kwh: float) -> None:
        if self._day and day != self._day:
            self._yesterday_kwh = total_kwh - self._day_began_kwh
        if day != self._day:
            self._day, self._day_began_kwh = day, total_kwh

    def _state_of(self, stamp: str, up_ns: int) -> bytes:
        up_s = up_ns // NS_PER_S
        days, rest = divmod(up_s, 86_400)
        quality = round(min(max(78.0 + 2.0 * self._draws.normal(), 0.0), 100.0))
        wifi = {
            "AP": 1,
            "SSId": "hall",
            "Channel": 6,
            "Mode": "11n",
            "RSSI": quality,
            "Signal": round(quality / 2 - 100),
        }
        status = {
            "Time": stamp,
            "Uptime": f"{days}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}",
            "UptimeSec": up_s,
            "Heap": 24,
            "SleepMode": "Dynamic",
            "Sleep": 50,
            "LoadAvg": 19,
            "MqttCount": self._connections,
            "Wifi": wifi,
        }
        return json.dumps(status).encode()
