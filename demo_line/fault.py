"""What a fault is, and how its severity grows: hidden state that the physics of the units reads.

A file in `demo_line/faults` defines each fault, twin and disturbance. The severity goes from 0 (absent) to 1
(functional failure) and stands in `Surroundings.severity` under the fault's name; a unit's step turns it into physics,
a `SensorEffect` turns it into a wrong reading.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import expm1, inf
from typing import Any, Literal

from demo_line.draws import Draws

_STEEPNESS = 4.0
"""Exponential growth: the last quarter of the life carries about 65 % of the damage."""


class Kind(StrEnum):
    """Whether something is wrong with the line, or only looks so."""

    FAULT = "fault"
    TWIN = "twin"


@dataclass(frozen=True, slots=True)
class Growth:
    """How a severity grows after its onset.

    Attributes:
        law: `linear`, `exponential` (slow, then fast) or `sudden` (1 at once).
        life_h: median hours from onset to severity 1; of duty or of calendar time, as `clock` says.
        spread: standard deviation of the life's logarithm between seeds.
        clock: `duty` counts time by the fault's `duty`, `calendar` counts all time.
    """

    law: Literal["linear", "exponential", "sudden"]
    life_h: float
    spread: float = 0.2
    clock: Literal["duty", "calendar"] = "duty"

    def severity(self, used: float) -> float:
        """Severity when a share `used` of the life is over."""
        if used <= 0.0:
            return 0.0
        if self.law == "sudden" or used >= 1.0:
            return 1.0
        return used if self.law == "linear" else expm1(_STEEPNESS * used) / expm1(_STEEPNESS)


@dataclass(frozen=True, slots=True)
class SensorEffect:
    """What a fault does to one reading; it never changes the true value.

    Attributes:
        channel: e.g. `MIX-10.suction_bar`.
        kind: `offset` adds severity x amount, `scale` multiplies (1 + severity x (amount - 1)), `stuck` repeats the
            value of the onset, `spikes` adds `amount` with probability 2 % x severity, `dead` gives no reading (bad)
            from severity 1 on, `stale` stops reporting.
        amount: as the kind says, in the signal's unit.
    """

    channel: str
    kind: Literal["offset", "scale", "stuck", "spikes", "dead", "stale"]
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, twin or disturbance; a file in `demo_line/faults` defines it as `FAULT` (or several as `FAULTS`).

    Attributes:
        name: key of its severity, lower case with underscores, e.g. `pump_bearing_outer_race`.
        title: for people.
        unit_id, component, mechanism: what fails, where and how (EN 13306); empty component = nothing fails. Of a
            machine it is one of its asset's components, which everybody may browse; so which of several alike it is
            stands in the mechanism.
        growth: how the severity grows.
        places: of how many alike components one fails, e.g. 12 valves; the seed says which (`Surroundings.places`).
        code: short id of the exercise catalogue, e.g. `M1`; empty where there is none.
        kind: fault or twin.
        twin_of: name of the fault that a twin looks like.
        duty: how hard the component works now, 1 = normal production, read from the states of all units by unit id.
        rate: growth relative to normal that comes from other severities (interaction).
        removed: whether the line's own routine, such as the daily cleaning, takes it away now, read from the states of
            all units; it then grows again from nothing.
        aborts: whether its functional failure stops its unit (ABORTED), so that the crew finds it by itself.
        cures: names of the maintenance actions that remove it.
        sensor: what it does to readings.
    """

    name: str
    title: str
    unit_id: str
    component: str
    mechanism: str
    growth: Growth
    places: int = 1
    code: str = ""
    kind: Kind = Kind.FAULT
    twin_of: str = ""
    duty: Callable[[dict[str, Any]], float] = lambda _units: 1.0
    rate: Callable[[dict[str, float]], float] = lambda _severity: 1.0
    removed: Callable[[dict[str, Any]], bool] = lambda _units: False
    aborts: bool = False
    cures: tuple[str, ...] = ()
    sensor: tuple[SensorEffect, ...] = ()


@dataclass(slots=True)
class Condition:
    """Hidden state of one fault in one run.

    Attributes:
        onset_s: simulated second at which it begins; infinite = never.
        life_h: hours from onset to severity 1 in this run, drawn from the seed.
        used: share of the life that is over.
        severity: 0 absent, 1 functional failure.
        mean_duty: duty, and what other faults make of it, averaged over about a day, for the remaining life.
    """

    onset_s: float
    life_h: float
    used: float = 0.0
    severity: float = 0.0
    mean_duty: float = 1.0

    def remaining_h(self) -> float:
        """True remaining life in calendar hours under the current duty; infinite before onset or without duty."""
        if self.onset_s == inf or self.mean_duty <= 0.0:
            return inf
        return max(1.0 - self.used, 0.0) * self.life_h / self.mean_duty


def begin(fault: Fault, onset_s: float, draws: Draws) -> Condition:
    """Condition of a fault that begins at `onset_s`; its life comes from the run's seed."""
    life_h = draws.lognormal(fault.growth.life_h, fault.growth.spread)
    return Condition(onset_s, life_h)


def cure(name: str, condition: Condition, severity: dict[str, float]) -> None:
    """Take a fault away for the rest of the run."""
    condition.onset_s, condition.used, condition.severity = inf, 0.0, 0.0
    severity[name] = 0.0


def grow(
    fault: Fault, condition: Condition, elapsed_s: float, dt_s: float, units: dict[str, Any], severity: dict[str, float]
) -> None:
    """Let one step pass; `severity` gets the new value under the fault's name."""
    if condition.used > 0.0 and fault.removed(units):
        condition.used = condition.severity = severity[fault.name] = 0.0
        return
    acting_s = min(elapsed_s - condition.onset_s, dt_s)
    if acting_s <= 0.0 or condition.severity >= 1.0:
        return
    duty = fault.duty(units) if fault.growth.clock == "duty" else 1.0
    speed = duty * fault.rate(severity)
    condition.mean_duty += (speed - condition.mean_duty) * min(dt_s / 86_400.0, 1.0)
    if fault.growth.law == "sudden":
        condition.used = 1.0
    else:
        condition.used += speed * acting_s / 3600.0 / condition.life_h
    condition.severity = severity[fault.name] = fault.growth.severity(condition.used)
