"""Alarms by ISA-18.2: states of an alarm, limits with deadband and delays, and a bound on how many are announced."""

from analytics.alarms.alarm import Alarm, AlarmState, acknowledge, observe, shelve, suppress, unshelve
from analytics.alarms.flood import FloodGate
from analytics.alarms.limits import AlarmLimit

__all__ = [
    "Alarm",
    "AlarmLimit",
    "AlarmState",
    "FloodGate",
    "acknowledge",
    "observe",
    "shelve",
    "suppress",
    "unshelve",
]
