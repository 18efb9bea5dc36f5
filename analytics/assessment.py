"""What an assessment says of a work unit: the stages of ISO 13374 from state detection to advisory."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Zone(StrEnum):
    """Severity zones as ISO 20816-1 (6.3) names them, on multiples of a learnt baseline."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one signal or feature has to do with an anomaly.

    Attributes:
        name: signal or feature, e.g. `MIX-10.envelope_acceleration_g`.
        share: part of the anomaly score, 0 to 1.
        value, expected: what was seen and what the model expects, in the signal's unit; None where it has no number.
    """

    name: str
    share: float
    value: float | None = None
    expected: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that speaks for or against a mechanism, in words and numbers.

    Attributes:
        text: what was seen, with value, unit and since when.
        supports: whether it speaks for the mechanism.
        weight: how much, as the logarithm of a likelihood ratio.
    """

    text: str
    supports: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One possible cause.

    Attributes:
        mechanism: key of the rule, e.g. `bearing_outer_race`; `unknown` where nothing that is known fits.
        part: the likely part, for people.
        probability: 0 to 1; over all diagnoses of an assessment, `unknown` included, they add up to 1.
        evidence: what it rests on.
        next_check: the test that would separate it from the next one.
    """

    mechanism: str
    part: str
    probability: float
    evidence: Sequence[Evidence] = ()
    next_check: str = ""


@dataclass(frozen=True, slots=True)
class RemainingLife:
    """Hours until functional failure at today's duty, as quantiles; infinite where no end is in sight."""

    low_h: float
    median_h: float
    high_h: float


@dataclass(frozen=True, slots=True)
class SensorFinding:
    """A sensor that is not to be believed.

    Attributes:
        signal: which.
        kind: `stuck`, `drift`, `unit_swap`, `spikes`, `stale` or `dead`.
        text: what was seen.
    """

    signal: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known of one work unit at one instant.

    Attributes:
        unit_id: work unit.
        time_ns: end of the window that was judged.
        health_index: 1 = as learnt, 0 = functional failure; None = unknown, and `reason` says why.
        anomaly_score: distance from normal in units of its own alarm limit; 1 = limit; None = unknown.
        contributions: the largest shares of the anomaly score first.
        zones: zone of each judged quantity, by its name.
        sensors: sensors that are not to be believed; what rests on them was left out.
        diagnoses: most probable first; empty while nothing is wrong.
        remaining_life: None while nothing grows.
        reason: why something is unknown; empty otherwise.
    """

    unit_id: str
    time_ns: int
    health_index: float | None
    anomaly_score: float | None
    contributions: Sequence[Contribution] = ()
    zones: Sequence[tuple[str, Zone]] = ()
    sensors: Sequence[SensorFinding] = ()
    diagnoses: Sequence[Diagnosis] = ()
    remaining_life: RemainingLife | None = None
    reason: str = ""
