"""What a unit of the line is: parameters, a state that its step changes, couplings to the rest of the line, signals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from math import exp, nan
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from demo_line.draws import Draws
from demo_line.packml import Machine
from demo_line.plan import PlanState
from demo_line.signals import Signal

ParametersT = TypeVar("ParametersT", bound="Parameters")
StateT = TypeVar("StateT")


class Parameters(BaseModel):
    """Base of a unit's parameters; defaults are the design values, the line definition overrides them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def plain(parameters: Parameters) -> Any:
    """The same values in a plain record, whose attributes a step reads four times as fast as those of a model.

    Properties, by which a unit's parameters say what follows from the design values, are worked out here once.
    """
    names = _names(type(parameters))
    return _record(type(parameters).__name__, names)(*(getattr(parameters, name) for name in names))


def _names(kind: type[Parameters]) -> tuple[str, ...]:
    """Names of the fields and properties of a unit's parameters."""
    own = [cls for cls in kind.__mro__ if issubclass(cls, Parameters) and cls is not Parameters]
    derived = {name for cls in own for name, value in vars(cls).items() if isinstance(value, property)}
    return (*kind.model_fields, *sorted(derived))


@cache
def _record(name: str, names: tuple[str, ...]) -> Callable[..., Any]:
    return make_dataclass(name, names, slots=True)


class Event(NamedTuple):
    """Something that happened, for the log of events.

    Attributes:
        elapsed_s: simulated seconds since the start.
        unit_id: where; empty for the line.
        kind: e.g. `stop`, `resume`, `order`, `lot`, `changeover`, `alarm`.
        text: for people, e.g. the reason of a stop.
        fields: numbers and names that belong to it; JSON-able.
    """

    elapsed_s: float
    unit_id: str
    kind: str
    text: str
    fields: Mapping[str, float | int | str | bool] = {}


class Bottle(NamedTuple):
    """Record of one bottle when it has left the line or was rejected (fine solver only): the trace.

    Times are simulated seconds since the start; NaN where the bottle did not come. `holding_degc` is what the sensor of
    the critical control point showed, not the truth.
    """

    number: int
    lot: str
    recipe: str
    valve: int
    head: int
    filled_s: float
    checked_s: float
    labelled_s: float
    bundled_s: float
    palletised_s: float
    fill_g: float
    torque_nm: float
    holding_degc: float
    fill_degc: float
    verdict: str


@dataclass(slots=True)
class BottleInWork:
    """What is known of a bottle on its way through the line; attributes as those of `Bottle`."""

    number: int
    lot: str
    recipe: str
    valve: int
    head: int
    filled_s: float
    fill_g: float
    torque_nm: float
    holding_degc: float
    fill_degc: float
    checked_s: float = nan
    labelled_s: float = nan
    bundled_s: float = nan

    def leave(self, verdict: str, palletised_s: float = nan) -> Bottle:
        """Record of the bottle when it leaves the line, palletised or rejected."""
        return Bottle(
            self.number,
            self.lot,
            self.recipe,
            self.valve,
            self.head,
            self.filled_s,
            self.checked_s,
            self.labelled_s,
            self.bundled_s,
            palletised_s,
            self.fill_g,
            self.torque_nm,
            self.holding_degc,
            self.fill_degc,
            verdict,
        )


@dataclass(slots=True)
class Surroundings:
    """What the rest of the line does to a unit during one step; one object for the whole line.

    Units are stepped in the order of the line definition. A unit sees this step's values of those before it and the
    last step's values of those behind it.

    Attributes:
        elapsed_s: simulated seconds since the start, at the end of the step.
        dt_s: length of the step in seconds.
        supplies: what exactly one unit (or the line's boundary) provides, e.g. `compressed_air_bar`.
        demands: what all units ask for, added up during the step, e.g. `compressed_air_m3_min`.
        severity: of every fault and twin in `demo_line/faults`, by name: 0 absent, 1 functional failure.
        places: which of several alike components each fault is in, from 1 on, by the fault's name; the seed chooses.
        plan: what the line is to do now.
        moved: bottles that each packaging machine moves in this step, by unit id.
        passed: of these, what goes on downstream (set by machines that reject).
        carried: bottles with a record that a packaging machine takes in this step, by unit id; what it leaves in the
            list goes on downstream (fine solver only).
        starved, blocked: packaging machines that moved less than they could, by unit id.
        power_w: electrical power of each unit so far in this step (of the last step for units that come later).
        events, bottles: what units append.
    """

    elapsed_s: float = 0.0
    dt_s: float = 1.0
    supplies: dict[str, float] = field(default_factory=dict)
    demands: dict[str, float] = field(default_factory=dict)
    severity: dict[str, float] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    plan: PlanState = field(default_factory=PlanState)
    moved: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    carried: dict[str, list[BottleInWork]] = field(default_factory=dict)
    starved: dict[str, bool] = field(default_factory=dict)
    blocked: dict[str, bool] = field(default_factory=dict)
    power_w: dict[str, float] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    bottles: list[Bottle] = field(default_factory=list)


class Buffer(NamedTuple):
    """What a conveyor offers to the machines at its ends.

    Attributes:
        waiting: bottles at its end.
        room: places that are free.
        share: of the bottles that come in the step, the share that reaches its end in time.
    """

    waiting: int
    room: int
    share: float


@dataclass(frozen=True, slots=True)
class UnitType(Generic[ParametersT, StateT]):
    """One unit of the line; a file in `demo_line/units` defines exactly one (or several alike) as `UNIT` or `UNITS`.

    Attributes:
        unit_id: equipment name, e.g. `MIX-10`.
        title: what it is, for people.
        parameters: model of its parameters with the design values as defaults.
        initial: state at the design point, so that the line is running at once.
        step: changes the state by one step of `around.dt_s` seconds (1 in the fine solver, 60 in the coarse one);
            adds what the unit asks for to `around.demands`, sets what it provides in `around.supplies`; reads no clock.
        signals: what its sensors show.
        truth: hidden quantities, recorded apart from the signals: component states, flows, balances.
        power_w: mean electrical power in the step, read from the state.
        machine: where its PackML state machine is in the state; None where it has none.
        reads: names of supplies and demands that `step` looks up; a line in which nobody provides one is refused.
        supplies: names of what it provides; only one unit may provide a name.
        demands: names of what it asks for; equal names of several units are added up.
        capacity: for a packaging machine: bottles it could move in the step; called before all steps.
        buffer: for a conveyor: what waits and what has room, before a step of so many seconds.
        announce: sets what the unit supplies before the first step, from its initial state.
    """

    unit_id: str
    title: str
    parameters: type[ParametersT]
    initial: Callable[[ParametersT], StateT]
    step: Callable[[ParametersT, StateT, Surroundings, Draws], None]
    signals: tuple[Signal[StateT], ...]
    truth: tuple[Signal[StateT], ...] = ()
    power_w: Callable[[StateT], float] | None = None
    machine: Callable[[StateT], Machine] | None = None
    reads: tuple[str, ...] = ()
    supplies: tuple[str, ...] = ()
    demands: tuple[str, ...] = ()
    capacity: Callable[[ParametersT, StateT, Surroundings, Draws], int] | None = None
    buffer: Callable[[ParametersT, StateT, float], Buffer] | None = None
    announce: Callable[[ParametersT, StateT, dict[str, float]], None] = lambda _p, _s, _supplies: None


AnyUnit = UnitType[Any, Any]


def approach(value: float, target: float, dt_s: float, time_constant_s: float) -> float:
    """First-order lag over one step, exact for a constant target and stable for any step length.

    dx/dt = (target - x) / tau, so x(t + dt) = target + (x - target) exp(-dt / tau).
    """
    return target + (value - target) * exp(-dt_s / time_constant_s)
