"""What is simulated for an evaluation, and what an assessment should say of each fault."""

import tomllib
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Model):
    """One sort of run.

    Attributes:
        name: in the names of the runs' folders.
        days: length.
        faults: `name@day` of every seed.
        variants: further ones, of which each seed takes one list in turn.
    """

    name: str
    days: float = Field(gt=0)
    faults: tuple[str, ...] = ()
    variants: tuple[tuple[str, ...], ...] = ()

    def of_seed(self, seed: int) -> tuple[str, ...]:
        """Return the faults of a seed's run."""
        more = self.variants[(seed - 1) % len(self.variants)] if self.variants else ()
        return (*self.faults, *more)


class Expected(_Model):
    """What an assessment should say while a fault is there.

    Attributes:
        fault: its name in the truth.
        unit: work unit that should be abnormal; empty where nothing should be.
        mechanisms: right causes.
        sensors: signals that should not be believed, instead of a cause.
        fine: it shows only in readings of a second, not in means of a minute.
        twin: fault that it is taken for.
        sudden: it is complete at its onset.
        nothing: it is no fault of the line, and the right answer is to leave the machines alone.
        touches: units on which it shows as well, so that an advisory there has a true cause.
    """

    fault: str
    unit: str = ""
    mechanisms: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    fine: bool = False
    twin: str = ""
    sudden: bool = False
    nothing: bool = False
    touches: tuple[str, ...] = ()


class Evaluation(_Model):
    """All plans and expectations."""

    plans: tuple[Plan, ...]
    expected: tuple[Expected, ...]

    def expectation(self, fault: str) -> Expected | None:
        """Return what is expected of a fault; None where nothing is written of it."""
        return next((each for each in self.expected if each.fault == fault), None)


@cache
def shipped() -> Evaluation:
    """Return the evaluation that the showroom ships."""
    texts = [
        resources.files("analytics.evaluation").joinpath(name).read_text(encoding="utf-8")
        for name in ("plans.toml", "expected.toml")
    ]
    return Evaluation.model_validate({key: value for text in texts for key, value in tomllib.loads(text).items()})
