"""The production plan: what the line is to do now. Units follow `PlanState`; they know nothing of shifts and orders."""

from dataclasses import dataclass, field
from enum import IntEnum

from pydantic import BaseModel, ConfigDict, Field

from demo_line.packml import UnitMode


class Phase(IntEnum):
    """What the line as a whole does."""

    OFF = 0
    WARM_UP = 1
    PRODUCTION = 2
    CHANGEOVER = 3
    CLEANING = 4


MODES: dict[Phase, UnitMode] = {
    Phase.OFF: UnitMode.PRODUCTION,
    Phase.WARM_UP: UnitMode.PRODUCTION,
    Phase.PRODUCTION: UnitMode.PRODUCTION,
    Phase.CHANGEOVER: UnitMode.CHANGEOVER,
    Phase.CLEANING: UnitMode.CLEANING,
}
"""Unit mode that goes with each phase."""


class Recipe(BaseModel):
    """One product.

    Attributes:
        name: for people and on the label.
        brix: sugar content in degrees Brix.
        density_kg_l: density of the drink.
        bottle_l: content of a bottle.
        speed_share: set speed of the monobloc as a share of its rated speed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "orange"
    brix: float = Field(default=11.2, ge=0, le=30)
    density_kg_l: float = Field(default=1.045, gt=0.9, lt=1.3)
    bottle_l: float = Field(default=0.5, gt=0)
    speed_share: float = Field(default=0.85, gt=0, le=1)


@dataclass(slots=True)
class PlanState:
    """Where the plan stands.

    Attributes:
        phase: what the line does now.
        in_phase_s: seconds since the phase began.
        recipe: what is made, or will be made after the changeover.
        order: number of the order.
        lot: lot code on the label.
        response: operators' time to react, relative to the usual one (shift and experience; 1 = usual).
    """

    phase: Phase = Phase.PRODUCTION
    in_phase_s: float = 0.0
    recipe: Recipe = field(default_factory=Recipe)
    order: int = 1
    lot: str = "L0001"
    response: float = 1.0

    @property
    def run(self) -> bool:
        """Whether production units are to run."""
        return self.phase is Phase.PRODUCTION
