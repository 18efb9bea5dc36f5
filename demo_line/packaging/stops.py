"""Stops of a machine: a renewal process in running time, so that a step may be a second or a minute.

The part of a step in which the machine is up is exact in both. Stops have random numbers of their own, so both solvers
meet the same stops.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from numpy.random import default_rng
from pydantic import BaseModel, ConfigDict, Field

from demo_line.draws import Draws
from demo_line.unit import Event, Surroundings


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


@dataclass(slots=True)
class Stopping:
    """Where a machine stands with its stops.

    Attributes:
        unit_id: whose stops.
        up_s: seconds of this step without a stop.
        stop_left_s, stop_began_s: the stop that is under way.
        stop: its cause, or that of the last one.
        running_left: running time until the next stop, as a share of the mean time between stops.
        busy: share of the up time in which the machine moved bottles, in the last step; idle time wears nothing.
        minor_stop_count: own stops since the start.
        held_s, starved_s, blocked_s: time since the start in own stops and in waiting for others.
        course: random numbers of the stops, apart from those of the bottles.
    """

    unit_id: str
    up_s: float = 0.0
    stop_left_s: float = 0.0
    stop_began_s: float = 0.0
    stop: StopCause | None = None
    running_left: float = -1.0
    busy: float = 1.0
    minor_stop_count: int = 0
    held_s: float = 0.0
    starved_s: float = 0.0
    blocked_s: float = 0.0
    course: Draws | None = field(default=None, compare=False)


def up_time(
    causes: Sequence[StopCause],
    more: Sequence[tuple[StopCause, float]],
    per_h: float,
    s: Stopping,
    around: Surroundings,
    draws: Draws,
) -> float:
    """Seconds of the step without a stop; ends the stop under way and begins new ones.

    Args:
        causes: the machine's own causes.
        more: causes that faults add, each with a factor on its frequency.
        per_h: how often the own causes stop it in an hour of running, together.
        s: its stops so far.
        around: the rest of the line.
        draws: random numbers of the machine; only the first of them is taken, as the seed of its stops.
    """
    if s.course is None:
        s.course = Draws(default_rng(int(draws.uniform() * 2.0**53)))
        s.running_left = s.course.exponential(1.0)
    for cause, factor in more:
        per_h += cause.per_h * factor
    rate_s = per_h / 3600.0 * s.busy
    up_s, left_s = 0.0, around.dt_s
    if s.stop_left_s <= 0.0 and rate_s * left_s < s.running_left:  # what nearly every step is
        s.running_left -= rate_s * left_s
        return left_s
    while left_s > 0.0:
        if s.stop_left_s > 0.0:
            passed_s = min(s.stop_left_s, left_s)
            s.stop_left_s -= passed_s
            left_s -= passed_s
            _add_stopped(s, passed_s)
            if s.stop_left_s <= 0.0:
                end_stop(s, around, around.elapsed_s - left_s)
        elif rate_s * left_s < s.running_left:
            s.running_left -= rate_s * left_s
            up_s += left_s
            left_s = 0.0
        else:
            runs_s = s.running_left / rate_s
            up_s += runs_s
            left_s -= runs_s
            s.running_left = s.course.exponential(1.0)
            begin_stop(s, _draw_cause(causes, more, per_h, s.course), around, around.elapsed_s - left_s)
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


def begin_stop(s: Stopping, cause: StopCause, around: Surroundings, at_s: float) -> None:
    """Let the machine stop for a cause at a time; how long, its own course of random numbers says."""
    response = around.plan.refill_response if cause.refill else around.plan.response
    duration_s = cause.median_s if s.course is None else s.course.lognormal(cause.median_s, cause.spread)
    s.stop, s.stop_left_s, s.stop_began_s = cause, duration_s * response, at_s
    if not cause.waits:
        s.minor_stop_count += 1


def _add_stopped(s: Stopping, passed_s: float) -> None:
    waits = s.stop.waits if s.stop is not None else ""
    if waits == "starved":
        s.starved_s += passed_s
    elif waits == "blocked":
        s.blocked_s += passed_s
    else:
        s.held_s += passed_s


def end_stop(s: Stopping, around: Surroundings, at_s: float) -> None:
    """Let the stop under way end at a time, and log it."""
    s.stop_left_s = 0.0
    if s.stop is not None:
        fields: dict[str, float | int | str | bool] = {
            "duration_s": round(at_s - s.stop_began_s, 1),
            "began_s": round(s.stop_began_s, 1),
            "state": "SUSPENDED" if s.stop.waits else "HELD",
        }
        around.events.append(Event(at_s, s.unit_id, "stop", s.stop.reason, fields))
