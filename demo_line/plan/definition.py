"""The plan as a line definition writes it, under `[plan]`."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from demo_line.operators import CrewDefinition

NS_PER_S = 1_000_000_000
DAY_S = 86_400


def _seconds(value: object) -> object:
    """Seconds after midnight of a text like `06:30`; `24:00` is the end of the day."""
    if not isinstance(value, str):
        return value
    hours, colon, minutes = value.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(minutes) < 60):
        raise ValueError(f"{value!r} is no time of day; write it like 06:30")
    return int(hours) * 3600 + int(minutes) * 60


TimeOfDay = Annotated[int, BeforeValidator(_seconds), Field(ge=0, le=DAY_S)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shift(_Model):
    """One shift of a working day; it ends on the next day where its end is not behind its begin."""

    name: str
    begins: TimeOfDay
    ends: TimeOfDay

    @property
    def length_s(self) -> int:
        """Seconds from begin to end."""
        return (self.ends - self.begins) % DAY_S or DAY_S


class TariffPeriod(_Model):
    """Hours in which the energy price holds; of several that fit, the first in the definition is taken.

    Attributes:
        name: e.g. `peak`.
        price_kwh: price of a kilowatt-hour in the definition's currency.
        begins, ends: local time of day; begin behind end = over midnight.
        weekdays: 0 = Monday; holidays of the plan count as Sunday.
    """

    name: str
    price_kwh: float = Field(ge=0)
    begins: TimeOfDay = 0
    ends: TimeOfDay = DAY_S
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = tuple(range(7))


class ChangeoverStep(_Model):
    """One step of a changeover.

    Attributes:
        title: for people.
        minutes: how long it takes; today all of it with the line standing.
        smed_minutes: what is left with the line standing once set-up work is made external and streamlined
            (single-minute exchange of die, S. Shingo 1985).
    """

    title: str
    minutes: float = Field(ge=0)
    smed_minutes: float = Field(ge=0)


_TWO_SHIFTS = (
    Shift(name="early", begins=6 * 3600, ends=14 * 3600),
    Shift(name="late", begins=14 * 3600, ends=22 * 3600),
)
_CHANGEOVER = (
    ChangeoverStep(title="fetch label roll, caps and recipe sheet", minutes=9, smed_minutes=0),
    ChangeoverStep(title="flush product out of the filler", minutes=8, smed_minutes=7),
    ChangeoverStep(title="change label roll and coder text", minutes=7, smed_minutes=4),
    ChangeoverStep(title="set guides, heads and bundle format", minutes=9, smed_minutes=4),
    ChangeoverStep(title="fill bowl and take the first-bottle samples", minutes=8, smed_minutes=5),
    ChangeoverStep(title="clear papers of the old order", minutes=4, smed_minutes=0),
)


class PlanDefinition(_Model):
    """Calendar, orders, changeovers, cleaning, tariff and crews of a line.

    Attributes:
        starts: local time at which a run begins unless told otherwise; a run that nobody dates is the same every day.
        utc_offset_h: local time minus UTC; there is no summer time.
        always_on: a line that serves live (see `Line.go_live`) works at any hour, so that it runs whenever somebody
            looks; what lies before is made by the calendar, with its nights and weekends.
        live_order_bottles: an order that a line goes live with has at least so many bottles left, so that whoever
            starts the showroom does not meet a changeover first.
        working_days: 0 = Monday.
        holidays: days without work as `MM-DD`, every year.
        shifts: of a working day.
        warm_up_min: from the start of heating to the first bottle; it ends when the shift begins.
        cleaning_min: cleaning in place once a day.
        cleaning_at: when it begins where work goes on through the night; it begins earlier when work ends earlier.
        cleaning_after_h: production time below which that cleaning waits for the next day.
        run_out_min: longest time for which the line runs empty before it is stopped.
        order_pallets, order_spread: size of an order, log-normal, in whole pallets.
        pallet_bottles: bottles on a pallet.
        lot_h: a new lot begins with every order and every so many hours.
        changeover: steps between two recipes.
        changeover_spread: standard deviation of the logarithm of a step's duration.
        smed: whether the shortened changeover is in use.
        currency: of the prices.
        tariff: periods of the energy price.
        crew: the people.
    """

    starts: datetime = datetime(2026, 5, 4, 6, 0)  # noqa: DTZ001 - local time of the plant, see utc_offset_h
    utc_offset_h: float = Field(default=1.0, ge=-12, le=14)
    always_on: bool = False
    live_order_bottles: int = Field(default=10_000, ge=0)
    working_days: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4)
    holidays: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = _TWO_SHIFTS
    warm_up_min: float = Field(default=30.0, ge=0)
    cleaning_min: float = Field(default=75.0, gt=0)
    cleaning_at: TimeOfDay = 22 * 3600
    cleaning_after_h: float = Field(default=6.0, ge=0)
    run_out_min: float = Field(default=8.0, ge=0)
    order_pallets: float = Field(default=20.0, gt=0)
    order_spread: float = Field(default=0.35, ge=0)
    pallet_bottles: int = Field(default=720, gt=0)
    lot_h: int = Field(default=1, ge=1, le=24)
    changeover: tuple[ChangeoverStep, ...] = _CHANGEOVER
    changeover_spread: float = Field(default=0.12, ge=0)
    smed: bool = False
    currency: str = "EUR"
    tariff: tuple[TariffPeriod, ...] = (TariffPeriod(name="all day", price_kwh=0.15),)
    crew: CrewDefinition = CrewDefinition()

    @field_validator("starts")
    @classmethod
    def _is_local(cls, starts: datetime) -> datetime:
        if starts.tzinfo is not None:
            raise ValueError(f"{starts.isoformat()} has a time zone; give local time and utc_offset_h")
        return starts

    @field_validator("holidays")
    @classmethod
    def _are_days(cls, holidays: tuple[str, ...]) -> tuple[str, ...]:
        for text in holidays:
            try:
                datetime.strptime(f"2024-{text}", "%Y-%m-%d").replace(tzinfo=UTC)
            except ValueError:
                raise ValueError(f"{text!r} is no day of the year; write it like 12-25") from None
        return holidays

    @property
    def start_ns(self) -> int:
        """`starts` as UTC nanoseconds since 1970."""
        seconds = self.starts.replace(tzinfo=UTC).timestamp() - self.utc_offset_h * 3600.0
        return round(seconds) * NS_PER_S
