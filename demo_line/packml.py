"""PackML state machine (ISA-TR88.00.02-2015, base state model) as pure functions on a frozen state.

SUSPENDED means starved or blocked from outside, HELD the unit's own minor stop, ABORTED a fault or an emergency stop.
"""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum


class State(IntEnum):
    """Machine states with the numbers that ISA-TR88.00.02 gives them."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETE = 17


class Command(StrEnum):
    """Commands of the base state model."""

    RESET = "reset"
    START = "start"
    STOP = "stop"
    HOLD = "hold"
    UNHOLD = "unhold"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    COMPLETE = "complete"
    ABORT = "abort"
    CLEAR = "clear"


class UnitMode(IntEnum):
    """Unit modes; the first three numbers are those of ISA-TR88.00.02."""

    PRODUCTION = 1
    MAINTENANCE = 2
    MANUAL = 3
    CHANGEOVER = 4
    CLEANING = 5


# An acting state ends by itself ("state complete") and leads here.
AFTER_ACTING: dict[State, State] = {
    State.CLEARING: State.STOPPED,
    State.STARTING: State.EXECUTE,
    State.STOPPING: State.STOPPED,
    State.ABORTING: State.ABORTED,
    State.HOLDING: State.HELD,
    State.UNHOLDING: State.EXECUTE,
    State.SUSPENDING: State.SUSPENDED,
    State.UNSUSPENDING: State.EXECUTE,
    State.RESETTING: State.IDLE,
    State.COMPLETING: State.COMPLETE,
}

_ABORT_SIDE = frozenset({State.ABORTING, State.ABORTED, State.CLEARING})
_STOP_SIDE = _ABORT_SIDE | {State.STOPPING, State.STOPPED}

# Command -> (states in which it is accepted, state it leads to).
ACCEPTED: dict[Command, tuple[frozenset[State], State]] = {
    Command.RESET: (frozenset({State.STOPPED, State.COMPLETE}), State.RESETTING),
    Command.START: (frozenset({State.IDLE}), State.STARTING),
    Command.HOLD: (frozenset({State.EXECUTE}), State.HOLDING),
    Command.UNHOLD: (frozenset({State.HELD}), State.UNHOLDING),
    Command.SUSPEND: (frozenset({State.EXECUTE}), State.SUSPENDING),
    Command.UNSUSPEND: (frozenset({State.SUSPENDED}), State.UNSUSPENDING),
    Command.COMPLETE: (frozenset({State.EXECUTE}), State.COMPLETING),
    Command.STOP: (frozenset(State) - _STOP_SIDE, State.STOPPING),
    Command.ABORT: (frozenset(State) - {State.ABORTING, State.ABORTED}, State.ABORTING),
    Command.CLEAR: (frozenset({State.ABORTED}), State.CLEARING),
}


@dataclass(frozen=True, slots=True)
class Machine:
    """Where one unit stands in its state model.

    Attributes:
        state: current PackML state.
        in_state_s: seconds since it was entered.
        mode: unit mode.
        starved, blocked: what the unit waits for from outside (upstream, downstream).
    """

    state: State = State.EXECUTE
    in_state_s: float = 0.0
    mode: UnitMode = UnitMode.PRODUCTION
    starved: bool = False
    blocked: bool = False

    @property
    def producing(self) -> bool:
        """Whether the unit does its work in this state."""
        return self.state is State.EXECUTE


def accepts(machine: Machine, command: Command) -> bool:
    """Whether the state model allows the command now."""
    return machine.state in ACCEPTED[command][0]


def apply_command(machine: Machine, command: Command) -> Machine:
    """Follow a command; raises ValueError that names the states in which it would be accepted."""
    allowed, target = ACCEPTED[command]
    if machine.state not in allowed:
        states = ", ".join(sorted(state.name for state in allowed))
        raise ValueError(f"{command} is not accepted in {machine.state.name}; it is in: {states}")
    return replace(machine, state=target, in_state_s=0.0)


def advance(
    machine: Machine,
    dt_s: float,
    *,
    command: Command | None = None,
    starved: bool = False,
    blocked: bool = False,
    own_stop: bool = False,
    acting_s: float = 2.0,
) -> Machine:
    """Move the state model on by one step.

    A command of an operator goes first, then acting states end after `acting_s`, then the unit's own conditions act: an
    own stop holds it, starving
    or blocking suspends it, and it resumes when the condition has gone. Commands that the state does not accept are
    ignored.

    Args:
        machine: where the unit stands.
        dt_s: length of the step in seconds.
        command: what an operator or line control asks for.
        starved: upstream or a utility does not deliver.
        blocked: downstream does not take.
        own_stop: a minor stop of the unit itself is active.
        acting_s: how long each acting state lasts, in seconds.
    """
    machine = replace(machine, in_state_s=machine.in_state_s + dt_s, starved=starved, blocked=blocked)
    if command is not None and accepts(machine, command):
        return apply_command(machine, command)
    after = AFTER_ACTING.get(machine.state)
    if after is not None:
        return replace(machine, state=after, in_state_s=0.0) if machine.in_state_s >= acting_s else machine
    wanted = _own_command(machine, own_stop)
    return machine if wanted is None else apply_command(machine, wanted)


def _own_command(machine: Machine, own_stop: bool) -> Command | None:
    waiting = machine.starved or machine.blocked
    if machine.state is State.EXECUTE:
        if own_stop:
            return Command.HOLD
        return Command.SUSPEND if waiting else None
    if machine.state is State.SUSPENDED and not waiting:
        return Command.UNSUSPEND
    if machine.state is State.HELD and not own_stop:
        return Command.UNHOLD
    return None
