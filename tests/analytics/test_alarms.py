"""Alarms: states, deadband, delays, shelving and the flood limit hold for any course of values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.alarms import Alarm, AlarmLimit, AlarmState, FloodGate, acknowledge, observe, shelve, suppress, unshelve
from analytics.alarms.flood import MOST, SPAN_NS
from analytics.alarms.limits import NS_PER_S

LIMIT = AlarmLimit(1.0, deadband=0.2, on_delay_s=30, off_delay_s=60)
values = st.one_of(st.none(), st.floats(-3, 3))
limits = st.builds(
    AlarmLimit,
    st.floats(-1, 1),
    deadband=st.floats(0, 0.5),
    on_delay_s=st.integers(0, 60),
    off_delay_s=st.integers(0, 60),
)


def run(limit: AlarmLimit, course: list[float | None], alarm: Alarm | None = None) -> list[Alarm]:
    """Show one value every ten seconds."""
    alarms = [alarm or Alarm()]
    for step, value in enumerate(course):
        alarms.append(observe(alarms[-1], limit, value, step * 10 * NS_PER_S))
    return alarms[1:]


def test_an_alarm_runs_through_its_states() -> None:
    """Raised after the delay, acknowledged, and normal again only after the value left the deadband long enough."""
    alarms = run(LIMIT, [1.1, 1.1, 1.1, 1.1])
    assert [alarm.raised for alarm in alarms] == [False, False, False, True]
    assert alarms[-1].state(0) is AlarmState.UNACKNOWLEDGED
    known = acknowledge(alarms[-1])
    assert known.state(0) is AlarmState.ACKNOWLEDGED
    inside = run(LIMIT, [0.9] * 20, known)[-1]
    assert inside.raised
    assert not run(LIMIT, [0.7] * 7, known)[-1].raised
    assert run(LIMIT, [0.7] * 7, known)[-1].state(0) is AlarmState.NORMAL
    assert run(LIMIT, [0.7] * 7, alarms[-1])[-1].state(0) is AlarmState.RETURNED_TO_NORMAL


def test_a_shelved_alarm_is_silent_and_comes_back() -> None:
    """Shelving hides the state until its time is over, and the condition is followed meanwhile."""
    shelved = shelve(Alarm(), 500 * NS_PER_S)
    raised = run(LIMIT, [2.0] * 5, shelved)[-1]
    assert raised.state(499 * NS_PER_S) is AlarmState.SHELVED
    assert raised.state(500 * NS_PER_S) is AlarmState.UNACKNOWLEDGED
    assert unshelve(raised).state(0) is AlarmState.UNACKNOWLEDGED
    assert suppress(raised, suppressed=True).state(500 * NS_PER_S) is AlarmState.SUPPRESSED


@given(limits, st.lists(values, max_size=60))
def test_an_alarm_is_raised_by_its_delay_only(limit: AlarmLimit, course: list[float | None]) -> None:
    """It is raised exactly after an unbroken run of values at the limit as long as the delay, and cleared likewise."""
    raised, since = False, None
    for step, (value, alarm) in enumerate(zip(course, run(limit, course), strict=True)):
        at_s = step * 10
        contrary = value is not None and (value < limit.limit - limit.deadband if raised else value >= limit.limit)
        since = (at_s if since is None else since) if contrary else None
        if since is not None and at_s - since >= (limit.off_delay_s if raised else limit.on_delay_s):
            raised, since = not raised, None
        assert alarm.raised is raised


@given(limits, st.lists(values, max_size=60))
def test_what_is_acknowledged_stays_so_until_it_is_raised_again(limit: AlarmLimit, course: list[float | None]) -> None:
    """An alarm asks for an operator exactly when it is raised, once each time."""
    alarm = Alarm()
    for step, value in enumerate(course):
        later = observe(alarm, limit, value, step * 10 * NS_PER_S)
        assert later.acknowledged is not (later.raised and not alarm.raised)
        alarm = acknowledge(later)
    assert run(limit, [None] * 10)[-1].state(0) is AlarmState.NORMAL


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 8)), max_size=60))
def test_never_more_than_ten_alarms_in_ten_minutes(steps: list[tuple[int, int]]) -> None:
    """No ten minutes see more than ten, whatever is raised; the others are in the summary, the urgent ones first."""
    gate, now_ns, announced, total, held = FloodGate(), 0, [], 0, 0
    for wait_s, count in steps:
        now_ns += wait_s * NS_PER_S
        before = sum(gate.summarised.values())
        names = gate.announce([(1 + k % 3, f"alarm {total + k}") for k in range(count)], now_ns)
        total += count
        announced += [now_ns] * len(names)
        if count:
            held += sum(gate.summarised.values()) - before
        assert bool(gate.summary()) is bool(gate.summarised)
    assert len(announced) + held == total
    assert all(sum(at - SPAN_NS < one <= at for one in announced) <= MOST for at in announced)
    urgent = FloodGate(most=1)
    assert urgent.announce([(3, "later"), (1, "now")], 0) == ["now"]
    assert "later" in urgent.summary()


def test_absurd_limits_are_refused() -> None:
    """A negative deadband or an unknown priority is an error that names it."""
    with pytest.raises(ValueError, match="deadband"):
        AlarmLimit(1.0, deadband=-1)
    with pytest.raises(ValueError, match="priority"):
        AlarmLimit(1.0, priority=0)
