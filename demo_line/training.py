"""What a trainer may do to the running line: let faults begin, repair, command machines. Pure; servers offer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from demo_line.fault import Growth
from demo_line.line import Line, LineState
from demo_line.maintenance.definition import LockStep
from demo_line.packml import Command
from demo_line.signals import DataType, Value
from demo_line.unit import Event


class Argument(NamedTuple):
    """One argument or result of a method."""

    name: str
    datatype: DataType
    description: str


@dataclass(frozen=True, slots=True)
class Method:
    """Something that a trainer can do.

    Attributes:
        name: as servers show it.
        description: one line for people.
        arguments, results: in their order.
        call: does it; raises ValueError, whose text names the reason, when that is not possible.
    """

    name: str
    description: str
    arguments: tuple[Argument, ...]
    results: tuple[Argument, ...]
    call: Callable[..., Sequence[Value]]


class Hands(NamedTuple):
    """What a server lets trainers do.

    Attributes:
        methods: callable by name.
        command: gives a PackML command to a unit; raises ValueError where the unit does not accept it.
    """

    methods: Sequence[Method]
    command: Callable[[str, Command], None]


class Training:
    """A trainer's hands on one run of a line.

    Args:
        line: the line.
        state: its state, changed in place between two steps.
    """

    def __init__(self, line: Line, state: LineState) -> None:
        self._line = line
        self._state = state

    def inject_fault(self, name: str, severity: float, onset_in_s: float) -> tuple[float]:
        """Let a fault begin; returns the hours from its onset to functional failure under normal duty.

        No event tells of it: events are what the people at the line may see.

        Args:
            name: its name or code.
            severity: how far it has grown at its onset, 0 to 1; above 0 it begins now.
            onset_in_s: simulated seconds from now to its onset.
        """
        if not 0.0 <= severity <= 1.0:
            raise ValueError(f"severity {severity:g} is not between 0 (absent) and 1 (functional failure)")
        if not 0.0 <= onset_in_s < inf or (severity > 0.0 and onset_in_s > 0.0):
            raise ValueError(f"onset in {onset_in_s:g} s: it is 0 for a fault with a severity, else 0 or more")
        state, fault = self._state, self._line.fault(name)
        self._line.add_fault(state, fault.name, state.elapsed_s + onset_in_s)
        condition = state.conditions[fault.name]
        condition.used = _used(fault.growth, severity)
        condition.severity = state.around.severity[fault.name] = fault.growth.severity(condition.used)
        return (condition.life_h,)

    def repair(self, action: str, hasty: bool) -> tuple[float]:
        """Begin a maintenance action; returns the minutes that it takes."""
        job = self._line.workshop.act(self._state, action, hasty=hasty)
        return ((job.ends_s - job.began_s) / 60.0,)

    def order_part(self, part: str) -> tuple[float]:
        """Order a spare part; returns the hours until it comes."""
        return ((self._line.workshop.order_part(self._state, part) - self._state.elapsed_s) / 3600.0,)

    def lock_out(self, unit_id: str, step: str) -> tuple[()]:
        """Take one step of a lock-out."""
        try:
            chosen = LockStep(step)
        except ValueError:
            raise ValueError(f"{step!r} is no step of a lock-out; steps: {', '.join(LockStep)}") from None
        self._line.workshop.lock_out(self._state, unit_id, chosen)
        return ()

    def unlock(self, unit_id: str) -> tuple[()]:
        """Take the locks of a unit away."""
        self._line.workshop.unlock(self._state, unit_id)
        return ()

    def command(self, unit_id: str, command: Command) -> None:
        """Give an operator's PackML command; raises ValueError where the state does not accept it."""
        self._line.command(self._state, unit_id, command)
        self._tell(unit_id, f"command {command}", {})

    def methods(self) -> tuple[Method, ...]:
        """All of this but the commands, described."""
        text, number = DataType.STRING, DataType.DOUBLE
        unit = Argument("Unit", text, "Unit id, e.g. MIX-10")
        return (
            Method(
                "InjectFault", "Let a fault begin, now or later",
                (
                    Argument("Name", text, "Name or code of the fault, e.g. M1"),
                    Argument("Severity", number, "0 absent to 1 functional failure; above 0 it begins now"),
                    Argument("OnsetIn", number, "Seconds from now to its onset; 0 with a severity"),
                ),
                (Argument("Life", number, "Hours from onset to functional failure under normal duty"),),
                self.inject_fault,
            ),
            Method(
                "Repair", "Begin a maintenance action; it ends by itself",
                (
                    Argument("Action", text, "Name of the action"),
                    Argument("Hasty", DataType.BOOLEAN, "Faster, without checks: it may leave the fault"),
                ),
                (Argument("Minutes", number, "How long it takes"),),
                self.repair,
            ),
            Method(
                "OrderPart", "Order a spare part", (Argument("Part", text, "Name of the part"),),
                (Argument("Hours", number, "Hours until it comes"),), self.order_part,
            ),
            Method(
                "LockOut", "Take one step of a lock-out of a unit at rest",
                (unit, Argument("Step", text, ", ".join(LockStep))), (), self.lock_out,
            ),
            Method("Unlock", "Take the locks of a unit away", (unit,), (), self.unlock),
        )  # fmt: skip

    def _tell(self, unit_id: str, text: str, fields: dict[str, float | int | str | bool]) -> None:
        self._state.around.events.append(Event(self._state.elapsed_s, unit_id, "training", text, fields))


def _used(growth: Growth, severity: float) -> float:
    """Share of the life after which a fault has a severity; by bisection, as severity only grows."""
    low, high = 0.0, 1.0
    if severity <= 0.0 or growth.severity(0.5) >= 1.0:
        return high if severity > 0.0 else low
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if growth.severity(middle) < severity else (low, middle)
    return high
