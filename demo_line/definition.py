"""The line definition: what a line consists of, its parameters, its plan and its maintenance, as written in TOML."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from demo_line.maintenance import MaintenanceDefinition
from demo_line.plan import Recipe
from demo_line.plan.definition import PlanDefinition

SHIPPED_DEFINITION = Path(__file__).parent / "scenarios" / "bottling.toml"


class LineError(ValueError):
    """The line cannot be built; the text names the place, the value and the remedy."""


class LineDefinition(BaseModel):
    """Line definition as written in TOML.

    Attributes:
        name: name of the line, for people.
        units: ids of the units it consists of, in the order in which they are stepped.
        packaging: machines and the conveyors between them, alternating, in the direction of the bottles.
        boundary: supplies that come from outside the line, by name (e.g. `ambient_degc`).
        boundary_demands: demands of consumers outside the line, by name.
        parameters: per unit id, values that replace the design values of its parameters.
        plan: shifts, orders, changeovers, tariff, crews.
        recipes: what can be ordered.
        maintenance: actions, parts and assets; in TOML also the name of a file beside the definition.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    units: tuple[str, ...]
    packaging: tuple[str, ...] = ()
    boundary: dict[str, float] = Field(default_factory=dict)
    boundary_demands: dict[str, float] = Field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    plan: PlanDefinition = PlanDefinition()
    recipes: tuple[Recipe, ...] = Field(default=(Recipe(),), min_length=1)
    maintenance: MaintenanceDefinition = MaintenanceDefinition()

    @field_validator("recipes")
    @classmethod
    def _names_differ(cls, recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
        names = [recipe.name for recipe in recipes]
        if len(set(names)) < len(names):
            raise ValueError(f"two recipes have the same name; names: {', '.join(names)}")
        return recipes


def load_definition(path: Path = SHIPPED_DEFINITION) -> LineDefinition:
    """Read a line definition; raises LineError that names file, key and value."""
    document = _read(path)
    if isinstance(beside := document.get("maintenance"), str):
        document["maintenance"] = _read(path.parent / beside)
    try:
        return LineDefinition.model_validate(document)
    except ValidationError as error:
        raise LineError(f"line definition {path}: {describe(error)}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LineError(
            f"line definition {path} cannot be read: {error.strerror}; give the path of a TOML file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LineError(f"line definition {path} is not valid TOML: {error}") from error


def describe(error: ValidationError) -> str:
    """Say in one line which keys were wrong, what stood there and what was expected."""
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])} = {item['input']!r}: {item['msg']}" for item in error.errors()
    )
