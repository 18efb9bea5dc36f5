"""Steps the plan: calendar, phases, orders, lots, changeovers, cleaning and crews.

The calendar is looked at once a simulated minute and holds for the step that begins then, so steps of a second and of
a minute switch at the same times.
"""

from collections.abc import Sequence

from demo_line import operators
from demo_line.draws import Draws
from demo_line.plan.calendar import Calendar
from demo_line.plan.definition import DAY_S, PlanDefinition
from demo_line.plan.state import (
    CHANGEOVER,
    CLEANING,
    OFF,
    PRODUCTION,
    WARM_UP,
    Counts,
    Phase,
    PlanState,
    Recipe,
)
from demo_line.unit import Event, Surroundings

_EXTRA = "extra"
_HOURS_TO_2020 = 438_288
"""Hours from 1970 to 2020; order numbers count from there."""

_REJECTED_BEHIND_FILLER = 0.01
"""Share of the bottles on their way that an order expects to lose."""


class Schedule:
    """The plan of a line; it holds no state of the simulation.

    Args:
        definition: calendar, orders, changeovers.
        recipes: what can be ordered, at least one.
        machines: packaging machines in the direction of the bottles; the first one fills, the last one counts good
            bottles. A line without machines has one order without end.
    """

    def __init__(self, definition: PlanDefinition, recipes: Sequence[Recipe], machines: Sequence[str]) -> None:
        self.definition = definition
        self.calendar = Calendar(definition)
        self.recipes = tuple(recipes)
        self._names = [recipe.name for recipe in recipes]
        self._machines = tuple(machines)
        self._warm_up_s = definition.warm_up_min * 60.0
        self._cleaning_s = definition.cleaning_min * 60.0
        self._run_out_s = definition.run_out_min * 60.0

    def begin(self, start_ns: int, draws: Draws) -> PlanState:
        """Plan at the start of a run: in the middle of work if the calendar says so, else off."""
        plan = PlanState(start_ns=start_ns)
        plan.progress.crews = operators.skills(self.definition.crew, draws)
        local_s = self.calendar.local_s(start_ns, 0.0)
        plan.order = int(local_s // 3600) - _HOURS_TO_2020
        recipe = self._next_recipe(None, draws)
        plan.recipe = plan.ordered = recipe
        plan.label = recipe.label
        plan.quantity = self._quantity(draws)
        plan.phase = PRODUCTION if self.calendar.shift(local_s) is not None else OFF
        return plan

    def go_live(self, plan: PlanState, *, at_start: bool) -> None:
        """From here on somebody may look: with `always_on` the line works, and a changeover is hours away."""
        plan.always_on = self.definition.always_on
        if not plan.always_on:
            return
        plan.progress.steps, plan.changeover_left_s = [], 0.0
        plan.quantity = max(plan.quantity, plan.order_counts.good + self.definition.live_order_bottles)
        if at_start:
            plan.phase = PRODUCTION

    def step(self, plan: PlanState, around: Surroundings, draws: Draws) -> None:
        """Let the plan follow the calendar and the bottles; `around` still holds the last step's bottles."""
        dt_s = around.dt_s
        begin_s = around.elapsed_s - dt_s
        plan.in_phase_s = begin_s - plan.progress.phase_began_s
        if self._machines:
            self._count(plan, around)
        local_s = self.calendar.local_s(plan.start_ns, begin_s)
        minute = int(local_s // 60.0)
        if minute != plan.progress.minute:
            plan.progress.minute = minute
            self._look_at_calendar(plan, local_s, around, draws)
        plan.local_hour = local_s % DAY_S / 3600.0
        if plan.phase is PRODUCTION:
            self._watch_order(plan, dt_s, begin_s, around, draws)
        elif plan.phase is CHANGEOVER and plan.changeover_left_s <= 0.5 * dt_s:
            self._end_changeover(plan, draws)
        elif plan.phase is CLEANING and plan.in_phase_s >= self._cleaning_s:
            plan.since_cleaning_s = 0.0
            plan.progress.works = self._works(plan, local_s)
        wanted = self._wanted(plan)
        if wanted is not plan.phase:
            self._enter(plan, wanted, begin_s, around)
        self._book(plan, begin_s, around)

    def _book(self, plan: PlanState, begin_s: float, around: Surroundings) -> None:
        """Let the step that begins now count for its phase; the lot and the changeover go on."""
        dt_s = around.dt_s
        plan.planned_s[plan.phase] += dt_s
        if plan.phase is PRODUCTION:
            plan.planned_busy_s += dt_s
            plan.since_cleaning_s += dt_s
            lot = f"{plan.progress.lot_begin}-{plan.order}"
            if lot != plan.lot:
                plan.lot = lot
                around.events.append(Event(begin_s, "", "lot", lot, {"order": plan.order}))
        elif plan.phase is CHANGEOVER:
            plan.planned_busy_s += dt_s
            self._change_over(plan, begin_s, around)

    def _count(self, plan: PlanState, around: Surroundings) -> None:
        """Bottles of the last step, booked for the order and the shift."""
        moved, passed = around.moved, around.passed
        if not moved:  # before the first step
            return
        filled, good = moved[self._machines[0]], passed[self._machines[-1]]
        if filled or plan.in_line:
            plan.in_line += sum(map(passed.__getitem__, self._machines[:-1]))
            plan.in_line -= sum(map(moved.__getitem__, self._machines[1:]))
        if filled or good:
            for counts in (plan.order_counts, plan.shift_counts, plan.total):
                counts.filled += filled
                counts.good += good

    def _look_at_calendar(self, plan: PlanState, local_s: float, around: Surroundings, draws: Draws) -> None:
        calendar = self.calendar
        day = calendar.day(local_s)
        plan.day_of_year, plan.weekday, plan.working_day = day.of_year, day.weekday, day.working
        period = calendar.tariff(local_s)
        plan.tariff, plan.price_kwh = ("", 0.0) if period is None else (period.name, period.price_kwh)
        plan.progress.works = self._works(plan, local_s)
        plan.progress.works_later = self._works(plan, local_s + self._run_out_s)
        plan.progress.works_soon = plan.progress.works or self._works(plan, local_s + self._warm_up_s)
        shift = calendar.shift(local_s)
        name = shift.name if shift is not None else _EXTRA if plan.progress.works else ""
        if name != plan.shift:
            self._change_shift(plan, name, day.number, around, draws)
        hour = int(local_s % DAY_S // 3600)
        hour -= hour % self.definition.lot_h
        plan.progress.lot_begin = f"L{day.year % 100:02d}{day.of_year:03d}{hour:02d}"
        self._follow_mistakes(plan, around)

    def _works(self, plan: PlanState, local_s: float) -> bool:
        """Whether the line is meant to work: the calendar or an extra shift, but not while it is due for cleaning."""
        since_s = local_s % DAY_S - self.definition.cleaning_at
        if 0.0 <= since_s < 3600.0 and plan.since_cleaning_s >= self.definition.cleaning_after_h * 3600.0:
            return False
        return plan.always_on or self.calendar.shift(local_s) is not None

    def _change_shift(self, plan: PlanState, name: str, day: int, around: Surroundings, draws: Draws) -> None:
        crews = self.definition.crew
        counts = plan.shift_counts
        if plan.shift:
            around.events.append(
                Event(around.elapsed_s - around.dt_s, "", "shift", f"end of shift {plan.shift}",
                      {"filled": counts.filled, "good": counts.good, "crew": plan.crew})
            )  # fmt: skip
        plan.shift, plan.shift_counts = name, Counts()
        names = [shift.name for shift in self.definition.shifts]
        # Weeks begin on Monday; 1970-01-01 was a Thursday.
        plan.crew = crews.on_duty(names.index(name) if name in names else len(names), (day + 3) // 7) if name else ""
        plan.response = operators.response(crews, plan.progress.crews[plan.crew], name, draws) if name else 1.0
        plan.progress.corrected += operators.CHOSEN_PER_SHIFT
        if name and draws.uniform() < crews.late_refill:
            plan.progress.mistakes.append("late_refill")

    def _follow_mistakes(self, plan: PlanState, around: Surroundings) -> None:
        """What the line really makes and labels, when the crew has got it wrong."""
        severity = around.severity
        wrong = self.recipes[(self._names.index(plan.ordered.name) + 1) % len(self.recipes)]
        plan.recipe = wrong if severity.get("wrong_recipe", 0.0) >= 1.0 else plan.ordered
        plan.label = (wrong if severity.get("wrong_label_roll", 0.0) >= 1.0 else plan.ordered).label
        plan.refill_response = operators.refill_response(plan.response, severity.get("late_refill", 0.0))

    def _wanted(self, plan: PlanState) -> Phase:
        phase = plan.phase
        if plan.forced is not None:
            if plan.forced is not CLEANING or phase is not CLEANING or plan.in_phase_s < self._cleaning_s:
                return plan.forced
            plan.forced = None
        if phase is CLEANING and plan.in_phase_s < self._cleaning_s:
            return phase
        if not plan.progress.works:
            if phase in (PRODUCTION, CHANGEOVER) and plan.since_cleaning_s > 0.0:
                return CLEANING
            return WARM_UP if plan.progress.works_soon and phase in (OFF, WARM_UP) else OFF
        if phase in (OFF, CLEANING):
            return WARM_UP
        if phase is WARM_UP and plan.in_phase_s < self._warm_up_s:
            return phase
        return CHANGEOVER if plan.changeover_left_s > 0.0 else PRODUCTION

    def _enter(self, plan: PlanState, phase: Phase, at_s: float, around: Surroundings) -> None:
        plan.phase, plan.in_phase_s, plan.progress.phase_began_s = phase, 0.0, at_s
        plan.fill, plan.progress.run_out_s = phase is PRODUCTION, 0.0
        around.events.append(Event(at_s, "", "phase", phase.name, {"order": plan.order}))

    def _watch_order(self, plan: PlanState, dt_s: float, at_s: float, around: Surroundings, draws: Draws) -> None:
        """Let the line run empty before the end of work and of an order; begin the next order."""
        expected = plan.order_counts.good + plan.in_line * (1.0 - _REJECTED_BEHIND_FILLER)
        complete = bool(self._machines) and expected >= plan.quantity
        plan.fill = plan.progress.works_later and not complete
        if not complete:
            plan.progress.run_out_s = 0.0
            return
        plan.progress.run_out_s += dt_s
        if plan.in_line > 0 and plan.progress.run_out_s < self._run_out_s:
            return
        self._close_order(plan, at_s, around, draws)

    def _close_order(self, plan: PlanState, at_s: float, around: Surroundings, draws: Draws) -> None:
        counts = plan.order_counts
        around.events.append(
            Event(at_s, "", "order", f"order {plan.order} complete",
                  {"order": plan.order, "recipe": plan.ordered.name, "quantity": plan.quantity,
                   "filled": counts.filled, "good": counts.good})
        )  # fmt: skip
        before = plan.ordered
        plan.order += 1
        plan.order_counts = Counts()
        plan.quantity = self._quantity(draws)
        plan.ordered = plan.recipe = self._next_recipe(before, draws)
        plan.label = plan.ordered.label
        plan.progress.run_out_s, plan.fill = 0.0, True
        plan.progress.corrected += operators.CHOSEN_PER_ORDER
        if plan.ordered.name != before.name:
            plan.progress.steps = self._changeover_steps(plan, draws)
            plan.changeover_left_s = sum(duration_s for _, duration_s in plan.progress.steps)

    def _changeover_steps(self, plan: PlanState, draws: Draws) -> list[tuple[str, float]]:
        """Steps with the line standing and how long each will take this crew."""
        definition = self.definition
        steps: list[tuple[str, float]] = []
        for step in definition.changeover:
            minutes = step.smed_minutes if definition.smed else step.minutes
            drawn = draws.lognormal(1.0, definition.changeover_spread) * plan.response
            if minutes > 0.0:
                steps.append((step.title, minutes * 60.0 * drawn))
        return steps

    def _change_over(self, plan: PlanState, at_s: float, around: Surroundings) -> None:
        """Let the changeover go on for one step."""
        dt_s = around.dt_s
        left_s = dt_s
        while left_s > 0.0 and plan.progress.steps:
            title, duration_s = plan.progress.steps[0]
            if title != plan.step_title:
                plan.step_title = title
                around.events.append(
                    Event(at_s + dt_s - left_s, "", "changeover", title,
                          {"planned_s": round(duration_s, 1), "order": plan.order, "recipe": plan.ordered.name})
                )  # fmt: skip
            used_s = min(duration_s, left_s)
            left_s -= used_s
            if used_s < duration_s:
                plan.progress.steps[0] = (title, duration_s - used_s)
            else:
                del plan.progress.steps[0]
        plan.changeover_left_s = sum([duration_s for _, duration_s in plan.progress.steps])

    def _end_changeover(self, plan: PlanState, draws: Draws) -> None:
        """End it with the step that is nearest to its end; here the crew may have taken the wrong recipe or roll."""
        plan.progress.steps, plan.changeover_left_s, plan.step_title = [], 0.0, ""
        plan.progress.minute = -1
        crews = self.definition.crew
        for name, share in (("wrong_recipe", crews.wrong_recipe), ("wrong_label_roll", crews.wrong_label_roll)):
            if draws.uniform() < share:
                plan.progress.mistakes.append(name)

    def _quantity(self, draws: Draws) -> int:
        pallets = draws.lognormal(self.definition.order_pallets, self.definition.order_spread)
        return max(round(pallets), 1) * self.definition.pallet_bottles

    def _next_recipe(self, before: Recipe | None, draws: Draws) -> Recipe:
        """Draw the next order's recipe by weight, another one than before where there is one."""
        others = [
            recipe for recipe in self.recipes if recipe.weight > 0.0 and (before is None or recipe.name != before.name)
        ] or self.recipes
        drawn = draws.uniform() * sum(recipe.weight for recipe in others)
        for recipe in others:
            drawn -= recipe.weight
            if drawn < 0.0:
                return recipe
        return others[-1]
