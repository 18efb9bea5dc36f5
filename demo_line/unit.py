"""What a unit of the line is: parameters, a pure step, couplings to the rest of the line, and signals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp
from typing import Any, Generic, TypeVar

from numpy.random import Generator
from pydantic import BaseModel, ConfigDict

from demo_line.packml import Command
from demo_line.signals import Signal

ParametersT = TypeVar("ParametersT", bound="Parameters")
StateT = TypeVar("StateT")

POWER_W = "power_w"
"""Demand through which every unit tells the line's electrical power; the energy meter measures its sum."""


class Parameters(BaseModel):
    """Base of a unit's parameters; defaults are the design values, the line definition overrides them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the line does to a unit during one step.

    Attributes:
        supplies: what exactly one unit (or the line's boundary) provides, e.g. `product_flow_l_h`.
        demands: what all units ask for, added up, e.g. `compressed_air_demand_m3_min`; missing = nobody asks.
        command: PackML command of an operator or of line control.
    """

    supplies: Mapping[str, float]
    demands: Mapping[str, float]
    command: Command | None = None

    def demand(self, name: str) -> float:
        """Sum of what the units ask for under this name; 0 where nobody asks."""
        return self.demands.get(name, 0.0)


def _nothing(_state: Any) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class UnitType(Generic[ParametersT, StateT]):
    """One unit of the line; a file in `demo_line/units` defines exactly one as `UNIT`.

    Attributes:
        unit_id: equipment name, e.g. `MIX-10`.
        title: what it is, for people.
        parameters: model of its parameters with the design values as defaults.
        initial: state at the design point, so that the line is running at once.
        step: next state from parameters, state, surroundings, step length in seconds and random generator; reads no
            clock.
        signals: what its sensors show.
        reads: names of supplies that `step` looks up; the line refuses to be built when nobody provides one.
        supplies: what it provides to others, read from its state; only one unit may provide a name.
        demands: what it asks for, read from its state; equal names of several units are added up.
    """

    unit_id: str
    title: str
    parameters: type[ParametersT]
    initial: Callable[[ParametersT], StateT]
    step: Callable[[ParametersT, StateT, Surroundings, float, Generator], StateT]
    signals: tuple[Signal[StateT], ...]
    reads: tuple[str, ...] = ()
    supplies: Callable[[StateT], Mapping[str, float]] = _nothing
    demands: Callable[[StateT], Mapping[str, float]] = _nothing


def approach(value: float, target: float, dt_s: float, time_constant_s: float) -> float:
    """First-order lag over one step, exact for a constant target and stable for any step length.

    dx/dt = (target - x) / tau, so x(t + dt) = target + (x - target) exp(-dt / tau).
    """
    return target + (value - target) * exp(-dt_s / time_constant_s)
