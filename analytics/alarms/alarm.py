"""States of one alarm after ISA-18.2 (figure "alarm state transitions"). Pure: time is an argument.

The condition of the process, what the operator knows of it, and whether it is announced are kept apart; the state that
people see follows from the three. A value that is unknown (None) changes nothing: it neither raises nor clears.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from analytics.alarms.limits import NS_PER_S, AlarmLimit


class AlarmState(StrEnum):
    """What an operator sees of an alarm."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_TO_NORMAL = "returned_to_normal"  # it was raised, it is over, and nobody has acknowledged it yet
    SHELVED = "shelved"  # an operator silenced it for a time
    SUPPRESSED = "suppressed"  # by design: it means nothing in this state of the plant


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm at one instant.

    Attributes:
        raised: whether the condition holds, deadband and delays counted in.
        acknowledged: whether an operator knows of it; True while nothing was raised.
        raised_ns: when it was raised last; 0 = never.
        changing_since_ns: since when the value says the contrary of `raised`; None where it does not.
        shelved_until_ns: 0 = not shelved.
        suppressed: see AlarmState.
    """

    raised: bool = False
    acknowledged: bool = True
    raised_ns: int = 0
    changing_since_ns: int | None = None
    shelved_until_ns: int = 0
    suppressed: bool = False

    def state(self, now_ns: int) -> AlarmState:
        """Return what an operator sees at a time."""
        if self.suppressed:
            return AlarmState.SUPPRESSED
        if now_ns < self.shelved_until_ns:
            return AlarmState.SHELVED
        if self.raised:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED_TO_NORMAL


def observe(alarm: Alarm, limit: AlarmLimit, value: float | None, now_ns: int) -> Alarm:
    """Return the alarm after a value was seen; None or NaN: the value is unknown."""
    if value is None or value != value:
        return replace(alarm, changing_since_ns=None)
    contrary = value < limit.limit - limit.deadband if alarm.raised else value >= limit.limit
    if not contrary:
        return alarm if alarm.changing_since_ns is None else replace(alarm, changing_since_ns=None)
    since_ns = now_ns if alarm.changing_since_ns is None else min(alarm.changing_since_ns, now_ns)
    delay_s = limit.off_delay_s if alarm.raised else limit.on_delay_s
    if now_ns - since_ns < delay_s * NS_PER_S:
        return replace(alarm, changing_since_ns=since_ns)
    if alarm.raised:
        return replace(alarm, raised=False, changing_since_ns=None)
    return replace(alarm, raised=True, acknowledged=False, raised_ns=now_ns, changing_since_ns=None)


def acknowledge(alarm: Alarm) -> Alarm:
    """Return the alarm after an operator has acknowledged it."""
    return replace(alarm, acknowledged=True)


def shelve(alarm: Alarm, until_ns: int) -> Alarm:
    """Return the alarm silenced until a time; its condition is followed all the same."""
    return replace(alarm, shelved_until_ns=until_ns)


def unshelve(alarm: Alarm) -> Alarm:
    """Return the alarm announced again."""
    return replace(alarm, shelved_until_ns=0)


def suppress(alarm: Alarm, *, suppressed: bool) -> Alarm:
    """Return the alarm with or without suppression by design."""
    return replace(alarm, suppressed=suppressed)
