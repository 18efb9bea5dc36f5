"""The line: units found in `demo_line/units`, coupled by supplies and demands as a line definition says."""

import importlib
import pkgutil
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.random import Generator, default_rng
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import demo_line.units
from demo_line.packml import Command
from demo_line.unit import POWER_W, Parameters, Surroundings, UnitType

SHIPPED_DEFINITION = Path(__file__).parent / "scenarios" / "bottling.toml"

AnyUnit = UnitType[Any, Any]


class LineError(ValueError):
    """The line cannot be built; the text names the place, the value and the remedy."""


class LineDefinition(BaseModel):
    """Line definition as written in TOML.

    Attributes:
        name: name of the line, for people.
        units: ids of the units it consists of; left out = every unit found in `demo_line/units`.
        boundary: supplies that come from outside the line, by name (e.g. `ambient_degc`).
        boundary_demands: demands of consumers outside the line, by name.
        parameters: per unit id, values that replace the design values of its parameters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    units: tuple[str, ...] | None = None
    boundary: dict[str, float] = Field(default_factory=dict)
    boundary_demands: dict[str, float] = Field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LineState:
    """State of the whole line at one moment.

    Attributes:
        elapsed_s: simulated seconds since the start.
        units: state of each unit by its id.
        supplies, demands: the couplings that the units produced in the last step.
    """

    elapsed_s: float
    units: Mapping[str, Any]
    supplies: Mapping[str, float]
    demands: Mapping[str, float]

    @property
    def power_w(self) -> float:
        """Electrical power of all units together, in watts."""
        return self.demands.get(POWER_W, 0.0)


def load_definition(path: Path = SHIPPED_DEFINITION) -> LineDefinition:
    """Read a line definition; raises LineError that names file, key and value."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LineError(
            f"line definition {path} cannot be read: {error.strerror}; give the path of a TOML file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise LineError(f"line definition {path} is not valid TOML: {error}") from error
    try:
        return LineDefinition.model_validate(document)
    except ValidationError as error:
        raise LineError(f"line definition {path}: {describe(error)}") from error


def describe(error: ValidationError) -> str:
    """Say in one line which keys were wrong, what stood there and what was expected."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])} = {item['input']!r}: {item['msg']}" for item in error.errors()
    )


def discover_units() -> dict[str, AnyUnit]:
    """Find the unit of every file in `demo_line/units`, by unit id.

    Raises LineError for a file without `UNIT` or an id used twice.
    """
    found: dict[str, AnyUnit] = {}
    for module_info in sorted(pkgutil.iter_modules(demo_line.units.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"demo_line.units.{module_info.name}")
        unit = getattr(module, "UNIT", None)
        if not isinstance(unit, UnitType):
            raise LineError(
                f"demo_line/units/{module_info.name}.py defines no UNIT = UnitType(...); add one or move the file"
            )
        if unit.unit_id in found:
            raise LineError(
                f"demo_line/units/{module_info.name}.py: unit id {unit.unit_id} is used twice; give it another one"
            )
        found[unit.unit_id] = unit
    return found


class Line:
    """A line ready to be stepped; it holds no state of the simulation and reads no clock."""

    def __init__(self, definition: LineDefinition, available: Mapping[str, AnyUnit] | None = None) -> None:
        available = discover_units() if available is None else available
        wanted = tuple(available) if definition.units is None else definition.units
        _check_names(definition, wanted, available)
        self.definition = definition
        self.units: dict[str, AnyUnit] = {unit_id: available[unit_id] for unit_id in wanted}
        self.parameters: dict[str, Parameters] = {
            unit_id: _parameters(unit, definition.parameters.get(unit_id, {})) for unit_id, unit in self.units.items()
        }
        self.initial = self._initial()

    def _initial(self) -> LineState:
        states = {unit_id: unit.initial(self.parameters[unit_id]) for unit_id, unit in self.units.items()}
        supplies, demands = self._couple(states)
        for unit_id, unit in self.units.items():
            missing = sorted(set(unit.reads) - set(supplies))
            if missing:
                raise LineError(
                    f"{unit_id} reads {', '.join(missing)}, which no unit of the line supplies; "
                    "add the unit or give it under [boundary]"
                )
        return LineState(0.0, states, supplies, demands)

    def generators(self, seed: int) -> dict[str, Generator]:
        """One random generator per unit, so that adding a unit leaves the others' random course as it was."""
        return {unit_id: default_rng([seed, zlib.crc32(unit_id.encode())]) for unit_id in self.units}

    def step(
        self,
        state: LineState,
        dt_s: float,
        generators: Mapping[str, Generator],
        commands: Mapping[str, Command] | None = None,
    ) -> LineState:
        """Advance every unit by `dt_s` seconds.

        All of them see the couplings of the step before, so their order does not matter.
        """
        commands = commands or {}
        states = {
            unit_id: unit.step(
                self.parameters[unit_id],
                state.units[unit_id],
                Surroundings(state.supplies, state.demands, commands.get(unit_id)),
                dt_s,
                generators[unit_id],
            )
            for unit_id, unit in self.units.items()
        }
        supplies, demands = self._couple(states)
        return LineState(state.elapsed_s + dt_s, states, supplies, demands)

    def _couple(self, states: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
        supplies = dict(self.definition.boundary)
        demands = dict(self.definition.boundary_demands)
        for unit_id, unit in self.units.items():
            for name, value in unit.supplies(states[unit_id]).items():
                if name in supplies:
                    raise LineError(
                        f"{unit_id} supplies {name}, which another unit or [boundary] supplies too; keep one of them"
                    )
                supplies[name] = value
            for name, value in unit.demands(states[unit_id]).items():
                demands[name] = demands.get(name, 0.0) + value
        return supplies, demands


def _check_names(definition: LineDefinition, wanted: tuple[str, ...], available: Mapping[str, AnyUnit]) -> None:
    known = ", ".join(available)
    for unit_id in wanted:
        if unit_id not in available:
            raise LineError(f"units: {unit_id!r} is not known; known units: {known}")
    for unit_id in definition.parameters:
        if unit_id not in wanted:
            raise LineError(f"parameters.{unit_id}: the line has no such unit; its units: {', '.join(wanted)}")


def _parameters(unit: AnyUnit, values: Mapping[str, Any]) -> Parameters:
    try:
        parameters: Parameters = unit.parameters.model_validate(dict(values))
    except ValidationError as error:
        raise LineError(f"parameters.{unit.unit_id}: {describe(error)}") from error
    return parameters
