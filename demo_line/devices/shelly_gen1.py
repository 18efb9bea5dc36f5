"""Three-phase energy meter Shelly 3EM of the first generation: one topic a value, plain text, no times.

Format: Shelly Gen1 API, "MQTT support" of Shelly 3EM: `shellies/<id>/emeter/<phase>/power` in W, `voltage` in V,
`current` in A, `pf`, `total` and `total_returned` in Wh, `energy` and `returned_energy` in watt-minutes of the last
period; `shellies/<id>/online` is `true`, or `false` as last will; `shellies/announce` tells who is there.
"""

import json
from collections.abc import Iterator, Sequence

from numpy.random import Generator

from demo_line.clock import NS_PER_S
from demo_line.devices.device import Message, Presence
from demo_line.devices.three_phase import Phase, ThreePhase, has_mains, powers_w, supply_share
from demo_line.draws import Draws
from demo_line.line import LineState

_CHANGE_W, _CHANGE_SHARE = 20.0, 0.05


class Shelly3EM:
    """Reports everything once in a period, and a power at once when it has changed by more than 5 % and 20 W.

    Args:
        topic: topic prefix of the device, usually `shellies/<id>`.
        units: what it measures.
        period_s: its `mqtt_update_period`.
        generator: random numbers of grid voltage, frequency and the meter's own errors.
    """

    commands: Sequence[str] = ()

    def __init__(self, topic: str, units: Sequence[str], generator: Generator, period_s: float = 10.0) -> None:
        self.presence = Presence(f"{topic}/online")
        self.powered = True
        self._topic = topic
        self._units = units
        self._draws = Draws(generator)
        self._meter = ThreePhase(rated_w=20_000.0)
        self._period_ns = round(period_s * NS_PER_S)
        self._next_ns = 0
        self._introduced = False
        self._reported_w = [0.0, 0.0, 0.0]
        self._reported_wh = [0.0, 0.0, 0.0]

    def introduce(self) -> None:
        """Announce the device and report everything next."""
        self._introduced = False

    def command(self, topic: str) -> None:
        """Nothing: the meter takes no commands."""

    def step(self, state: LineState, time_ns: int, dt_s: float) -> list[Message]:
        """Measure and report what is due."""
        self.powered = has_mains(state)
        if not self.powered:
            return []
        phases = self._meter.measure(powers_w(state, self._units), dt_s, self._draws, supply_share(state))
        if not self._introduced or time_ns >= self._next_ns:
            messages = [] if self._introduced else [self._announcement()]
            self._introduced = True
            self._next_ns = time_ns + self._period_ns
            for number, phase in enumerate(phases):
                messages += self._everything(number, phase)
            return messages
        return [
            self._value(number, "power", f"{phase.active_power_w:.2f}")
            for number, phase in enumerate(phases)
            if self._has_changed(number, phase.active_power_w)
        ]

    def _has_changed(self, number: int, power_w: float) -> bool:
        change = abs(power_w - self._reported_w[number])
        if change <= max(_CHANGE_W, _CHANGE_SHARE * abs(self._reported_w[number])):
            return False
        self._reported_w[number] = power_w
        return True

    def _everything(self, number: int, phase: Phase) -> Iterator[Message]:
        self._reported_w[number] = phase.active_power_w
        total_wh = self._meter.energies_wh[number]
        since_wh, self._reported_wh[number] = total_wh - self._reported_wh[number], total_wh
        yield self._value(number, "power", f"{phase.active_power_w:.2f}")
        yield self._value(number, "pf", f"{phase.power_factor:.2f}")
        yield self._value(number, "current", f"{phase.current_a:.2f}")
        yield self._value(number, "voltage", f"{phase.voltage_v:.2f}")
        yield self._value(number, "energy", f"{since_wh * 60.0:.0f}")
        yield self._value(number, "returned_energy", "0")
        yield self._value(number, "total", f"{total_wh:.1f}")
        yield self._value(number, "total_returned", f"{self._meter.returned_wh[number]:.1f}")

    def _value(self, number: int, name: str, text: str) -> Message:
        return Message(f"{self._topic}/emeter/{number}/{name}", text.encode())

    def _announcement(self) -> Message:
        name = self._topic.rsplit("/", 1)[-1]
        text = {"id": name, "model": "SHEM-3", "mac": name.rsplit("-", 1)[-1], "ip": "192.168.33.1", "new_fw": False}
        return Message(f"{self._topic}/announce", json.dumps(text).encode())
