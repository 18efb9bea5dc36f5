"""PackML state machine (ISA-TR88.00.02-2015, base state model); the time that passes is an argument.

SUSPENDED means starved or blocked from outside, HELD the unit's own minor stop, ABORTED a fault or an emergency stop.
"""

from dataclasses import dataclass, field
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

# What line control does with a unit that is to run but has come to rest here.
_TOWARDS_EXECUTE: dict[State, Command] = {
    State.STOPPED: Command.RESET,
    State.COMPLETE: Command.RESET,
    State.IDLE: Command.START,
}

EXECUTE, HELD = State.EXECUTE, State.HELD
"""Asked for in every step; Python 3.11 finds a name in a fifth of the time that it takes for a member."""

ACTING_S = 2.0
"""How long each acting state lasts, in seconds."""


@dataclass(slots=True)
class Machine:
    """Where one unit stands in its state model.

    Attributes:
        state: current PackML state.
        in_state_s: seconds since it was entered.
        mode: unit mode.
        starved, blocked: what the unit waits for from outside (upstream, downstream).
        released: False after an operator's stop or abort; line control starts the unit only when it is True, which
            an operator's reset or start makes it.
        left_s: time spent in each state before it was left, indexed by state number.
    """

    state: State = State.EXECUTE
    in_state_s: float = 0.0
    mode: UnitMode = UnitMode.PRODUCTION
    starved: bool = False
    blocked: bool = False
    released: bool = True
    left_s: list[float] = field(default_factory=lambda: [0.0] * (max(State) + 1))

    @property
    def producing(self) -> bool:
        """Whether the unit does its work in this state."""
        return self.state is EXECUTE

    @property
    def seconds(self) -> list[float]:
        """Time spent in each state so far, indexed by state number."""
        spent = list(self.left_s)
        spent[self.state] += self.in_state_s
        return spent


def accepts(machine: Machine, command: Command) -> bool:
    """Whether the state model allows the command now."""
    return machine.state in ACCEPTED[command][0]


def apply_command(machine: Machine, command: Command) -> None:
    """Follow a command; raises ValueError that names the states in which it would be accepted."""
    allowed, target = ACCEPTED[command]
    if machine.state not in allowed:
        states = ", ".join(sorted(state.name for state in allowed))
        raise ValueError(f"{command} is not accepted in {machine.state.name}; it is in: {states}")
    _enter(machine, target)


def operate(machine: Machine, command: Command) -> None:
    """Follow an operator's command, which also says whether line control may start the unit.

    Raises ValueError that names the states in which the command would be accepted.
    """
    apply_command(machine, command)
    if command in (Command.STOP, Command.ABORT):
        machine.released = False
    elif command in (Command.RESET, Command.START):
        machine.released = True


def advance(
    machine: Machine,
    dt_s: float,
    *,
    run: bool = True,
    starved: bool = False,
    blocked: bool = False,
    own_stop: bool = False,
    fault: bool = False,
) -> None:
    """Move the state model on by one step of any length.

    Acting states end after `ACTING_S`; then the conditions act: a fault aborts, line control starts or stops the unit,
    an own stop holds it, starving or blocking suspends it, and it resumes when the condition has gone. A step longer
    than an acting state passes through several states.

    Args:
        machine: where the unit stands; changed in place.
        dt_s: length of the step in seconds.
        run: line control wants the unit to run (see `demo_line/plan`).
        starved: upstream or a utility does not deliver.
        blocked: downstream does not take.
        own_stop: a minor stop of the unit itself is active.
        fault: a fault or a guard that only a repair and CLEAR remove.
    """
    machine.starved, machine.blocked = starved, blocked
    if machine.state is EXECUTE and run and not (starved or blocked or own_stop or fault):
        machine.in_state_s += dt_s
        return
    left_s = dt_s
    while True:
        state = machine.state
        after = AFTER_ACTING.get(state)
        if after is not None:
            if fault and state not in _ABORT_SIDE:
                apply_command(machine, Command.ABORT)
                continue
            rest_s = ACTING_S - machine.in_state_s
            if rest_s > left_s:
                break
            machine.in_state_s = max(machine.in_state_s, ACTING_S)
            left_s -= max(rest_s, 0.0)
            _enter(machine, after)
            continue
        wanted = _wanted(machine, run=run, waiting=starved or blocked, own_stop=own_stop, fault=fault)
        if wanted is None:
            break
        apply_command(machine, wanted)
    machine.in_state_s += left_s


def _wanted(machine: Machine, *, run: bool, waiting: bool, own_stop: bool, fault: bool) -> Command | None:
    """Command that the conditions give to a unit in a state that does not end by itself."""
    state = machine.state
    if state is State.ABORTED:
        return None
    if fault:
        return Command.ABORT
    if not run:
        return None if state in (State.STOPPED, State.IDLE) else Command.STOP
    if state is State.EXECUTE:
        if own_stop:
            return Command.HOLD
        return Command.SUSPEND if waiting else None
    if state is State.SUSPENDED:
        # Its own stop is seen once the unit runs again.
        return None if waiting else Command.UNSUSPEND
    if state is State.HELD:
        return None if own_stop else Command.UNHOLD
    return _TOWARDS_EXECUTE.get(state) if machine.released else None


def _enter(machine: Machine, state: State) -> None:
    machine.left_s[machine.state] += machine.in_state_s
    machine.state, machine.in_state_s = state, 0.0
