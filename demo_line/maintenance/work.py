"""What a run remembers of the work on its machines."""

from dataclasses import dataclass, field

from demo_line.maintenance.definition import LockStep


class MaintenanceError(ValueError):
    """Something that cannot be done now; the text says why and what to do first."""


@dataclass(slots=True)
class Job:
    """Work under way.

    Attributes:
        action: name of the action.
        unit_id: where; empty for the line as a whole.
        began_s, ends_s: simulated seconds.
        hasty: done in less time, without checks.
        safe: whether the machine stood as the action demands.
        by_crew: begun by the crew itself, which starts the unit again afterwards.
        cost: people, parts and visits.
    """

    action: str
    unit_id: str
    began_s: float
    ends_s: float
    hasty: bool
    safe: bool
    by_crew: bool
    cost: float


@dataclass(slots=True)
class Done:
    """Work that is over.

    Attributes:
        job: what it was.
        cured: hidden truth: names of the faults that it has removed.
        misaligned: hidden truth: whether it has left a misalignment.
    """

    job: Job
    cured: tuple[str, ...]
    misaligned: bool


@dataclass(slots=True)
class WorkState:
    """Memory of the maintenance of one run.

    Attributes:
        stock: spare parts in the store, by name.
        ordered: parts on their way as (name, simulated second of delivery).
        jobs: work under way.
        done: work that is over.
        locks: steps of the lock-out that have been taken, by unit id.
        spent: money spent on people, parts and visits.
        self_repair: whether the crew repairs a failure that has aborted a unit and corrects its own mistakes; False =
            hands off.
        noticed: failures that the crew is on its way to, by fault, with the simulated second at which it stands there.
    """

    stock: dict[str, int] = field(default_factory=dict)
    ordered: list[tuple[str, float]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    locks: dict[str, list[LockStep]] = field(default_factory=dict)
    spent: float = 0.0
    self_repair: bool = True
    noticed: dict[str, float] = field(default_factory=dict)
