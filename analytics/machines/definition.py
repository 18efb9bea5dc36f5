"""What a machines file says: work units, their parts and geometry, and the indicators that show their condition."""

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from analytics.errors import UnusableInputError

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
SignalName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.[a-z0-9_]+$", description="work unit, dot, metric")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Context(_Model):
    """An operating state in which values may be compared; all its conditions hold together.

    Attributes:
        equals: signal and the number that it shows, e.g. PackML state 6 = EXECUTE.
        above, below: signal and limit, in the signal's unit.
        settled_min: minutes for which the conditions have held, before values count.
    """

    equals: dict[SignalName, float] = {}
    above: dict[SignalName, float] = {}
    below: dict[SignalName, float] = {}
    settled_min: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if not (self.equals or self.above or self.below):
            raise ValueError("a context needs at least one condition under equals, above or below")
        return self


class Indicator(_Model):
    """One number that shows the condition of a unit: what is measured less what is expected.

    The quantity is `signal`, or of several signals their weighted sum `terms`. With `counter` it is the increase of
    the signal a running hour, or with `per` as well, for a thousand of that other counter. With `scatter` it is the
    standard deviation of the signal's values over so many running minutes.

    Attributes:
        name: short name, unique in its unit.
        title: for people, with the unit of the deviation.
        signal, terms: what is measured.
        inputs: signals from which the expected value is learnt; none = a constant.
        degree: of the polynomial in the inputs.
        when: context in which it counts.
        tolerance: deviation that does not matter, in the unit of the quantity.
        span_min: minutes in that context over which deviations are averaged (exponentially).
        failure: deviation at functional failure, signed; None = it does not lead to one.
        alarm: whether it alone makes a unit abnormal; False = it only helps to name the cause.
        one_sided: `up` or `down` where only that direction is abnormal.
        reach: how far beyond the learnt range of the inputs an expectation is trusted, as a share of that range.
    """

    name: Name
    title: str
    signal: SignalName | None = None
    terms: dict[SignalName, float] = {}
    counter: bool = False
    per: SignalName | None = None
    scatter: bool = False
    inputs: tuple[SignalName, ...] = ()
    degree: int = Field(default=1, ge=1, le=3)
    when: str
    tolerance: float = Field(gt=0)
    span_min: float = Field(default=60.0, gt=0)
    failure: float | None = None
    alarm: bool = True
    one_sided: str = Field(default="", pattern="^(up|down|)$")
    reach: float = Field(default=0.5, ge=0)

    @model_validator(mode="after")
    def _measures_one_thing(self) -> Self:
        if (self.signal is None) == (not self.terms):
            raise ValueError(f"indicator {self.name}: give either signal or terms")
        if (self.counter or self.scatter) and self.signal is None:
            raise ValueError(f"indicator {self.name}: counter and scatter need one signal")
        return self

    def measured(self) -> dict[str, float]:
        """Return the signals of the quantity with their weights."""
        return {self.signal: 1.0} if self.signal is not None else dict(self.terms)

    def signals(self) -> list[str]:
        """Return every signal that it is worked out from."""
        return [*self.measured(), *self.inputs, *([self.per] if self.per is not None else [])]


class SensorCheck(_Model):
    """Limits of a sensor's reading.

    Attributes:
        low, high: what the instrument can show, in the signal's unit; beyond it cannot be believed.
        lively: whether its reading changes from minute to minute while `when` holds, so that a frozen one is noticed.
        steady: whether its reading moves so slowly that single jumps are the instrument's.
        when: context in which it is watched; empty = always.
        units: factors of units that are mistaken for each other, e.g. 100 for kPa read as bar.
    """

    low: float | None = None
    high: float | None = None
    lively: bool = True
    steady: bool = False
    when: str = ""
    units: tuple[float, ...] = ()


class Bearing(_Model):
    """Rolling bearing: fault frequencies as multiples of the shaft's speed."""

    designation: str
    bpfo: float = Field(gt=0)
    bpfi: float = Field(gt=0)
    bsf: float = Field(gt=0)
    ftf: float = Field(gt=0)
    shaft_speed: SignalName


class Machine(_Model):
    """One work unit.

    Attributes:
        id: of the work unit, as in the names of its signals.
        kind: what sort of machine it is; the rules of diagnosis are written for kinds.
        title: for people.
        rated: design values by name, with the unit in the name.
        parts: parts that rules name, by key.
        bearings: by place.
        duty: context in which its parts wear; empty = always.
        sensors: checks of its sensors, by metric.
        indicators: see `Indicator`.
    """

    id: str
    kind: Name
    title: str
    rated: dict[str, float] = {}
    parts: dict[Name, str] = {}
    bearings: dict[Name, Bearing] = {}
    duty: str = ""
    sensors: dict[Name, SensorCheck] = {}
    indicators: tuple[Indicator, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [indicator.name for indicator in self.indicators]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.id}: two indicators are called {twice[0]!r}; names must differ")
        return self


class Machines(_Model):
    """A plant.

    Attributes:
        title: for people.
        contexts: operating states by name.
        machines: work units, in the order of the product's way.
    """

    title: str
    contexts: dict[Name, Context]
    machines: tuple[Machine, ...]

    @model_validator(mode="after")
    def _contexts_exist(self) -> Self:
        for machine in self.machines:
            used = [indicator.when for indicator in machine.indicators]
            used += [check.when for check in machine.sensors.values() if check.when]
            used += [machine.duty] if machine.duty else []
            missing = [name for name in used if name not in self.contexts]
            if missing:
                raise ValueError(f"{machine.id}: context {missing[0]!r} is not under [contexts]")
        return self

    def machine(self, unit_id: str) -> Machine | None:
        """Return a work unit; None for one that is not described."""
        return next((machine for machine in self.machines if machine.id == unit_id), None)

    def signals(self) -> list[str]:
        """Return every signal that is needed to assess the plant, each once."""
        names: dict[str, None] = {}
        for context in self.contexts.values():
            names.update(dict.fromkeys((*context.equals, *context.above, *context.below)))
        for machine in self.machines:
            for indicator in machine.indicators:
                names.update(dict.fromkeys(indicator.signals()))
            names.update(dict.fromkeys(f"{machine.id}.{metric}" for metric in machine.sensors))
        return list(names)


def load_machines(path: Path) -> Machines:
    """Read a machines file.

    Raises UnusableInputError naming file, key and what was expected.
    """
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableInputError(str(path), str(error), "give a readable TOML file in UTF-8") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnusableInputError(f"{path}: {place}", first["msg"], "see analytics/machines/bottling.toml") from error


@cache
def shipped() -> Machines:
    """Return the bottling line that the showroom ships."""
    text = resources.files("analytics.machines").joinpath("bottling.toml").read_text(encoding="utf-8")
    return _parsed(text)


def _parsed(text: str) -> Machines:
    return Machines.model_validate(tomllib.loads(text))
