"""The PackML state model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_line.packml import ACCEPTED, AFTER_ACTING, Command, Machine, State, accepts, advance, apply_command

STEPS = st.lists(
    st.tuples(st.one_of(st.none(), st.sampled_from(Command)), st.booleans(), st.booleans(), st.booleans()), max_size=200
)


def settle(machine: Machine, command: Command | None = None) -> Machine:
    machine = advance(machine, 1.0, command=command)
    for _ in range(5):
        machine = advance(machine, 1.0)
    return machine


def test_starved_or_blocked_suspends_and_resumes() -> None:
    """SUSPENDED comes from outside and ends by itself."""
    machine = Machine()
    for _ in range(5):
        machine = advance(machine, 1.0, starved=True)
    assert machine.state is State.SUSPENDED
    assert machine.starved
    assert settle(machine).state is State.EXECUTE


def test_an_own_stop_holds_and_outranks_starving() -> None:
    """HELD is the unit's own minor stop, also when it is starved at the same time."""
    machine = Machine()
    for _ in range(5):
        machine = advance(machine, 1.0, own_stop=True, starved=True)
    assert machine.state is State.HELD
    assert settle(machine).state is State.EXECUTE


def test_after_an_abort_only_clear_reset_and_start_lead_back() -> None:
    """ABORTED is left by CLEAR, RESET and START, in this order and no other."""
    machine = settle(Machine(), Command.ABORT)
    assert machine.state is State.ABORTED
    for wrong in (Command.START, Command.RESET, Command.UNHOLD, Command.UNSUSPEND, Command.STOP):
        assert settle(machine, wrong).state is State.ABORTED
    machine = settle(machine, Command.CLEAR)
    assert machine.state is State.STOPPED
    machine = settle(machine, Command.RESET)
    assert machine.state is State.IDLE
    assert settle(machine, Command.START).state is State.EXECUTE


def test_a_command_that_is_not_accepted_says_where_it_would_be() -> None:
    """The error names the state and the states that accept the command."""
    with pytest.raises(ValueError, match="start is not accepted in EXECUTE; it is in: IDLE"):
        apply_command(Machine(), Command.START)


@given(STEPS)
def test_only_paths_of_the_model_are_taken(steps: list[tuple[Command | None, bool, bool, bool]]) -> None:
    """Whatever happens, each change of state is one that ISA-TR88 draws."""
    machine = Machine()
    for command, starved, blocked, own_stop in steps:
        before = machine.state
        machine = advance(machine, 1.0, command=command, starved=starved, blocked=blocked, own_stop=own_stop)
        reachable = {target for states, target in ACCEPTED.values() if before in states} | {before}
        assert machine.state in reachable | {AFTER_ACTING.get(before, before)}


@given(STEPS)
def test_abort_works_from_everywhere(steps: list[tuple[Command | None, bool, bool, bool]]) -> None:
    """From every reachable state an abort leads to ABORTED."""
    machine = Machine()
    for command, starved, blocked, own_stop in steps:
        machine = advance(machine, 1.0, command=command, starved=starved, blocked=blocked, own_stop=own_stop)
    if machine.state not in (State.ABORTING, State.ABORTED):
        assert accepts(machine, Command.ABORT)
    assert settle(machine, Command.ABORT).state is State.ABORTED
