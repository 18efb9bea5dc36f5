"""What a mechanism of failure looks like: signs in the indicators of a kind of machine."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sign:
    """What one indicator does under a mechanism.

    Attributes:
        indicator: its name.
        moves: `up`, `down`, or `still` = stays within its limit.
        weight: logarithm of the likelihood ratio that it gives at most, for or against.
        early: whether it moves as soon as anything does; a later one that does not move yet says little.
        group: signs of one group are places at which it may show; only the one that shows most counts.
    """

    indicator: str
    moves: Literal["up", "down", "still"]
    weight: float = 2.0
    early: bool = True
    group: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """How the damage behind a mechanism grows, as far as engineering knows it.

    Attributes:
        indicator: the one that follows the damage.
        law: `linear`: damage in proportion to the share of the life that is over; `exponential`: slow, then fast.
        typical_life_h: median hours from onset to functional failure, in hours of `duty`.
        spread: standard deviation of the logarithm of that life between machines.
        duty: `running`: only hours in the machine's duty context wear; `calendar`: all hours do.
        power: the deviation grows with the damage to this power.
        hidden_share: share of the life before the indicator begins to move.
        background: healthy level to which what the damage causes adds in squares, in the unit of the indicator; 0
            where deviations simply add.
        widen: factor on the interval of the remaining life, from calibration on simulated runs.
    """

    indicator: str
    law: Literal["linear", "exponential"]
    typical_life_h: float
    spread: float = 0.3
    duty: Literal["running", "calendar"] = "running"
    power: float = 1.0
    hidden_share: float = 0.0
    background: float = 0.0
    widen: float = 1.0


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism; a file in `analytics/diagnosis/rules` defines it as `MECHANISM`.

    Attributes:
        key: lower case with underscores, unique.
        kind: of the machines that it happens to.
        title: for people.
        part: key of the part in the machines file; empty where nothing fails (a cause from outside).
        signs: what the indicators do.
        next_check: the test that would confirm it or separate it from the next one.
        act: the right act, for the advisory.
        growth: how it grows; None where it is sudden or leads to no failure.
        prior: logarithm of how much more often it is met than others.
    """

    key: str
    kind: str
    title: str
    part: str
    signs: tuple[Sign, ...]
    next_check: str
    act: str
    growth: Growth | None = None
    prior: float = 0.0
