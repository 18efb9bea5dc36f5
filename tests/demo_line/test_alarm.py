"""Alarms: limits with deadband and delay, and the states of ISA-18.2."""

from math import inf
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from demo_line.alarm import Alarm, AlarmDefinition, Alarms, AlarmState, load_alarms
from demo_line.line import Line, LineError, load_definition
from demo_line.measurement import Instruments, Offer, Quality, channels_of
from demo_line.packml import State

LINE = Line(load_definition())
CHANNELS = channels_of(LINE)
NUMBERS = {channel.name: number for number, channel in enumerate(CHANNELS)}


def definition(**more: Any) -> AlarmDefinition:
    fields = {
        "name": "cold", "channel": "PAS-20.holding_a_degc", "below": 91.0, "priority": "critical", "text": "Cold",
        "response": "Divert",
    }  # fmt: skip
    return AlarmDefinition.model_validate({**fields, **more})


def seen(alarm: Alarm, *readings: tuple[float, float], machine: str | None = "EXECUTE") -> list[AlarmState]:
    """States after readings given as (second, value)."""
    states = []
    for now_s, value in readings:
        alarm.value = value
        alarm.watch(now_s, machine)
        states.append(alarm.state)
    return states


N, U, A, R = AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED_TO_NORMAL


def test_an_alarm_comes_goes_and_waits_for_acknowledgement() -> None:
    """It is unacknowledged when it comes, stays so when it has gone, and is normal once somebody has taken note."""
    alarm = Alarm(definition())
    assert seen(alarm, (0, 92.0), (1, 90.9), (2, 92.0)) == [N, U, R]
    alarm.acknowledge(3.0)
    assert alarm.state is N
    assert seen(alarm, (4, 90.0)) == [U]
    alarm.acknowledge(5.0)
    assert seen(alarm, (6, 90.0), (7, 92.0)) == [A, N]
    with pytest.raises(ValueError, match="nothing to acknowledge"):
        alarm.acknowledge(8.0)


def test_a_deadband_keeps_a_noisy_signal_from_chattering() -> None:
    """Once active it goes only when the signal has left limit and deadband."""
    alarm = Alarm(definition(deadband=0.5))
    assert seen(alarm, (0, 90.9), (1, 91.1), (2, 90.8), (3, 91.4), (4, 91.6)) == [U, U, U, U, R]
    high = Alarm(definition(below=None, above=5.0, deadband=1.0))
    assert seen(high, (0, 5.1), (1, 4.5), (2, 3.9)) == [U, U, R]


def test_delays_let_short_excursions_pass() -> None:
    """The limit must be exceeded for the on delay, without interruption, and kept for the off delay."""
    alarm = Alarm(definition(on_delay_s=3.0, off_delay_s=2.0))
    assert seen(alarm, (0, 90.0), (2, 90.0), (2.5, 92.0), (3, 90.0), (5, 90.0), (6, 90.0)) == [N, N, N, N, N, U]
    assert seen(alarm, (7, 92.0), (8, 92.0), (9, 92.0)) == [U, U, R]


def test_outside_its_states_it_is_suppressed_by_design() -> None:
    """A stopped machine does not annunciate; when it runs again with the limit exceeded, the alarm comes."""
    alarm = Alarm(definition(states=("EXECUTE",)))
    assert seen(alarm, (0, 20.0), machine="STOPPED") == [AlarmState.SUPPRESSED]
    assert seen(alarm, (1, 20.0)) == [U]


def test_what_was_so_at_rest_says_nothing_of_the_work_that_begins() -> None:
    """An alarm that is suppressed at rest has its delays from the start of work on, and does not flash up before."""
    alarm = Alarm(definition(states=("EXECUTE",), on_delay_s=5.0, off_delay_s=5.0))
    seen(alarm, (0, 20.0), (9, 20.0), machine="STOPPED")
    assert seen(alarm, (10, 20.0), (12, 92.0), (20, 92.0)) == [N, N, N]
    assert seen(alarm, (21, 20.0), (26, 20.0)) == [N, U]


def test_a_shelved_alarm_comes_back() -> None:
    """After its time, or with one shot after the next return to normal, it can be seen again."""
    alarm = Alarm(definition())
    seen(alarm, (0, 90.0))
    alarm.shelve(1.0, 10.0)
    assert seen(alarm, (5, 90.0), (11, 90.0)) == [AlarmState.SHELVED, U]
    alarm.shelve(12.0)
    assert alarm.shelved_until_s == inf
    assert seen(alarm, (13, 90.0), (14, 92.0), (15, 90.0)) == [AlarmState.SHELVED, R, U]
    alarm.shelve(16.0)
    alarm.unshelve(17.0)
    assert alarm.state is U
    with pytest.raises(ValueError, match="not shelved"):
        alarm.unshelve(18.0)
    with pytest.raises(ValueError, match="cannot be shelved for 0 s"):
        alarm.shelve(19.0, 0.0)


def test_an_alarm_is_confirmed_once_it_is_acknowledged() -> None:
    """Confirming comes after acknowledging, once for each time that the alarm comes."""
    alarm = Alarm(definition())
    seen(alarm, (0, 90.0))
    with pytest.raises(ValueError, match="not acknowledged yet"):
        alarm.confirm(1.0)
    alarm.acknowledge(2.0)
    alarm.confirm(3.0)
    with pytest.raises(ValueError, match="confirmed already"):
        alarm.confirm(4.0)
    seen(alarm, (5, 92.0), (6, 90.0))
    assert not alarm.confirmed


def test_an_alarm_out_of_service_judges_nothing() -> None:
    """It neither comes nor goes until it is in service again, and then has its delays from the beginning."""
    alarm = Alarm(definition(on_delay_s=2.0))
    alarm.disable(0.0)
    assert seen(alarm, (1, 90.0), (9, 90.0)) == [AlarmState.OUT_OF_SERVICE] * 2
    with pytest.raises(ValueError, match="out of service already"):
        alarm.disable(9.0)
    alarm.enable(10.0)
    assert seen(alarm, (10, 90.0), (11, 90.0), (12, 90.0)) == [N, N, U]
    with pytest.raises(ValueError, match="in service already"):
        alarm.enable(13.0)


def test_a_failed_sensor_changes_nothing() -> None:
    """Without a good reading an alarm stands as it stood."""
    alarms = Alarms([definition()], CHANNELS)
    number = NUMBERS["PAS-20.holding_a_degc"]
    (changed,) = alarms.watch([Offer(number, 0, 90.0, Quality.GOOD)], 0.0)
    assert changed.state is U
    assert alarms.watch([Offer(number, 0, None, Quality.BAD)], 1.0) == []
    assert changed.active


def test_the_machine_state_comes_from_its_own_signal() -> None:
    """What the unit's state signal says decides about suppression."""
    alarms = Alarms([definition(states=("EXECUTE",))], CHANNELS)
    state, value = NUMBERS["PAS-20.state_current"], NUMBERS["PAS-20.holding_a_degc"]
    alarms.watch([Offer(state, 0, State.STOPPED.value, Quality.GOOD), Offer(value, 0, 20.0, Quality.GOOD)], 0.0)
    (alarm,) = alarms.alarms.values()
    assert alarm.state is AlarmState.SUPPRESSED
    alarms.watch([Offer(state, 0, State.EXECUTE.value, Quality.GOOD)], 1.0)
    assert alarm.state is U


def test_a_healthy_line_that_starts_raises_no_alarm() -> None:
    """In its first ten minutes the line is not at any limit of the shipped table."""
    state = LINE.start(1)
    LINE.go_live(state)
    alarms, instruments = Alarms(load_alarms(), CHANNELS), Instruments(CHANNELS, 1, LINE.faults)
    assert len(alarms.alarms) == len(load_alarms())
    came = set()
    for second in range(600):
        LINE.step(state, 1.0)
        offers = instruments.measure(state, second)
        came |= {a.definition.name for a in alarms.watch(offers, float(second)) if a.state is U}
    assert not came


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"above": 95.0}, "either above or below"),
        ({"below": None}, "either above or below"),
        ({"states": ["RUNNING"]}, "RUNNING is no PackML state; states: CLEARING"),
        ({"response": ""}, "response"),
        ({"priority": "urgent"}, "priority"),
    ],
)
def test_senseless_alarms_are_refused(more: dict[str, Any], message: str) -> None:
    """The error says what is wrong; an alarm without a response is none."""
    with pytest.raises(ValidationError, match=message):
        definition(**more)


def test_a_table_that_does_not_fit_the_line_names_the_signal(tmp_path: Path) -> None:
    """A signal that the unit does not have is an error; alarms of absent units are left out."""
    with pytest.raises(LineError, match=r"PAS-20\.holding_c_degc is no numeric signal"):
        Alarms([definition(channel="PAS-20.holding_c_degc")], CHANNELS)
    with pytest.raises(LineError, match="defined twice"):
        Alarms([definition(), definition()], CHANNELS)
    assert not Alarms([definition(channel="ABC-1.x")], CHANNELS).alarms
    path = tmp_path / "alarms.toml"
    path.write_text('[[alarms]]\nname = "x"\n', encoding="utf-8")
    with pytest.raises(LineError, match=r"alarms\.toml: alarms\.0\.channel"):
        load_alarms(path)
