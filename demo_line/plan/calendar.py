"""Shifts, days and tariff periods; pure functions of local time.

Local time is counted in seconds since 1970-01-01 00:00 of the plant's own clock.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from demo_line.plan.definition import DAY_S, PlanDefinition, Shift, TariffPeriod

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Day(NamedTuple):
    """One local day.

    Attributes:
        number: days since 1970-01-01.
        year, of_year: calendar year, and 1 to 366.
        weekday: 0 = Monday.
        working: whether its shifts take place.
        holiday: whether it is a holiday of the plan.
    """

    number: int
    year: int
    of_year: int
    weekday: int
    working: bool
    holiday: bool


class Calendar:
    """Answers what the calendar of a plan says about a moment.

    Args:
        definition: the plan.
    """

    def __init__(self, definition: PlanDefinition) -> None:
        self.definition = definition
        self._holidays = frozenset(definition.holidays)
        self._offset_s = definition.utc_offset_h * 3600.0
        self._shifts = [(shift.begins, shift.begins + shift.length_s, shift) for shift in definition.shifts]
        self._days: dict[int, Day] = {}

    def local_s(self, start_ns: int, elapsed_s: float) -> float:
        """Local time of a moment of a run."""
        return start_ns / 1e9 + self._offset_s + elapsed_s

    def day(self, local_s: float) -> Day:
        """The day to which a moment belongs."""
        return self._day(int(local_s // DAY_S))

    def _day(self, number: int) -> Day:
        known = self._days.get(number)
        if known is None:
            date = _EPOCH + timedelta(days=number)
            weekday = date.weekday()
            holiday = date.strftime("%m-%d") in self._holidays
            working = weekday in self.definition.working_days and not holiday
            known = self._days[number] = Day(number, date.year, date.timetuple().tm_yday, weekday, working, holiday)
        return known

    def shift(self, local_s: float) -> Shift | None:
        """The shift at work; a shift over midnight belongs to the day on which it begins."""
        number = int(local_s // DAY_S)
        since_s = local_s - number * DAY_S
        for begin_s, end_s, shift in self._shifts:
            if begin_s <= since_s < end_s and self._day(number).working:
                return shift
            if since_s + DAY_S < end_s and self._day(number - 1).working:
                return shift
        return None

    def tariff(self, local_s: float) -> TariffPeriod | None:
        """The tariff period of a moment; None where the definition leaves a hole."""
        day = self.day(local_s)
        weekday = 6 if day.holiday else day.weekday
        time_s = local_s % DAY_S
        for period in self.definition.tariff:
            over_midnight = period.begins >= period.ends
            after, before = time_s >= period.begins, time_s < period.ends
            if weekday in period.weekdays and ((after or before) if over_midnight else (after and before)):
                return period
        return None
