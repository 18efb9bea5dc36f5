"""A three-phase energy meter that speaks like a Shelly Pro 3EM (Gen2 RPC notifications), as pure functions.

Format: Shelly Gen2+ API, "Notifications" (frame with `src`, `dst`, `method`, `params`; `params.ts` is Unix time in
    seconds with two decimals) and the
status of the components EM (`em:0`: volts, amperes, watts, volt-amperes, hertz) and EMData (`emdata:0`: watt-hours with
two decimals).
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from numpy.random import Generator

from demo_line.measurement import Quality
from demo_line.signals import Value
from demo_line.unit import approach

PHASES = ("a", "b", "c")
SHARES = (0.338, 0.331, 0.331)
"""Part of the line's power on each phase; the single-phase loads make a small imbalance."""

MEASURED_BEFORE_MS = 130
"""A meter is not in step with the line's controller.

What it reports, it measured this long before the line's second.
"""


@dataclass(frozen=True, slots=True)
class MeterState:
    """What the meter remembers: energies in watt-hours, and slowly wandering grid voltage and frequency."""

    energies_wh: tuple[float, float, float] = (0.0, 0.0, 0.0)
    voltage_v: float = 231.0
    frequency_hz: float = 50.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase as measured."""

    voltage_v: float
    current_a: float
    active_power_w: float
    apparent_power_va: float
    power_factor: float


def measure(state: MeterState, power_w: float, dt_s: float, rng: Generator) -> tuple[MeterState, tuple[Phase, ...]]:
    """Measure one step of `dt_s` seconds at a mean total power; returns the next state and the phases."""
    draws = rng.standard_normal(8)
    voltage = approach(state.voltage_v, 231.0, dt_s, 300.0) + 0.08 * float(draws[0])
    frequency = approach(state.frequency_hz, 50.0, dt_s, 60.0) + 0.003 * float(draws[1])
    phases = tuple(
        _phase(voltage + offset + 0.1 * float(draws[2 + i]), power_w * SHARES[i] * (1.0 + 0.002 * float(draws[5 + i])))
        for i, offset in enumerate((0.4, -0.6, 0.1))
    )
    a, b, c = (
        energy + phase.active_power_w * dt_s / 3600.0 for energy, phase in zip(state.energies_wh, phases, strict=True)
    )
    return replace(state, energies_wh=(a, b, c), voltage_v=voltage, frequency_hz=frequency), phases


def _phase(voltage_v: float, power_w: float) -> Phase:
    # Motors: reactive power falls far less than active power when they run light, so the power factor falls with
    # the load.
    reactive_var = 900.0 + 0.5 * power_w
    apparent = (power_w**2 + reactive_var**2) ** 0.5
    return Phase(voltage_v, apparent / voltage_v, power_w, apparent, power_w / apparent)


def em_status(phases: tuple[Phase, ...], frequency_hz: float) -> dict[str, Any]:
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


def emdata_status(energies_wh: tuple[float, float, float]) -> dict[str, Any]:
    """Status of component `emdata:0`; the line returns no energy to the grid."""
    status: dict[str, Any] = {"id": 0}
    for name, energy in zip(PHASES, energies_wh, strict=True):
        status[f"{name}_total_act_energy"] = round(energy, 2)
        status[f"{name}_total_act_ret_energy"] = 0.0
    status["total_act"] = round(sum(energies_wh), 2)
    status["total_act_ret"] = 0.0
    return status


def notification(device: str, method: str, time_ns: int, components: dict[str, Any]) -> bytes:
    """One RPC notification frame.

    `method` is `NotifyStatus` or `NotifyFullStatus`, the time is cut to a hundredth of a second.
    """
    source = device.rsplit("/", 1)[-1]
    params = {"ts": time_ns // 10_000_000 / 100.0, **components}
    return json.dumps(
        {"src": source, "dst": f"{device}/events", "method": method, "params": params}, separators=(",", ":")
    ).encode()


def leaves(topic: str, time_ns: int, components: dict[str, Any]) -> list[tuple[str, int, Value | None, Quality]]:
    """Journal rows of a notification.

    Every measured number by topic and JSON pointer, at the time that the frame carries.
    """
    carried_ns = time_ns // 10_000_000 * 10_000_000
    return [
        (f"{topic}#/params/{component}/{name}", carried_ns, value, Quality.GOOD)
        for component, status in components.items()
        for name, value in status.items()
        if name != "id" and isinstance(value, float)
    ]
