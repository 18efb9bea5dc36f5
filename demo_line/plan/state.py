"""What units see of the production plan."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from demo_line.packml import Machine, UnitMode


class Phase(IntEnum):
    """What the line as a whole does."""

    OFF = 0
    WARM_UP = 1
    PRODUCTION = 2
    CHANGEOVER = 3
    CLEANING = 4


OFF, WARM_UP, PRODUCTION, CHANGEOVER, CLEANING = Phase
"""Asked for in every step; Python 3.11 finds a name in a fifth of the time that it takes for a member."""

MODES: dict[Phase, UnitMode] = {
    Phase.OFF: UnitMode.PRODUCTION,
    Phase.WARM_UP: UnitMode.PRODUCTION,
    Phase.PRODUCTION: UnitMode.PRODUCTION,
    Phase.CHANGEOVER: UnitMode.CHANGEOVER,
    Phase.CLEANING: UnitMode.CLEANING,
}
"""Unit mode that goes with each phase."""


class FollowsPlan(Protocol):
    """State of a unit whose mode follows the plan.

    Attributes:
        phase: of the last step.
        packml: its state machine.
    """

    phase: Phase
    packml: Machine


def enters(unit: FollowsPlan, phase: Phase) -> bool:
    """Whether another phase begins for a unit with this step; its mode then follows."""
    if phase is unit.phase:
        return False
    unit.phase, unit.packml.mode = phase, MODES[phase]
    return True


class Recipe(BaseModel):
    """One product.

    Attributes:
        name: for people.
        brix: sugar content in degrees Brix.
        density_kg_l: density of the drink.
        bottle_l: content of a bottle.
        speed_share: set speed of the monobloc as a share of its rated speed.
        label: label roll that belongs to it.
        weight: how often it is ordered, relative to the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "orange"
    brix: float = Field(default=11.2, ge=0, le=30)
    density_kg_l: float = Field(default=1.045, gt=0.9, lt=1.3)
    bottle_l: float = Field(default=0.5, gt=0)
    speed_share: float = Field(default=0.85, gt=0, le=1)
    label: str = "orange 0.5 L"
    weight: float = Field(default=1.0, ge=0)


@dataclass(slots=True)
class Counts:
    """Bottles of an order, a shift or the whole run.

    Attributes:
        filled: bottles that the filler has moved.
        good: bottles that have reached the end of the line.
    """

    filled: int = 0
    good: int = 0


@dataclass(slots=True)
class Progress:
    """What only the schedule needs to go on.

    Attributes:
        minute: local minute at which the calendar was last looked at.
        phase_began_s: simulated second at which the phase began.
        works, works_later, works_soon: whether the line is meant to work now, when it would have run empty, and when
            it would have warmed up.
        lot_begin: first part of the lot code, from day and hour.
        run_out_s: how long the line has been running empty after a complete order.
        steps: changeover steps that are left, with their seconds.
        crews: time to react of each crew in this run, relative to the usual one.
        mistakes, corrected: disturbances that the crew has just caused or ended, for the line to begin or remove.
    """

    minute: int = -1
    phase_began_s: float = 0.0
    works: bool = True
    works_later: bool = True
    works_soon: bool = True
    lot_begin: str = ""
    run_out_s: float = 0.0
    steps: list[tuple[str, float]] = field(default_factory=list)
    crews: dict[str, float] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)


@dataclass(slots=True)
class PlanState:
    """Where the plan stands; calendar values hold at the begin of the step.

    Attributes:
        phase: what the line does now.
        in_phase_s: seconds since the phase began.
        fill: whether new bottles may enter; False while the line runs empty before a changeover or the end of work.
        recipe: what is made, or will be made after the changeover.
        ordered: what the order asks for; differs from `recipe` only when the crew has chosen the wrong one.
        label: label roll on the labeller; differs from `recipe.label` only when the crew has loaded the wrong one.
        order: number of the order.
        quantity: good bottles that the order asks for.
        lot: lot code on the label.
        step_title: changeover step under way; empty outside a changeover.
        changeover_left_s: standstill that the changeover under way still takes.
        response: operators' time to react, relative to the usual one (crew and shift; 1 = usual).
        refill_response: the same for bringing material.
        crew: name of the crew at work; empty while nobody is.
        start_ns: UTC nanoseconds since 1970 at which the run began.
        local_hour: local time of day in hours, 0 to 24.
        day_of_year: 1 to 366, local.
        weekday: 0 = Monday.
        working_day: whether the calendar has shifts today.
        shift: name of the shift; `extra` outside the calendar's shifts, empty while nobody works.
        tariff: name of the tariff period.
        price_kwh: energy price in it, in the definition's currency.
        always_on: the line works beyond its calendar (see `PlanDefinition.always_on`).
        forced: phase that somebody has asked for instead of the calendar's (cleaning now, night button).
        planned_busy_s: time since the start in which the line was meant to produce or to be changed over.
        planned_s: time since the start in each phase, indexed by its number.
        since_cleaning_s: production time since the last cleaning.
        in_line: bottles between the filler and the end of the line.
        order_counts, shift_counts, total: bottles of the order, of the shift and since the start.
        progress: what only the schedule needs.
    """

    phase: Phase = Phase.PRODUCTION
    in_phase_s: float = 0.0
    fill: bool = True
    recipe: Recipe = field(default_factory=Recipe)
    ordered: Recipe = field(default_factory=Recipe)
    label: str = "orange 0.5 L"
    order: int = 1
    quantity: int = 0
    lot: str = "L0001"
    step_title: str = ""
    changeover_left_s: float = 0.0
    response: float = 1.0
    refill_response: float = 1.0
    crew: str = ""
    start_ns: int = 0
    local_hour: float = 8.0
    day_of_year: int = 1
    weekday: int = 0
    working_day: bool = True
    shift: str = ""
    tariff: str = ""
    price_kwh: float = 0.0
    always_on: bool = False
    forced: Phase | None = None
    planned_busy_s: float = 0.0
    planned_s: list[float] = field(default_factory=lambda: [0.0] * len(Phase))
    since_cleaning_s: float = 0.0
    in_line: int = 0
    order_counts: Counts = field(default_factory=Counts)
    shift_counts: Counts = field(default_factory=Counts)
    total: Counts = field(default_factory=Counts)
    progress: Progress = field(default_factory=Progress)

    @property
    def run(self) -> bool:
        """Whether production units are to run."""
        return self.phase is PRODUCTION
