"""The production plan: calendar, phases, orders, changeovers, crews."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from numpy.random import default_rng
from pydantic import ValidationError

from demo_line.draws import Draws
from demo_line.line import Line, load_definition
from demo_line.operators import CrewDefinition, entered_reasons
from demo_line.plan import MODES, Phase, PlanState, Recipe
from demo_line.plan.calendar import Calendar
from demo_line.plan.definition import PlanDefinition
from demo_line.plan.schedule import Schedule
from demo_line.unit import Event, Surroundings

SHIPPED = load_definition()
BOTTLES_H = 2400


class Drive:
    """A plan with two machines that move bottles at a fixed rate, the second one a few behind the first."""

    def __init__(self, dt_s: float, seed: int = 1, start: str = "", recipes: int = 4, **changes: Any) -> None:
        self.definition = PlanDefinition.model_validate({**SHIPPED.plan.model_dump(), **changes})
        self.schedule = Schedule(self.definition, SHIPPED.recipes[:recipes], ("FILL", "PACK"))
        self.draws = Draws(default_rng(seed))
        definition = self.definition
        if start:
            definition = definition.model_copy(update={"starts": datetime.fromisoformat(start)})
        self.plan = self.schedule.begin(definition.start_ns, self.draws)
        self.around = Surroundings(dt_s=dt_s, plan=self.plan)
        self.on_belt = 0

    def step(self) -> None:
        around, plan = self.around, self.plan
        around.elapsed_s += around.dt_s
        self.schedule.step(plan, around, self.draws)
        before, after = around.elapsed_s - around.dt_s, around.elapsed_s
        can = int(after * BOTTLES_H / 3600.0) - int(before * BOTTLES_H / 3600.0) if plan.run else 0
        filled = can if plan.fill else 0
        packed = min(self.on_belt, can)
        self.on_belt += filled - packed
        around.moved = {"FILL": filled, "PACK": packed}
        around.passed = dict(around.moved)

    def run(self, hours: float) -> "Drive":
        for _ in range(round(hours * 3600.0 / self.around.dt_s)):
            self.step()
        return self

    def events(self, kind: str) -> list[Event]:
        return [event for event in self.around.events if event.kind == kind]


def phases(drive: Drive) -> list[tuple[float, str]]:
    """Phase changes as (hour since the start, phase), changeovers left out."""
    inside = {"CHANGEOVER"}
    found = [(event.elapsed_s / 3600.0, event.text) for event in drive.events("phase")]
    return [
        (hour, text)
        for place, (hour, text) in enumerate(found)
        if text not in inside and not (text == "PRODUCTION" and place and found[place - 1][1] in inside)
    ]


def test_the_shipped_calendar_has_4000_hours_a_year() -> None:
    """Two shifts on about 250 days, whatever the weekday of the first of January."""
    calendar = Calendar(SHIPPED.plan)
    for year in range(2024, 2031):
        first = datetime(year, 1, 1, 12, tzinfo=UTC)
        days = (datetime(year + 1, 1, 1, 12, tzinfo=UTC) - first).days
        working = sum(calendar.day((first + timedelta(days=day)).timestamp()).working for day in range(days))
        assert working * 16.0 == pytest.approx(4000.0, rel=0.02)


def test_a_working_day_is_heated_worked_and_cleaned() -> None:
    """Heating begins so that the shift starts with bottles; cleaning follows the late shift, then the line is off."""
    drive = Drive(60.0, start="2026-05-04T00:00:00").run(48.0)
    assert phases(drive) == [
        (5.5, "WARM_UP"), (6.0, "PRODUCTION"), (22.0, "CLEANING"), (23.25, "OFF"),
        (29.5, "WARM_UP"), (30.0, "PRODUCTION"), (46.0, "CLEANING"), (47.25, "OFF"),
    ]  # fmt: skip
    assert drive.plan.planned_busy_s == 2 * 16 * 3600.0
    assert [event.fields["crew"] for event in drive.events("shift")] == ["A", "B"] * 2 or [
        event.fields["crew"] for event in drive.events("shift")
    ] == ["B", "A"] * 2


def test_nobody_works_on_weekends_and_holidays() -> None:
    """From Thursday evening before a holiday until Monday morning the line is cold."""
    drive = Drive(60.0, start="2026-04-30T21:00:00").run(81.0)
    assert phases(drive) == [(1.0, "CLEANING"), (2.25, "OFF"), (80.5, "WARM_UP")]
    assert drive.plan.crew == ""


def test_a_live_line_works_at_any_hour_and_is_cleaned_once_a_day() -> None:
    """With `always_on` a line started at night produces at once; its first cleaning waits until it is worth it."""
    line = Line(SHIPPED)
    night = PlanDefinition(starts=datetime(2026, 5, 9, 21, 0)).start_ns  # noqa: DTZ001 - a Saturday
    state = line.start(1, night)
    assert state.around.plan.phase is Phase.OFF
    line.go_live(state)
    line.step(state, 1.0)
    assert state.around.plan.run
    assert (state.around.plan.shift, state.around.plan.crew) != ("", "")
    drive = Drive(60.0, start="2026-05-09T21:00:00")
    drive.plan.always_on, drive.plan.phase = True, Phase.PRODUCTION
    drive.run(72.0)
    assert phases(drive) == [
        (25.0, "CLEANING"), (26.25, "WARM_UP"), (26.75, "PRODUCTION"),
        (49.0, "CLEANING"), (50.25, "WARM_UP"), (50.75, "PRODUCTION"),
    ]  # fmt: skip


def test_whoever_starts_the_showroom_meets_production_and_not_a_changeover() -> None:
    """Going live ends a changeover that is under way and leaves hours of the order in hand."""
    line = Line(SHIPPED)
    state = line.start(1)
    plan = state.around.plan
    plan.quantity = 1
    while plan.phase is not Phase.CHANGEOVER:
        line.step(state, 60.0)
    line.go_live(state)
    seen = set()
    for _ in range(180):
        line.step(state, 60.0)
        seen.add(plan.phase)
    assert seen == {Phase.PRODUCTION}
    assert plan.total.filled > 5000


@pytest.mark.parametrize(("smed", "minutes"), [(False, 45.0), (True, 20.0)])
def test_a_changeover_takes_45_minutes_or_20_after_smed(smed: bool, minutes: float) -> None:
    """Mean over two weeks of an average crew; its steps follow each other and each is an event."""
    crew = {"skill_spread": 0.0, "day_spread": 0.0, "shift_factor": {}}
    drive = Drive(60.0, smed=smed, crew=crew, always_on=True)
    drive.plan.always_on = True
    drive.run(14 * 24.0)
    count = sum(event.text == "CHANGEOVER" for event in drive.events("phase"))
    assert count >= 25
    assert drive.plan.planned_s[Phase.CHANGEOVER] / 60.0 / count == pytest.approx(minutes, rel=0.04)
    steps = Counter(event.text for event in drive.events("changeover"))
    assert len(steps) == (4 if smed else 6)
    assert max(steps.values()) - min(steps.values()) <= 1


def test_orders_are_filled_to_the_bottle_and_counted() -> None:
    """An order ends when its good bottles are there and the line is empty; orders and shifts add up to the total."""
    drive = Drive(1.0, order_pallets=8).run(14.0)
    orders = [event.fields for event in drive.events("order")]
    assert len(orders) >= 2
    for order in orders:
        assert order["good"] == order["filled"]
        assert order["quantity"] <= order["good"] <= order["quantity"] * 1.011  # type: ignore[operator]
        assert order["quantity"] % 720 == 0
    counted = sum(int(order["good"]) for order in orders) + drive.plan.order_counts.good
    assert counted == drive.plan.total.good
    shifts = sum(int(event.fields["good"]) for event in drive.events("shift")) + drive.plan.shift_counts.good
    assert shifts == drive.plan.total.good
    assert drive.plan.in_line == drive.on_belt


def test_every_order_and_every_hour_has_its_own_lot() -> None:
    """A lot code names day, hour and order; none comes twice and none is given out while the line stands."""
    drive = Drive(60.0).run(26.0)
    lots = [event.text for event in drive.events("lot")]
    assert len(set(lots)) == len(lots)
    assert lots[0] == f"L2612406-{drive.events('lot')[0].fields['order']}"
    assert not any(event.text.startswith(("L2612423", "L26125")) and event.text < "L2612506" for event in
                   drive.events("lot"))  # fmt: skip
    again = Drive(60.0, start="2026-05-04T12:00:00")
    assert again.plan.order > int(drive.events("order")[0].fields["order"]), "a line started later numbers on"


def test_seconds_and_minutes_give_the_same_day() -> None:
    """Phases of the calendar switch at the same moments in both step lengths; bottles differ by less than 1 %."""
    fine, coarse = Drive(1.0).run(17.5), Drive(60.0).run(17.5)
    assert phases(fine) == phases(coarse) == [(16.0, "CLEANING"), (17.25, "OFF")]
    assert fine.plan.total.good == pytest.approx(coarse.plan.total.good, rel=0.01)
    assert [event.fields["recipe"] for event in fine.events("order")] == [
        event.fields["recipe"] for event in coarse.events("order")
    ]


def test_what_somebody_asks_for_comes_before_the_calendar() -> None:
    """A forced phase holds until it is released; a forced cleaning ends by itself."""
    drive = Drive(60.0).run(1.0)
    drive.plan.forced = Phase.OFF
    drive.run(2.0)
    drive.plan.forced = None
    drive.run(0.75)
    drive.plan.forced = Phase.CLEANING
    drive.run(1.5)
    assert phases(drive) == [
        (1.0, "OFF"), (3.0, "WARM_UP"), (3.5, "PRODUCTION"), (3.75, "CLEANING"), (5.0, "WARM_UP")
    ]  # fmt: skip
    assert drive.plan.since_cleaning_s == 0.0


def test_the_tariff_follows_hours_and_days() -> None:
    """Peak on working evenings, off-peak at night; a holiday counts as a Sunday."""
    calendar = Calendar(SHIPPED.plan)
    expected = {
        "05-04T18": "peak", "05-04T12": "shoulder", "05-04T23": "off-peak",
        "05-05T03": "off-peak", "05-09T18": "shoulder", "05-01T18": "shoulder",
    }  # fmt: skip
    for text, name in expected.items():
        period = calendar.tariff(datetime.fromisoformat(f"2026-{text}:00").replace(tzinfo=UTC).timestamp())
        assert period is not None
        assert period.name == name, text


def test_a_shift_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    """A night shift of Friday works on Saturday morning, one of Sunday does not exist."""
    definition = PlanDefinition.model_validate(
        {"shifts": [{"name": "night", "begins": "22:00", "ends": "06:00"}], "working_days": [4]}
    )
    calendar = Calendar(definition)
    saturday = datetime(2026, 5, 9, 3, tzinfo=UTC).timestamp()
    assert calendar.shift(saturday) is not None
    assert calendar.shift(saturday + 5 * 3600.0) is None
    assert calendar.shift(saturday + 86_400.0) is None


@pytest.mark.parametrize(
    ("mistake", "recipe_differs", "label_differs"), [("wrong_recipe", True, False), ("wrong_label_roll", False, True)]
)
def test_a_mistake_in_a_changeover_makes_the_wrong_product_or_label(
    mistake: str, recipe_differs: bool, label_differs: bool
) -> None:
    """With a probability configured the crew takes the wrong recipe or roll; the order still says what it should be."""
    drive = Drive(60.0, crew={mistake: 1.0}).run(12.0)
    assert mistake in drive.plan.progress.mistakes
    drive.around.severity[mistake] = 1.0
    drive.run(0.1)
    assert (drive.plan.recipe.name != drive.plan.ordered.name) is recipe_differs
    assert (drive.plan.label != drive.plan.ordered.label) is label_differs
    drive.around.severity[mistake] = 0.0
    drive.run(0.1)
    assert (drive.plan.recipe.name, drive.plan.label) == (drive.plan.ordered.name, drive.plan.ordered.label)


@pytest.mark.parametrize("mistake", ["wrong_label_roll", "wrong_recipe"])
def test_a_mistake_lasts_until_the_crew_notices_it_or_the_order_ends(mistake: str) -> None:
    """A crew that always takes the wrong one does so in the changeover, and has corrected it before the next."""
    crew = SHIPPED.plan.crew.model_copy(update={mistake: 1.0})
    plan = SHIPPED.plan.model_copy(update={"order_pallets": 3.0, "order_spread": 0.0, "crew": crew})
    line = Line(SHIPPED.model_copy(update={"plan": plan}))
    state = line.start(1)
    now, first = state.around.plan, state.around.plan.order
    wrong: dict[tuple[int, Phase], list[bool]] = {}
    for _ in range(6 * 60):
        line.step(state, 60.0)
        differs = (now.label, now.recipe.name) != (now.ordered.label, now.ordered.name)
        wrong.setdefault((now.order - first, now.phase), []).append(differs)
    assert not any(wrong[0, Phase.PRODUCTION])
    assert 20 <= sum(wrong[1, Phase.PRODUCTION]) <= 80
    assert not any(wrong[2, Phase.CHANGEOVER])


def test_crews_make_no_mistakes_unless_configured() -> None:
    """A month of the shipped plan has none."""
    assert Drive(60.0).run(30 * 24.0).plan.progress.mistakes == []


def test_crews_differ_and_late_refills_take_longer() -> None:
    """Each crew has its own pace by seed; a crew that forgets refills needs several times as long for them."""
    paces = {seed: Drive(60.0, seed=seed).run(0.1).plan.response for seed in range(6)}
    assert len(set(paces.values())) == 6
    assert all(0.5 < pace < 2.0 for pace in paces.values())
    drive = Drive(60.0).run(0.1)
    assert drive.plan.refill_response == drive.plan.response
    drive.around.severity["late_refill"] = 1.0
    drive.run(0.1)
    assert drive.plan.refill_response == pytest.approx(6.0 * drive.plan.response)


def test_crews_enter_reasons_for_long_stops_and_some_are_filed_under_other() -> None:
    """Short stops are not asked about, most long ones get their reason, about a tenth the wrong one."""
    crews, draws = CrewDefinition(), Draws(default_rng(2))
    stops = [Event(0.0, "MONO-30", "stop", "cap jam", {"duration_s": 90.0})] * 2000
    stops += [Event(0.0, "MONO-30", "stop", "cap jam", {"duration_s": 30.0})] * 2000
    entered = entered_reasons(crews, stops, "A", draws)
    assert len(entered) == pytest.approx(1700, rel=0.05)
    assert sum(event.text == "other" for event in entered) == pytest.approx(170, rel=0.25)
    assert {event.fields["duration_s"] for event in entered} == {90.0}


def test_packaging_units_follow_the_phase_with_their_mode() -> None:
    """In a changeover and in cleaning the monobloc shows that unit mode."""
    line = Line(SHIPPED)
    state = line.start(1)
    machine = line.units["MONO-30"].machine
    assert machine is not None
    for phase in (Phase.CLEANING, Phase.OFF):
        state.around.plan.forced = phase
        line.step(state, 1.0)
        assert machine(state.units["MONO-30"]).mode is MODES[phase]


def test_others_can_compute_the_effectiveness_from_the_readings() -> None:
    """LINE-00 shows what an OEE needs: good bottles and the time planned for them."""
    line = Line(SHIPPED)
    state = line.start(1)
    for _ in range(4 * 60 + 1):
        line.step(state, 60.0)
    shown = {signal.name: signal.value(state.units["LINE-00"]) for signal in line.units["LINE-00"].signals}
    assert shown["planned_busy_h"] == pytest.approx(4.0 + 1.0 / 60.0)
    assert shown["good_count"] == state.around.plan.total.good
    assert 0.4 < float(shown["good_count"]) / (float(shown["planned_busy_h"]) * 3000.0) < 0.9
    assert shown["recipe"] == state.around.plan.ordered.name
    assert (shown["shift"], shown["phase"]) == ("early", state.around.plan.phase.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shifts": [{"name": "x", "begins": "6", "ends": "14:00"}]}, "'6' is no time of day; write it like 06:30"),
        ({"shifts": [{"name": "x", "begins": "25:00", "ends": "14:00"}]}, "less than or equal to 86400"),
        ({"holidays": ["13-01"]}, "'13-01' is no day of the year; write it like 12-25"),
        ({"starts": datetime(2026, 5, 4, tzinfo=UTC)}, "has a time zone; give local time and utc_offset_h"),
        ({"warm_up": 3}, "Extra inputs"),
    ],
)
def test_a_wrong_plan_is_refused_with_the_remedy(values: dict[str, Any], message: str) -> None:
    """The text names what is wrong and how to write it."""
    with pytest.raises(ValidationError, match=message):
        PlanDefinition.model_validate(values)


def test_the_state_begins_where_the_calendar_is() -> None:
    """A plan begins in production within a shift and off outside, with a recipe of the definition."""
    inside, outside = Drive(60.0), Drive(60.0, start="2026-05-04T02:00:00")
    assert inside.plan.phase is Phase.PRODUCTION
    assert outside.plan.phase is Phase.OFF
    assert inside.plan.recipe in SHIPPED.recipes
    assert isinstance(PlanState().recipe, Recipe)
