"""What every three-phase meter measures: volts, amperes, watts, power factor and energy of a unit or of the line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

from demo_line.draws import Draws
from demo_line.line import LineState
from demo_line.unit import approach

NOMINAL_V = 231.0
GRID = "EL-92"
"""Unit that knows what the plant takes from the grid; on a line without it, that is what all units take."""
SHARES = (0.338, 0.331, 0.331)
"""Part of the power on each phase; the single-phase loads make a small imbalance."""

_OFFSETS_V = (0.4, -0.6, 0.1)
_IDLE_VAR_SHARE = 0.06


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase as measured."""

    voltage_v: float
    current_a: float
    active_power_w: float
    apparent_power_va: float
    power_factor: float

    @property
    def reactive_power_var(self) -> float:
        """Reactive power of a load that lags."""
        return sqrt(max(self.apparent_power_va**2 - self.active_power_w**2, 0.0))


@dataclass(slots=True)
class ThreePhase:
    """The measuring part of a meter.

    Attributes:
        rated_w: size of what it measures; its motors take reactive power also when they run light.
        energies_wh, returned_wh: taken from and given to the grid since it was installed, per phase.
        voltage_v, frequency_hz: of the grid, wandering slowly.
    """

    rated_w: float
    energies_wh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    returned_wh: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    voltage_v: float = NOMINAL_V
    frequency_hz: float = 50.0

    def measure(self, powers_w: Sequence[float], dt_s: float, draws: Draws, supply: float = 1.0) -> tuple[Phase, ...]:
        """Measure one step of `dt_s` seconds at mean powers per phase.

        `supply` is the grid's voltage relative to its nominal one. Accuracy 0.2 %.
        """
        self.voltage_v = approach(self.voltage_v, NOMINAL_V, dt_s, 300.0) + 0.08 * draws.normal()
        self.frequency_hz = approach(self.frequency_hz, 50.0, dt_s, 60.0) + 0.003 * draws.normal()
        phases = tuple(
            self._phase((self.voltage_v + offset + 0.1 * draws.normal()) * supply, w * (1.0 + 0.002 * draws.normal()))
            for offset, w in zip(_OFFSETS_V, powers_w, strict=True)
        )
        for i, phase in enumerate(phases):
            counted = self.energies_wh if phase.active_power_w >= 0.0 else self.returned_wh
            counted[i] += abs(phase.active_power_w) * dt_s / 3600.0
        return phases

    def _phase(self, voltage_v: float, power_w: float) -> Phase:
        # Motors: reactive power falls far less than active power when they run light, so the power factor falls with
        # the load. A phase that carries nothing carries no reactive power either.
        if power_w == 0.0 or voltage_v <= 1.0:
            return Phase(max(voltage_v, 0.0), 0.0, 0.0, 0.0, 1.0)
        reactive_var = min(_IDLE_VAR_SHARE * self.rated_w / 3.0, 3.0 * abs(power_w)) + 0.5 * max(power_w, 0.0)
        apparent = sqrt(power_w**2 + reactive_var**2)
        return Phase(voltage_v, apparent / voltage_v, power_w, apparent, power_w / apparent)


def powers_w(state: LineState, units: Sequence[str]) -> tuple[float, float, float]:
    """Mean power of some units on each phase in the last step, in W; without units, of the whole plant at its grid.

    A unit that knows the currents of its heaters (`currents_a`, `heater_w`) loads the phases by them, so that an open
    phase shows; the rest is spread as in the whole plant. Where photovoltaics feed, the grid's power may be negative.
    """
    if not units:
        grid_w = getattr(state.units.get(GRID), "grid_w", None)
        return _spread(state.power_w if grid_w is None else grid_w)
    even_w, phases_w = 0.0, [0.0, 0.0, 0.0]
    for unit_id in units:
        even_w += state.around.power_w.get(unit_id, 0.0)
        currents_a = getattr(state.units[unit_id], "currents_a", None)
        if currents_a is not None and sum(currents_a) > 0.0:
            heater_w: float = state.units[unit_id].heater_w
            even_w -= heater_w
            for i, current_a in enumerate(currents_a):
                phases_w[i] += heater_w * current_a / sum(currents_a)
    a, b, c = (even + own for even, own in zip(_spread(even_w), phases_w, strict=True))
    return a, b, c


def _spread(watts: float) -> tuple[float, float, float]:
    a, b, c = (share * watts for share in SHARES)
    return a, b, c


def has_mains(state: LineState) -> bool:
    """Whether the plant has voltage, from the grid or the generator; a line that does not simulate it has."""
    return state.around.supplies.get("mains_on", 1.0) > 0.5


def supply_share(state: LineState) -> float:
    """Voltage relative to its nominal one; 1 on a line that does not simulate its mains."""
    return state.around.supplies.get("supply_voltage_share", 1.0)
