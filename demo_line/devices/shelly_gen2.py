"""Three-phase energy meter Shelly Pro 3EM: Gen2 RPC notifications.

Format: Shelly Gen2+ API, "Notifications" (frame with `src`, `dst`, `method`, `params`; `params.ts` is Unix time in
seconds with two decimals) and the status of the components EM (`em:0`: volts, amperes, watts, volt-amperes, hertz) and
EMData (`emdata:0`: watt-hours with two decimals).
"""

import json
from collections.abc import Sequence
from typing import Any

from numpy.random import Generator

from demo_line.clock import NS_PER_S
from demo_line.devices.device import NS_PER_MS, Message, Presence
from demo_line.devices.three_phase import Phase, ThreePhase, has_mains, powers_w, supply_share
from demo_line.draws import Draws
from demo_line.journal import Row
from demo_line.line import LineState
from demo_line.measurement import Quality

PHASES = ("a", "b", "c")
_TICK_NS = 10 * NS_PER_MS
MEASURED_BEFORE_NS = 130 * NS_PER_MS
"""A meter is not in step with the line's controller: it measured this long before the line's second."""


def em_status(phases: Sequence[Phase], frequency_hz: float) -> dict[str, Any]:
    """Status of component `em:0`, with the resolution of the device."""
    status: dict[str, Any] = {"id": 0}
    for name, phase in zip(PHASES, phases, strict=True):
        status[f"{name}_current"] = round(phase.current_a, 3)
        status[f"{name}_voltage"] = round(phase.voltage_v, 1)
        status[f"{name}_act_power"] = round(phase.active_power_w, 1)
        status[f"{name}_aprt_power"] = round(phase.apparent_power_va, 1)
        status[f"{name}_pf"] = round(phase.power_factor, 2)
        status[f"{name}_freq"] = round(frequency_hz, 1)
    status["n_current"] = None
    status["total_current"] = round(sum(phase.current_a for phase in phases), 3)
    status["total_act_power"] = round(sum(phase.active_power_w for phase in phases), 3)
    status["total_aprt_power"] = round(sum(phase.apparent_power_va for phase in phases), 3)
    status["user_calibrated_phase"] = []
    return status


def emdata_status(energies_wh: Sequence[float], returned_wh: Sequence[float]) -> dict[str, Any]:
    """Status of component `emdata:0`."""
    status: dict[str, Any] = {"id": 0}
    for name, energy, returned in zip(PHASES, energies_wh, returned_wh, strict=True):
        status[f"{name}_total_act_energy"] = round(energy, 2)
        status[f"{name}_total_act_ret_energy"] = round(returned, 2)
    status["total_act"] = round(sum(energies_wh), 2)
    status["total_act_ret"] = round(sum(returned_wh), 2)
    return status


def notification(topic: str, method: str, time_ns: int, components: dict[str, Any]) -> bytes:
    """One RPC notification frame.

    `method` is `NotifyStatus` or `NotifyFullStatus`, the time is cut to a hundredth of a second.
    """
    params = {"ts": time_ns // _TICK_NS / 100.0, **components}
    frame = {"src": topic.rsplit("/", 1)[-1], "dst": f"{topic}/events", "method": method, "params": params}
    return json.dumps(frame, separators=(",", ":")).encode()


def leaves(topic: str, time_ns: int, components: dict[str, Any]) -> list[Row]:
    """Journal rows of a notification.

    Every measured number by topic and JSON pointer, at the time that the frame carries.
    """
    carried_ns = time_ns // _TICK_NS * _TICK_NS
    return [
        (f"{topic}#/params/{component}/{name}", carried_ns, value, Quality.GOOD)
        for component, status in components.items()
        for name, value in status.items()
        if name != "id" and isinstance(value, float)
    ]


class ShellyPro3EM:
    """Reports the full status after each connection, then power and energies, each at its period.

    Args:
        topic: topic prefix and name of the device, as its owner set it.
        units: what it measures; empty = the whole plant at its grid.
        period_s, energy_period_s: seconds between two notifications of power and of energy.
        generator: random numbers of grid voltage, frequency and the meter's own errors.
    """

    commands: Sequence[str] = ()

    def __init__(
        self,
        topic: str,
        units: Sequence[str],
        generator: Generator,
        period_s: float = 1.0,
        energy_period_s: float = 60.0,
    ) -> None:
        self.presence = Presence(f"{topic}/online")
        self.powered = True
        self._topic = topic
        self._units = units
        self._draws = Draws(generator)
        self._meter = ThreePhase(rated_w=45_000.0 if not units else 20_000.0)
        self._period_ns = round(period_s * NS_PER_S)
        self._energy_period_ns = round(energy_period_s * NS_PER_S)
        self._next_power_ns = self._next_energy_ns = 0
        self._introduced = False

    def introduce(self) -> None:
        """Send the full status next."""
        self._introduced = False

    def command(self, topic: str) -> None:
        """Nothing: the meter takes no commands."""

    def step(self, state: LineState, time_ns: int, dt_s: float) -> list[Message]:
        """Measure and report what is due."""
        self.powered = has_mains(state)
        if not self.powered:
            return []
        phases = self._meter.measure(powers_w(state, self._units), dt_s, self._draws, supply_share(state))
        time_ns -= MEASURED_BEFORE_NS
        full, power_due = not self._introduced, time_ns >= self._next_power_ns
        energy_due = time_ns >= self._next_energy_ns
        if not (full or power_due or energy_due):
            return []
        em = em_status(phases, self._meter.frequency_hz)
        emdata = emdata_status(self._meter.energies_wh, self._meter.returned_wh)
        if full or power_due:
            self._next_power_ns = time_ns + self._period_ns
        if full or energy_due:
            self._next_energy_ns = time_ns + self._energy_period_ns
        if full:
            self._introduced = True
            return [self._message("NotifyFullStatus", time_ns, {"em:0": em, "emdata:0": emdata})]
        messages = [self._message("NotifyStatus", time_ns, {"em:0": em})] if power_due else []
        if energy_due:
            # The device reports each component in a frame of its own, here a hundredth of a second later.
            messages.append(self._message("NotifyStatus", time_ns + _TICK_NS, {"emdata:0": emdata}))
        return messages

    def _message(self, method: str, time_ns: int, components: dict[str, Any]) -> Message:
        topic = f"{self._topic}/events/rpc"
        return Message(
            topic, notification(self._topic, method, time_ns, components), leaves(topic, time_ns, components)
        )
