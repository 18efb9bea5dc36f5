"""The line: units found in `demo_line/units`, coupled by supplies, demands and bottles as a line definition says."""

import importlib
import pkgutil
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

from numpy.random import default_rng
from pydantic import ValidationError

import demo_line.faults
import demo_line.units
from demo_line.definition import SHIPPED_DEFINITION, LineDefinition, LineError, describe, load_definition
from demo_line.draws import Draws
from demo_line.fault import Condition, Fault, begin, cure, grow
from demo_line.maintenance import Workshop, WorkState
from demo_line.maintenance.workshop import STREAM as MAINTENANCE_STREAM
from demo_line.operators import entered_reasons
from demo_line.packaging import flow
from demo_line.packml import Command, UnitMode, operate
from demo_line.plan import MODES
from demo_line.plan.schedule import Schedule
from demo_line.unit import AnyUnit, Parameters, Surroundings, UnitType, plain

__all__ = ["SHIPPED_DEFINITION", "Line", "LineDefinition", "LineError", "LineState", "discover_faults",
           "discover_units", "load_definition"]  # fmt: skip

_STREAMS = {
    "": zlib.crc32(b"faults"),
    **{name: zlib.crc32(name.encode()) for name in ("plan", "crew", MAINTENANCE_STREAM)},
}
"""Random streams that belong to the line itself."""

_PLACES = zlib.crc32(b"places")

T = TypeVar("T")


@dataclass(slots=True)
class LineState:
    """Everything that a line remembers; `copy.deepcopy` and pickle give a snapshot that goes on equally.

    Attributes:
        units: state of each unit by its id.
        around: couplings, plan, severities and events.
        draws: random numbers of each unit.
        conditions: hidden state of the faults that this run has, by name.
        energy_ws: electrical energy of each unit since the start, in watt-seconds.
        work: maintenance: parts, locks, work under way and done.
    """

    units: dict[str, Any]
    around: Surroundings
    draws: dict[str, Draws]
    conditions: dict[str, Condition] = field(default_factory=dict)
    energy_ws: dict[str, float] = field(default_factory=dict)
    work: WorkState = field(default_factory=WorkState)

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds since the start."""
        return self.around.elapsed_s

    @property
    def power_w(self) -> float:
        """Mean electrical power of all units together in the last step, in watts."""
        return sum(self.around.power_w.values())


def _modules(package: ModuleType) -> Iterable[ModuleType]:
    for module_info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        yield importlib.import_module(f"{package.__name__}.{module_info.name}")


def _defined(module: ModuleType, one: str, several: str, kind: type[T]) -> tuple[T, ...]:
    """Objects of a module that stand under either name; raises LineError for a module without."""
    found = getattr(module, several, None) or (getattr(module, one, None),)
    if not all(isinstance(item, kind) for item in found):
        path = module.__name__.replace(".", "/") + ".py"
        raise LineError(f"{path} defines no {one} = {kind.__name__}(...); add one or move the file")
    return tuple(found)


def discover_units() -> dict[str, AnyUnit]:
    """Find the units of every file in `demo_line/units`, by unit id.

    Raises LineError for a file without `UNIT` or `UNITS`, or an id used twice.
    """
    found: dict[str, AnyUnit] = {}
    for module in _modules(demo_line.units):
        for unit in _defined(module, "UNIT", "UNITS", UnitType):
            if unit.unit_id in found:
                raise LineError(f"{module.__name__}: unit id {unit.unit_id} is used twice; give it another one")
            found[unit.unit_id] = unit
    return found


def discover_faults() -> dict[str, Fault]:
    """Find the faults of every file in `demo_line/faults`, by name; raises LineError as `discover_units` does."""
    found: dict[str, Fault] = {}
    for module in _modules(demo_line.faults):
        for fault in _defined(module, "FAULT", "FAULTS", Fault):
            if fault.name in found:
                raise LineError(f"{module.__name__}: fault {fault.name} is used twice; give it another name")
            found[fault.name] = fault
    return found


class Line:
    """A line ready to be stepped; it holds no state of the simulation and reads no clock."""

    def __init__(
        self,
        definition: LineDefinition,
        available: Mapping[str, AnyUnit] | None = None,
        faults: Mapping[str, Fault] | None = None,
    ) -> None:
        available = discover_units() if available is None else available
        _check_names(definition, available)
        self.definition = definition
        self.units: dict[str, AnyUnit] = {unit_id: available[unit_id] for unit_id in definition.units}
        self.parameters: dict[str, Parameters] = {
            unit_id: _parameters(unit, definition.parameters.get(unit_id, {})) for unit_id, unit in self.units.items()
        }
        known = discover_faults() if faults is None else faults
        self.faults = {name: fault for name, fault in known.items() if fault.unit_id in ("", *self.units)}
        _check_couplings(definition, self.units)
        self.schedule = Schedule(definition.plan, definition.recipes, definition.packaging[0::2])
        machines = {unit_id: unit.machine for unit_id, unit in self.units.items() if unit.machine is not None}
        self.workshop = Workshop(definition.maintenance, machines, self.faults)
        values = {unit_id: plain(parameters) for unit_id, parameters in self.parameters.items()}
        self._machines = [
            (unit_id, capacity, values[unit_id])
            for unit_id in definition.packaging[0::2]
            if (capacity := self.units[unit_id].capacity) is not None
        ]
        self._machine_ids = [unit_id for unit_id, _, _ in self._machines]
        self._conveyors = [
            (unit_id, buffer, values[unit_id])
            for unit_id in definition.packaging[1::2]
            if (buffer := self.units[unit_id].buffer) is not None
        ]
        self._asked = dict.fromkeys((name for unit in self.units.values() for name in unit.demands), 0.0)
        self._asked |= definition.boundary_demands
        self._steps = [(unit_id, unit.step, values[unit_id], unit.power_w) for unit_id, unit in self.units.items()]

    def start(self, seed: int, start_ns: int | None = None) -> LineState:
        """Return the state at the design point, with one random stream a unit.

        So adding a unit leaves the others' random course as it was.

        Args:
            seed: decides everything that is drawn.
            start_ns: UTC nanoseconds since 1970 at which the run begins; None = as the plan says (`starts`).
        """
        draws = {unit_id: Draws(default_rng([seed, zlib.crc32(unit_id.encode())])) for unit_id in self.units}
        draws |= {name: Draws(default_rng([seed, stream])) for name, stream in _STREAMS.items()}
        units = {unit_id: unit.initial(self.parameters[unit_id]) for unit_id, unit in self.units.items()}
        plan = self.schedule.begin(self.definition.plan.start_ns if start_ns is None else start_ns, draws["plan"])
        around = Surroundings(supplies=dict(self.definition.boundary), plan=plan)
        for unit in self.units.values():
            around.supplies.update(dict.fromkeys(unit.supplies, 0.0))
        around.demands = dict(self._asked)
        around.severity = dict.fromkeys(self.faults, 0.0)
        around.places = {name: _place(seed, fault) for name, fault in self.faults.items()}
        state = LineState(units, around, draws, energy_ws=dict.fromkeys(self.units, 0.0), work=self.workshop.begin())
        for unit_id, unit in self.units.items():
            unit.announce(self.parameters[unit_id], units[unit_id], around.supplies)
        return state

    def go_live(self, state: LineState) -> None:
        """From here on somebody may look: with `always_on` in the plan the line works beyond its calendar."""
        self.schedule.go_live(state.around.plan, at_start=state.elapsed_s == 0.0)

    def add_fault(self, state: LineState, name: str, onset_s: float) -> None:
        """Let a fault begin at a simulated second; raises LineError for an unknown name or code."""
        fault = self.fault(name)
        state.conditions[fault.name] = begin(fault, onset_s, state.draws[""])

    def fault(self, name: str) -> Fault:
        """Fault by its name or code (`M1`); raises LineError for an unknown name and a code that several share."""
        wanted = name.replace("-", "_").lower()
        named = self.faults.get(wanted)
        coded = [fault for fault in self.faults.values() if fault.code and fault.code.lower() == wanted]
        if named is not None or len(coded) == 1:
            return named or coded[0]
        if coded:
            raise LineError(f"{name!r} is the code of several faults; name one: {', '.join(f.name for f in coded)}")
        known = ", ".join(
            f"{fault.name} ({fault.code})" if fault.code else fault.name for fault in self.faults.values()
        )
        raise LineError(f"no fault is called {name!r}; known faults: {known}")

    def command(self, state: LineState, unit_id: str, command: Command) -> None:
        """Give an operator's PackML command; raises LineError (unknown unit) or ValueError (locked, not accepted)."""
        unit = self.units.get(unit_id)
        if unit is None or unit.machine is None:
            raise LineError(f"{unit_id!r} takes no PackML commands; units: {', '.join(self.units)}")
        self.workshop.allow(state, unit_id, command)
        operate(unit.machine(state.units[unit_id]), command)

    def step(self, state: LineState, dt_s: float) -> None:
        """Advance everything by `dt_s` seconds, in place."""
        around, units = state.around, state.units
        around.elapsed_s += dt_s
        around.dt_s = dt_s
        known = len(around.events)
        self._follow_plan(state)
        for name, condition in state.conditions.items():
            grow(self.faults[name], condition, around.elapsed_s, dt_s, units, around.severity)
        self._move_bottles(state)
        around.demands.update(self._asked)
        draws, power, energy = state.draws, around.power_w, state.energy_ws
        for unit_id, step, parameters, power_of in self._steps:
            unit_state = units[unit_id]
            step(parameters, unit_state, around, draws[unit_id])
            if power_of is not None:
                power[unit_id] = watts = power_of(unit_state)
                energy[unit_id] += watts * dt_s
        self.workshop.step(state)
        if len(around.events) > known:
            around.events += entered_reasons(
                self.definition.plan.crew, around.events[known:], around.plan.crew, draws["crew"]
            )

    def _follow_plan(self, state: LineState) -> None:
        plan = state.around.plan
        phase = plan.phase
        self.schedule.step(plan, state.around, state.draws["plan"])
        if plan.phase is not phase:
            for unit_id in self.definition.packaging:
                machine_of = self.units[unit_id].machine
                if machine_of is not None and machine_of(state.units[unit_id]).mode is not UnitMode.MAINTENANCE:
                    machine_of(state.units[unit_id]).mode = MODES[plan.phase]
        for name in plan.progress.corrected:
            condition = state.conditions.get(name)
            if condition is not None and condition.severity > 0.0:
                cure(name, condition, state.around.severity)
        plan.progress.corrected.clear()
        while plan.progress.mistakes:
            self.add_fault(state, plan.progress.mistakes.pop(), state.elapsed_s - state.around.dt_s)

    def _move_bottles(self, state: LineState) -> None:
        around, units, draws, dt_s = state.around, state.units, state.draws, state.around.dt_s
        can = [
            capacity(parameters, units[unit_id], around, draws[unit_id])
            for unit_id, capacity, parameters in self._machines
        ]
        buffers = [buffer(parameters, units[unit_id], dt_s) for unit_id, buffer, parameters in self._conveyors]
        waiting, room, share = zip(*buffers, strict=True) if buffers else ((), (), ())
        moves = flow.solve(can, waiting, room, share)
        around.moved.update(zip(self._machine_ids, moves.bottles, strict=True))
        around.passed.update(around.moved)
        around.starved.update(zip(self._machine_ids, moves.starved, strict=True))
        around.blocked.update(zip(self._machine_ids, moves.blocked, strict=True))


def _place(seed: int, fault: Fault) -> int:
    """Which of several alike components a fault is in, whatever other faults there are."""
    return int(default_rng([seed, _PLACES, zlib.crc32(fault.name.encode())]).integers(1, fault.places + 1))


def _check_names(definition: LineDefinition, available: Mapping[str, AnyUnit]) -> None:
    known = ", ".join(available)
    for unit_id in (*definition.units, *definition.packaging):
        if unit_id not in available:
            raise LineError(f"units: {unit_id!r} is not known; known units: {known}")
    for unit_id in (*definition.parameters, *definition.packaging):
        if unit_id not in definition.units:
            raise LineError(
                f"parameters.{unit_id}: the line has no such unit; its units: {', '.join(definition.units)}"
            )


def _check_couplings(definition: LineDefinition, units: Mapping[str, AnyUnit]) -> None:
    """Refuse a line in which something is read that nobody provides, or provided twice."""
    givers = dict.fromkeys(definition.boundary, "[boundary]")
    for unit_id, unit in units.items():
        for name in unit.supplies:
            if name in givers:
                raise LineError(f"{unit_id} supplies {name}, which {givers[name]} supplies too; keep one of them")
            givers[name] = unit_id
    asked = {name for unit in units.values() for name in unit.demands} | set(definition.boundary_demands)
    for unit_id, unit in units.items():
        missing = sorted(set(unit.reads) - set(givers) - asked)
        if missing:
            raise LineError(
                f"{unit_id} reads {', '.join(missing)}, which no unit of the line supplies; "
                "add the unit or give it under [boundary]"
            )
    _check_packaging(definition, units)


def _check_packaging(definition: LineDefinition, units: Mapping[str, AnyUnit]) -> None:
    for place, unit_id in enumerate(definition.packaging):
        needed, what = ("capacity", "machine") if place % 2 == 0 else ("buffer", "conveyor")
        if getattr(units[unit_id], needed) is None:
            raise LineError(f"packaging: {unit_id} stands where a {what} must be; machines and conveyors alternate")
    if definition.packaging and len(definition.packaging) % 2 == 0:
        raise LineError(f"packaging ends with the conveyor {definition.packaging[-1]}; it must end with a machine")


def _parameters(unit: AnyUnit, values: Mapping[str, Any]) -> Parameters:
    try:
        parameters: Parameters = unit.parameters.model_validate(dict(values))
    except ValidationError as error:
        raise LineError(f"parameters.{unit.unit_id}: {describe(error)}") from error
    return parameters
