"""Actions, parts and assets as a file beside the line definition lists them."""

from collections import Counter
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Access(StrEnum):
    """How a machine must stand for an action."""

    RUNNING = "running"
    STOPPED = "stopped"
    LOCKED_OUT = "locked_out"


class LockStep(StrEnum):
    """Steps of a lock-out in their order (ISO 14118:2017, clause 6: isolation, dissipation, verification)."""

    ISOLATE = "isolate"
    LOCK = "lock"
    DISSIPATE = "dissipate"
    TRY_TO_START = "try_to_start"
    PROVE_DEAD = "prove_dead"


class Part(_Model):
    """A spare part.

    Attributes:
        name: key, lower case with underscores.
        title: for people.
        price: in the plan's currency.
        lead_h: hours from order to delivery.
        stock: how many lie in the store at the start.
    """

    name: str
    title: str
    price: float = Field(ge=0)
    lead_h: float = Field(default=0.0, ge=0)
    stock: int = Field(default=0, ge=0)


class Action(_Model):
    """Something that people can do to the line.

    Attributes:
        name: key, lower case with underscores; faults name it among their cures.
        title: for people.
        unit: where; empty for the line as a whole.
        minutes: how long it takes when done properly.
        people: who are paid for that time; 0 = it only takes time.
        parts: names of the parts that it uses up.
        access: how the machine must stand.
        licensed: whether only a licensed contractor may do it (refrigerant).
        aligns: whether it takes a coupling apart, so that haste leaves a misalignment behind.
        cleans: whether it is a cleaning in place: the plan's phase changes for it.
    """

    name: str
    title: str
    unit: str = ""
    minutes: float = Field(gt=0)
    people: int = Field(default=1, ge=0)
    parts: tuple[str, ...] = ()
    access: Access = Access.RUNNING
    licensed: bool = False
    aligns: bool = False
    cleans: bool = False


class StoredEnergy(_Model):
    """Energy that stays in an asset after isolation, and how to get rid of it."""

    title: str
    dissipate: str


class Asset(_Model):
    """What a unit consists of, where it is isolated from its energies, and what is stored in it.

    Attributes:
        unit: unit id.
        isolation: points, e.g. `main switch Q1 (electrical)`.
        stored: what is left behind them.
        components: all that can be replaced or repaired, sound or not; several alike are one.
    """

    unit: str
    isolation: tuple[str, ...] = Field(min_length=1)
    stored: tuple[StoredEnergy, ...] = ()
    components: tuple[str, ...] = ()

    @field_validator("components")
    @classmethod
    def _differ(cls, components: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name, count in Counter(components).items() if count > 1]
        if twice:
            raise ValueError(f"component {twice[0]!r} stands twice; keep one of them")
        return components


class MaintenanceDefinition(_Model):
    """Everything about maintenance of a line.

    Attributes:
        actions, parts, assets: see there.
        self_repair: whether the crew repairs a failure that has aborted a unit and corrects its own mistakes, when
            nobody else does.
        notice_min: usual minutes until the crew stands at an aborted unit.
        mistake_min: usual minutes until the crew notices a mistake of its own.
        labour_h: price of an hour of one person.
        licensed_call: price of a licensed contractor's visit.
        licensed_lead_h: hours until a contractor comes.
        hasty_minutes: share of the time that hasty work takes.
        hasty_cures: probability that hasty work cures what proper work would.
        hasty_misaligns: probability that hasty work on a coupling leaves a misalignment.
    """

    actions: tuple[Action, ...] = ()
    parts: tuple[Part, ...] = ()
    assets: tuple[Asset, ...] = ()
    self_repair: bool = True
    notice_min: float = Field(default=6.0, ge=0)
    mistake_min: float = Field(default=40.0, ge=0)
    labour_h: float = Field(default=18.0, ge=0)
    licensed_call: float = Field(default=180.0, ge=0)
    licensed_lead_h: float = Field(default=24.0, ge=0)
    hasty_minutes: float = Field(default=0.55, gt=0, le=1)
    hasty_cures: float = Field(default=0.4, ge=0, le=1)
    hasty_misaligns: float = Field(default=0.7, ge=0, le=1)

    @model_validator(mode="after")
    def _names_fit(self) -> "MaintenanceDefinition":
        for kind, names in (
            ("action", [action.name for action in self.actions]),
            ("part", [part.name for part in self.parts]),
            ("asset", [asset.unit for asset in self.assets]),
        ):
            twice = [name for name, count in Counter(names).items() if count > 1]
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is defined twice; keep one of them")
        known = {part.name for part in self.parts}
        for action in self.actions:
            missing = sorted(set(action.parts) - known)
            if missing:
                raise ValueError(f"action {action.name} needs part {missing[0]!r}, which is not defined; add it")
        return self
