"""The people at the line: crews with their own pace, their mistakes, and the reasons that they enter for stops."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from demo_line.draws import Draws
from demo_line.unit import Event

CHOSEN_PER_ORDER, CHOSEN_PER_SHIFT = ("wrong_recipe", "wrong_label_roll"), ("late_refill",)
"""What a crew can get wrong (`demo_line/faults/operator_mistakes.py`), by how long it lasts unless corrected."""

_LATE_REFILL = 6.0
"""How many times longer a crew that forgets its refills takes for one."""


class CrewDefinition(BaseModel):
    """The crews of a line.

    Attributes:
        names: crews; they take turns over the shifts from week to week.
        skill_spread: standard deviation of the logarithm of a crew's time to react.
        day_spread: the same from shift to shift.
        shift_factor: time to react by name of the shift, 1 where none is given.
        wrong_recipe, wrong_label_roll: probability in a changeover that the crew chooses the wrong one, for that order
            unless it is corrected before.
        late_refill: probability in a shift that the crew lets material run out.
        reason_share: share of stops for which the crew enters a reason.
        wrong_reason_share: of these, how many it files under `other`.
        reason_from_s: shorter stops are not asked about.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(default=("A", "B"), min_length=1)
    skill_spread: float = Field(default=0.15, ge=0)
    day_spread: float = Field(default=0.08, ge=0)
    shift_factor: dict[str, float] = Field(default_factory=lambda: {"late": 1.05, "night": 1.15, "extra": 1.1})
    wrong_recipe: float = Field(default=0.0, ge=0, le=1)
    wrong_label_roll: float = Field(default=0.0, ge=0, le=1)
    late_refill: float = Field(default=0.0, ge=0, le=1)
    reason_share: float = Field(default=0.85, ge=0, le=1)
    wrong_reason_share: float = Field(default=0.1, ge=0, le=1)
    reason_from_s: float = Field(default=60.0, ge=0)

    def on_duty(self, place: int, week: int) -> str:
        """Crew of the shift at a place of the day in a week."""
        return self.names[(place + week) % len(self.names)]


def skills(crews: CrewDefinition, draws: Draws) -> dict[str, float]:
    """Time to react of each crew relative to the usual one, for a whole run."""
    return {name: draws.lognormal(1.0, crews.skill_spread) for name in crews.names}


def response(crews: CrewDefinition, skill: float, shift: str, draws: Draws) -> float:
    """Time to react in one shift, relative to the usual one."""
    return skill * crews.shift_factor.get(shift, 1.0) * draws.lognormal(1.0, crews.day_spread)


def refill_response(usual: float, late_refill: float) -> float:
    """Time to bring material: as the crew usually reacts, longer with the severity of `late_refill`."""
    return usual * (1.0 + (_LATE_REFILL - 1.0) * late_refill)


def entered_reasons(crews: CrewDefinition, stops: Iterable[Event], crew: str, draws: Draws) -> list[Event]:
    """Reasons that the crew enters for stops that have just ended.

    Every event of kind `stop` with `duration_s` long enough to be asked about may get an event of kind `reason`; its
    text is what the crew entered, not what was true.
    """
    entered: list[Event] = []
    for stop in stops:
        duration_s = stop.fields.get("duration_s", 0.0)
        if stop.kind != "stop" or not isinstance(duration_s, float | int) or duration_s < crews.reason_from_s:
            continue
        if draws.uniform() >= crews.reason_share:
            continue
        text = "other" if draws.uniform() < crews.wrong_reason_share else stop.text
        entered.append(Event(stop.elapsed_s, stop.unit_id, "reason", text, {"duration_s": duration_s, "crew": crew}))
    return entered
