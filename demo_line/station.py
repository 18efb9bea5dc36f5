"""What all packaging machines share: own stops, waiting for neighbours and utilities, set speed, counts.

A machine's file adds what is special about it. Stops are a renewal process in running time, so a step may be a second
or a minute: the part of the step in which the machine is up is exact in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any, Literal

from numpy.random import default_rng
from pydantic import BaseModel, ConfigDict, Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import BottleInWork, Event, Parameters, Surroundings

AT_WORK = frozenset(
    {
        State.EXECUTE,
        State.SUSPENDING,
        State.SUSPENDED,
        State.UNSUSPENDING,
        State.HOLDING,
        State.HELD,
        State.UNHOLDING,
    }
)
"""States in which a machine has been started for production."""

READS = ("compressed_air_bar", "mains_on", "line_pace_bottles_h")
"""What every packaging machine looks up."""

COARSE_S = 10.0
"""A step longer than this is one of the coarse solver: bottles are counted, not told apart."""

_GAP_SHARE = 0.4
"""Share of its patience for which a machine runs on in a long step with a gap; a gap mostly touches two such steps."""

_SPEED_SENSOR_S = 8.0
"""Time constant with which the speed sensor follows single bottles."""

S = Signal["Station"]


class StopCause(BaseModel):
    """One reason for stops.

    Attributes:
        reason: for people.
        per_h: how often in an hour of running.
        median_s, spread: duration, log-normal, until an operator has noticed and cleared it.
        waits: `starved` or `blocked` where it comes from outside (SUSPENDED); empty for an own stop (HELD).
        refill: somebody has to bring material, so it lasts as long as that takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    per_h: float = Field(ge=0)
    median_s: float = Field(gt=0)
    spread: float = Field(default=0.5, ge=0)
    waits: Literal["", "starved", "blocked"] = ""
    refill: bool = False


class StationParameters(Parameters):
    """Parameters that every packaging machine has."""

    rated_bottles_h: float = Field(gt=0)
    stops: tuple[StopCause, ...] = ()
    minimum_air_bar: float = Field(default=5.5, ge=0, description="the valves need it")
    patience_s: float = Field(default=3.0, ge=0, description="a machine that waits this long is SUSPENDED")
    execute_w: float = Field(ge=0, description="electrical power in EXECUTE, whatever the speed")
    ready_w: float = Field(ge=0, description="electrical power while it waits or is held")
    standby_w: float = Field(ge=0, description="electrical power while it is stopped")
    air_ready_m3_min: float = Field(default=0.0, ge=0, description="free air for blow-off and seals while at work")
    air_l_bottle: float = Field(default=0.0, ge=0, description="free air that each bottle takes")


@dataclass(slots=True)
class Station:
    """State that every packaging machine has.

    Attributes:
        unit_id: whose state it is.
        packml: its state machine.
        speed_bottles_h: set speed, 0 while it is not at work.
        actual_bottles_h: what it really moves, averaged over the step (or some seconds).
        up_s: seconds of this step without an own stop.
        waits: an outside utility is missing.
        hold_reason: why it cannot work although nothing has stopped it, e.g. no material; empty = it can.
        stop_left_s, stop_began_s: the stop that is under way.
        stop: its cause, or that of the last one.
        running_left: running time until the next stop, as a share of the mean time between stops.
        busy: share of the up time in which it moved bottles, in the last step.
        working: share of this step in which it was in EXECUTE.
        waiting_s: how long it has waited for its neighbours.
        carry: part of a bottle that the next step finishes.
        power_w: mean electrical power in the step.
        air_m3_min: compressed air that it takes.
        prod_processed_count, prod_defective_count: bottles since the start.
        minor_stop_count: own stops since the start.
        run_s, held_s, starved_s, blocked_s: totals since the start while at work.
        course: random numbers of the stops, apart from those of the bottles, so that both solvers meet the same stops.
    """

    unit_id: str
    packml: Machine = field(default_factory=Machine)
    speed_bottles_h: float = 0.0
    actual_bottles_h: float = 0.0
    up_s: float = 0.0
    waits: bool = False
    hold_reason: str = ""
    stop_left_s: float = 0.0
    stop_began_s: float = 0.0
    stop: StopCause | None = None
    running_left: float = -1.0
    busy: float = 1.0
    working: float = 1.0
    waiting_s: float = 0.0
    carry: float = 0.0
    power_w: float = 0.0
    air_m3_min: float = 0.0
    prod_processed_count: int = 0
    prod_defective_count: int = 0
    minor_stop_count: int = 0
    run_s: float = 0.0
    held_s: float = 0.0
    starved_s: float = 0.0
    blocked_s: float = 0.0
    course: Draws | None = field(default=None, compare=False)

    @property
    def stop_reason(self) -> str:
        """Why it stands now by itself; empty while it does not."""
        return self.stop.reason if self.stop is not None and self.stop_left_s > 0.0 else self.hold_reason


def capacity(
    p: StationParameters,
    s: Station,
    speed_bottles_h: float,
    around: Surroundings,
    draws: Draws,
    more: Sequence[tuple[StopCause, float]] = (),
) -> int:
    """Bottles that the machine could move in this step if no neighbour limited it.

    Args:
        p: its parameters.
        s: its state; stops begin and end here.
        speed_bottles_h: set speed.
        around: the rest of the line.
        draws: random numbers of the machine.
        more: causes that faults add to those of the parameters, each with a factor on its frequency.
    """
    supplies = around.supplies
    if s.packml.state not in AT_WORK or not around.plan.run:
        if s.stop_left_s > 0.0:
            _end_stop(s, around, around.elapsed_s - around.dt_s)
        s.up_s = s.speed_bottles_h = s.carry = 0.0
        s.waits = False
        return 0
    s.speed_bottles_h = speed_bottles_h
    s.waits = supplies["compressed_air_bar"] < p.minimum_air_bar or supplies["mains_on"] < 0.5
    s.up_s = _up_time(p, s, more, around, draws)
    if s.hold_reason:
        s.held_s += s.up_s
        s.up_s = 0.0
    if s.waits or s.hold_reason:
        return 0
    return int(s.carry + speed_bottles_h * s.up_s / 3600.0)


def _up_time(
    p: StationParameters,
    s: Station,
    more: Sequence[tuple[StopCause, float]],
    around: Surroundings,
    draws: Draws,
) -> float:
    """Seconds of the step without a stop; ends the stop under way and begins new ones."""
    if s.course is None:
        s.course = Draws(default_rng(int(draws.uniform() * 2.0**53)))
        s.running_left = s.course.exponential(1.0)
    per_h = 0.0
    for cause in p.stops:
        per_h += cause.per_h
    for cause, factor in more:
        per_h += cause.per_h * factor
    rate_s = per_h / 3600.0 * s.busy
    up_s, left_s = 0.0, around.dt_s
    while left_s > 0.0:
        if s.stop_left_s > 0.0:
            passed_s = min(s.stop_left_s, left_s)
            s.stop_left_s -= passed_s
            left_s -= passed_s
            _add_stopped(s, passed_s)
            if s.stop_left_s <= 0.0:
                _end_stop(s, around, around.elapsed_s - left_s)
        elif rate_s * left_s < s.running_left:
            s.running_left -= rate_s * left_s
            up_s += left_s
            left_s = 0.0
        else:
            runs_s = s.running_left / rate_s
            up_s += runs_s
            left_s -= runs_s
            s.running_left = s.course.exponential(1.0)
            begin_stop(s, _draw_cause(p.stops, more, per_h, s.course), around, around.elapsed_s - left_s)
    return up_s


def _draw_cause(
    causes: Sequence[StopCause], more: Sequence[tuple[StopCause, float]], per_h: float, course: Draws
) -> StopCause:
    drawn = course.uniform() * per_h
    for cause in causes:
        drawn -= cause.per_h
        if drawn < 0.0:
            return cause
    for cause, factor in more:
        drawn -= cause.per_h * factor
        if drawn < 0.0:
            return cause
    return more[-1][0] if more else causes[-1]


def begin_stop(s: Station, cause: StopCause, around: Surroundings, at_s: float) -> None:
    """Let the machine stop for a cause at a time; how long, its own course of random numbers says."""
    response = around.plan.refill_response if cause.refill else around.plan.response
    duration_s = cause.median_s if s.course is None else s.course.lognormal(cause.median_s, cause.spread)
    s.stop, s.stop_left_s, s.stop_began_s = cause, duration_s * response, at_s
    if not cause.waits:
        s.minor_stop_count += 1


def _add_stopped(s: Station, passed_s: float) -> None:
    waits = s.stop.waits if s.stop is not None else ""
    if waits == "starved":
        s.starved_s += passed_s
    elif waits == "blocked":
        s.blocked_s += passed_s
    else:
        s.held_s += passed_s


def _end_stop(s: Station, around: Surroundings, at_s: float) -> None:
    s.stop_left_s = 0.0
    if s.stop is not None:
        fields: dict[str, float | int | str | bool] = {
            "duration_s": round(at_s - s.stop_began_s, 1),
            "began_s": round(s.stop_began_s, 1),
            "state": "SUSPENDED" if s.stop.waits else "HELD",
        }
        around.events.append(Event(at_s, s.unit_id, "stop", s.stop.reason, fields))


def account(p: StationParameters, s: Station, around: Surroundings, *, run: bool = True, fault: bool = False) -> int:
    """Account for the bottles that the line moved through the machine in this step; returns their number.

    Counts, times, speed and power follow, the demand for compressed air is added, the state machine goes on.

    Args:
        p: its parameters.
        s: its state.
        around: the rest of the line; its `moved`, `starved` and `blocked` are read.
        run: False where the plan stops this machine although the line produces.
        fault: aborts the machine.
    """
    moved = around.moved.get(s.unit_id, 0)
    s.prod_processed_count += moved
    # Work that was neither done nor kept for the bottle under way is time in which the machine waited.
    made_s = s.speed_bottles_h / 3600.0
    carry = s.carry + made_s * s.up_s - moved
    if carry > 1.0:
        idle_s = min((carry - 1.0) / made_s, s.up_s)
        s.carry, s.busy = 1.0, 1.0 - idle_s / s.up_s if s.up_s > 0.0 else s.busy
        starved, blocked = _waiting(p, s, around, idle_s)
    else:
        idle_s, s.carry, s.busy, s.waiting_s = 0.0, carry, 1.0, 0.0
        starved, blocked = s.waits, False
    s.run_s += s.up_s - idle_s
    own_stop = bool(s.hold_reason)
    if s.stop_left_s > 0.0 and s.stop is not None:
        starved, blocked = starved or s.stop.waits == "starved", blocked or s.stop.waits == "blocked"
        own_stop = own_stop or not s.stop.waits
    run = run and around.plan.run
    advance(s.packml, around.dt_s, run=run, starved=starved, blocked=blocked, own_stop=own_stop, fault=fault)
    _follow(p, s, around, moved)
    return moved


def _waiting(p: StationParameters, s: Station, around: Surroundings, idle_s: float) -> tuple[bool, bool]:
    """Whether the machine is starved or blocked for long enough to be SUSPENDED; adds to its totals."""
    starved = s.waits or around.starved.get(s.unit_id, False)
    if starved:
        s.starved_s += idle_s
    else:
        s.blocked_s += idle_s
    s.waiting_s = s.waiting_s + idle_s if idle_s > 0.5 * s.up_s else 0.0
    long_enough = s.waits or s.waiting_s >= p.patience_s
    return starved and long_enough, not starved and long_enough


def _follow(p: StationParameters, s: Station, around: Surroundings, moved: int) -> None:
    """Speed sensor, power and air; over a long step the share of EXECUTE follows from the bottles at the line's pace.

    The speed sensor is a linear filter, so that what is proportional to it keeps its mean.
    """
    dt_s = around.dt_s
    rate = moved * 3600.0 / dt_s
    at_work = s.packml.state in AT_WORK
    if dt_s > COARSE_S:
        s.actual_bottles_h = rate
        pace = min(s.speed_bottles_h, around.supplies["line_pace_bottles_h"])
        run_s = 3600.0 * moved / pace if pace > 0.0 else 0.0
        if moved:
            run_s += _GAP_SHARE * p.patience_s
        s.working = min(run_s, s.up_s) / dt_s
    else:
        actual = s.actual_bottles_h + (rate - s.actual_bottles_h) * (1.0 - exp(-dt_s / _SPEED_SENSOR_S))
        s.actual_bottles_h = actual if actual > 1.0 else 0.0
        s.working = 1.0 if s.packml.state is State.EXECUTE else 0.0
    if around.supplies["mains_on"] < 0.5:
        s.power_w = 0.0
    elif at_work or s.working > 0.0:
        s.power_w = p.ready_w + (p.execute_w - p.ready_w) * s.working
    else:
        s.power_w = p.standby_w
    air_m3_min = s.actual_bottles_h * p.air_l_bottle / 60_000.0 + (p.air_ready_m3_min if at_work else 0.0)
    s.air_m3_min = air_m3_min
    around.demands["compressed_air_demand_m3_min"] += air_m3_min


def station_signals(rated_bottles_h: float) -> tuple[Signal[Any], ...]:
    """Signals of every packaging machine: PackML state, why it stands, speeds, counts."""
    top = rated_bottles_h * 1.25
    return (
        *packml_signals(),
        S("stop_reason", "", None, None, "Why it stands by itself; empty while it does not",
          lambda s: s.stop_reason, DataType.STRING, period_s=0),
        S("mach_speed_bottles_h", "bottles/h", 0, top, "Set speed", lambda s: s.speed_bottles_h, period_s=0),
        S("cur_mach_speed_bottles_h", "bottles/h", 0, top, "Current speed",
          lambda s: s.actual_bottles_h, noise=2.0, resolution=1.0),
        S("prod_processed_count", "", 0, None, "Bottles processed since start",
          lambda s: s.prod_processed_count, DataType.INT64, period_s=0),
        S("prod_defective_count", "", 0, None, "Bottles found defective since start",
          lambda s: s.prod_defective_count, DataType.INT64, period_s=0),
        S("minor_stop_count", "", 0, None, "Own minor stops since start",
          lambda s: s.minor_stop_count, DataType.INT64, period_s=0),
    )  # fmt: skip


def station_truth() -> tuple[Signal[Any], ...]:
    """Hidden totals of every packaging machine: where its time went, and the air it takes."""
    return (
        S("run_s", "s", 0, None, "Time in which it worked, since start", lambda s: s.run_s),
        S("held_s", "s", 0, None, "Time of own stops since start", lambda s: s.held_s),
        S("starved_s", "s", 0, None, "Time starved from outside since start", lambda s: s.starved_s),
        S("blocked_s", "s", 0, None, "Time blocked from outside since start", lambda s: s.blocked_s),
        S("air_m3_min", "m³/min", 0, 5, "Compressed air taken (free air)", lambda s: s.air_m3_min),
    )


def arrived(s: Station, around: Surroundings) -> list[BottleInWork]:
    """Bottles with a record that came to the machine in this step, in order; it removes those it rejects.

    The list goes on downstream. The coarse solver tells no bottles apart, so it is empty there.
    """
    return around.carried.setdefault(s.unit_id, [])


def works(unit_id: str) -> Callable[[dict[str, Any]], float]:
    """Duty of a component that wears while its machine works: 1 in EXECUTE, 0 at rest."""
    return lambda units: 1.0 if units[unit_id].packml.state is State.EXECUTE else 0.0
