"""What a work-order proposal rests on beside the assessment: stops, prices, times. Assumptions as data, from TOML."""

from datetime import UTC, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from edge_agent.sparkplug.settings import Settings, load_settings

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NS_PER_S = 1_000_000_000
Positive = Annotated[float, Field(ge=0)]


class Stop(NamedTuple):
    """One planned stop, UTC nanoseconds."""

    name: str
    begin_ns: int
    end_ns: int


class StopRule(Settings):
    """A stop that comes back every week.

    Attributes:
        name: for people.
        weekdays: days on which it begins.
        begin: time of day, UTC.
        length_h: how long it lasts.
    """

    name: str
    weekdays: tuple[Weekday, ...] = Field(min_length=1)
    begin: time
    length_h: float = Field(gt=0, le=168)


class Work(Settings):
    """What a repair takes.

    Attributes:
        hours, people: work at the machine.
        part_price: in the currency of the file.
        lead_time_h: until the part is there where it is not in stock.
        in_stock: whether the part lies in the store.
        lock_out: whether the machine must be isolated (ISO 14118).
        check: what to check before the work.
    """

    hours: Positive = 2.0
    people: int = Field(default=1, ge=1)
    part_price: Positive = 0.0
    lead_time_h: Positive = 48.0
    in_stock: bool = False
    lock_out: bool = True
    check: str = ""


class Maintenance(Settings):
    """The whole file; see maintenance.toml beside this module for the meaning of each value."""

    currency: str
    line_hour: Positive
    crew_hour: Positive
    acceptable_risk: float = Field(gt=0, lt=1)
    surprise_factor: float = Field(ge=1)
    stops: tuple[StopRule, ...] = Field(min_length=1)
    work: dict[str, Work]

    @model_validator(mode="after")
    def _has_a_default(self) -> Self:
        if "default" not in self.work:
            raise ValueError("[work.default] is missing: it says what a repair takes that has no entry of its own")
        return self

    def work_for(self, mechanism: str) -> Work:
        """Return what the repair of a mechanism takes."""
        return self.work.get(mechanism, self.work["default"])

    def next_stops(self, now_ns: int, days: int = 15) -> list[Stop]:
        """Return the stops that end after now, by begin, those of `days` days."""
        today = datetime.fromtimestamp(now_ns / _NS_PER_S, UTC).date()
        found: list[Stop] = []
        for rule in self.stops:
            for day in (today + timedelta(days=offset) for offset in range(-7, days)):
                if _WEEKDAYS[day.weekday()] in rule.weekdays:
                    begin_ns = int(datetime.combine(day, rule.begin, UTC).timestamp()) * _NS_PER_S
                    stop = Stop(rule.name, begin_ns, begin_ns + round(rule.length_h * 3600) * _NS_PER_S)
                    if stop.end_ns > now_ns:
                        found.append(stop)
        return sorted(found, key=lambda stop: stop.begin_ns)


def load_maintenance(path: Path | None = None) -> Maintenance:
    """Read the assumptions, those of the demonstration plant where no file is named; raises ConfigError."""
    if path is not None:
        return load_settings(path, Maintenance)
    with resources.as_file(resources.files(__package__) / "maintenance.toml") as shipped:
        return load_settings(shipped, Maintenance)
