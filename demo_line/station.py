"""What all packaging machines share: their own minor stops, waiting for neighbours, set speed and counts.

A machine's file adds what is special about it. Stops are a renewal process in running time, so a step may be a second
or a minute: the part of the step in which the machine is up is exact in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Event, Parameters, Surroundings

_AT_WORK = frozenset(
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

S = Signal["Station"]

_PATIENCE_S = 3.0
"""A machine that waits this long for its neighbours is SUSPENDED; a gap between two bottles is none."""


class StopCause(BaseModel):
    """One reason for minor stops.

    Attributes:
        reason: for people.
        per_h: how often in an hour of running.
        median_s, spread: duration, log-normal, until an operator has noticed and cleared it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    per_h: float = Field(ge=0)
    median_s: float = Field(gt=0)
    spread: float = Field(default=0.5, ge=0)


class StationParameters(Parameters):
    """Parameters that every packaging machine has."""

    rated_bottles_h: float = Field(gt=0)
    stops: tuple[StopCause, ...] = ()


@dataclass(slots=True)
class Station:
    """State that every packaging machine has.

    Attributes:
        packml: its state machine.
        speed_bottles_h: set speed, 0 while it is not at work.
        actual_bottles_h: what it really moves, averaged over the step.
        up_s: seconds of this step without an own stop.
        stop_left_s, stop_reason, stop_began_s: the own stop that is under way.
        running_left: running time until the next own stop, as a share of the mean time between stops.
        busy: share of the up time in which it moved bottles, in the last step.
        waiting_s: how long it has waited for its neighbours.
        carry: part of a bottle that the next step finishes.
        prod_processed_count, prod_defective_count: bottles since the start.
        minor_stop_count: own stops since the start.
        run_s, held_s, starved_s, blocked_s: totals since the start while at work.
    """

    packml: Machine = field(default_factory=Machine)
    speed_bottles_h: float = 0.0
    actual_bottles_h: float = 0.0
    up_s: float = 0.0
    stop_left_s: float = 0.0
    stop_reason: str = ""
    stop_began_s: float = 0.0
    running_left: float = -1.0
    busy: float = 1.0
    waiting_s: float = 0.0
    carry: float = 0.0
    prod_processed_count: int = 0
    prod_defective_count: int = 0
    minor_stop_count: int = 0
    run_s: float = 0.0
    held_s: float = 0.0
    starved_s: float = 0.0
    blocked_s: float = 0.0

    @property
    def share(self) -> float:
        """Part of the set speed that it really moves; 0 at rest."""
        return min(self.actual_bottles_h / self.speed_bottles_h, 1.0) if self.speed_bottles_h > 0.0 else 0.0


def capacity(
    station: Station,
    causes: Sequence[tuple[StopCause, float]],
    speed_bottles_h: float,
    around: Surroundings,
    draws: Draws,
) -> int:
    """Bottles that the machine could move in this step if nobody limited it.

    Args:
        station: its state; stops begin and end here.
        causes: reasons for own stops, each with a factor on its frequency (1 = as configured).
        speed_bottles_h: set speed.
        around: the rest of the line.
        draws: random numbers of the machine.
    """
    if station.packml.state not in _AT_WORK or not around.plan.run:
        station.up_s = station.speed_bottles_h = station.carry = 0.0
        return 0
    station.speed_bottles_h = speed_bottles_h
    station.up_s = _up_time(station, causes, around, draws)
    station.held_s += around.dt_s - station.up_s
    return int(station.carry + speed_bottles_h * station.up_s / 3600.0)


def _up_time(station: Station, causes: Sequence[tuple[StopCause, float]], around: Surroundings, draws: Draws) -> float:
    """Seconds of the step without an own stop; ends the stop under way and begins new ones."""
    rate_s = sum(cause.per_h * factor for cause, factor in causes) / 3600.0 * station.busy
    if station.running_left < 0.0:
        station.running_left = draws.exponential(1.0)
    up_s, left_s = 0.0, around.dt_s
    while left_s > 0.0:
        if station.stop_left_s > 0.0:
            passed_s = min(station.stop_left_s, left_s)
            station.stop_left_s -= passed_s
            left_s -= passed_s
            if station.stop_left_s <= 0.0:
                station.stop_left_s = 0.0
        elif rate_s * left_s < station.running_left:
            station.running_left -= rate_s * left_s
            up_s += left_s
            left_s = 0.0
        else:
            runs_s = station.running_left / rate_s
            up_s += runs_s
            left_s -= runs_s
            station.running_left = draws.exponential(1.0)
            _begin_stop(station, causes, around.elapsed_s - left_s, around, draws)
    return up_s


def _begin_stop(
    station: Station,
    causes: Sequence[tuple[StopCause, float]],
    at_s: float,
    around: Surroundings,
    draws: Draws,
) -> None:
    drawn = draws.uniform() * sum(cause.per_h * factor for cause, factor in causes)
    chosen = causes[-1][0]
    for cause, factor in causes:
        drawn -= cause.per_h * factor
        if drawn < 0.0:
            chosen = cause
            break
    station.stop_left_s = draws.lognormal(chosen.median_s, chosen.spread) * around.plan.response
    station.stop_reason, station.stop_began_s = chosen.reason, at_s
    station.minor_stop_count += 1


def account(station: Station, unit_id: str, around: Surroundings, *, waits: bool = False, fault: bool = False) -> int:
    """Account for the bottles that the line moved through the machine in this step; returns their number.

    Args:
        station: its state.
        unit_id: whose it is.
        around: the rest of the line; its `moved`, `starved` and `blocked` are read.
        waits: a utility is missing or a safety interlock is open: starved whatever the bottles do.
        fault: aborts the machine.
    """
    moved = around.moved.get(unit_id, 0)
    dt_s, speed = around.dt_s, station.speed_bottles_h
    run_s = min(moved / speed * 3600.0, station.up_s) if speed > 0.0 else 0.0
    short = around.starved.get(unit_id, False) or around.blocked.get(unit_id, False)
    starved, blocked = _waiting(station, unit_id, around, run_s, short=short, waits=waits)
    station.carry = min(station.carry + speed * station.up_s / 3600.0 - moved, 1.0)
    station.busy = (run_s / station.up_s if short else 1.0) if station.up_s > 0.0 else station.busy
    station.run_s += run_s if short else station.up_s
    station.actual_bottles_h = moved * 3600.0 / dt_s if dt_s > 10.0 else _smoothed(station, moved, dt_s)
    station.prod_processed_count += moved
    held = station.stop_left_s > 0.0
    was_held = station.packml.state is State.HELD
    advance(station.packml, dt_s, run=around.plan.run, starved=starved, blocked=blocked, own_stop=held, fault=fault)
    if was_held and not held and station.stop_reason:
        duration_s = around.elapsed_s - station.stop_began_s
        around.events.append(
            Event(around.elapsed_s, unit_id, "stop", station.stop_reason, {"duration_s": round(duration_s, 1)})
        )
        station.stop_reason = ""
    return moved


def _waiting(
    station: Station, unit_id: str, around: Surroundings, run_s: float, *, short: bool, waits: bool
) -> tuple[bool, bool]:
    """Whether the machine is starved or blocked for long enough to be SUSPENDED; adds to its totals."""
    starved = waits or around.starved.get(unit_id, False)
    idle_s = station.up_s - run_s if short or waits else 0.0
    if starved:
        station.starved_s += idle_s
    elif short:
        station.blocked_s += idle_s
    station.waiting_s = station.waiting_s + idle_s if idle_s > 0.5 * station.up_s else 0.0
    long_enough = station.waiting_s >= _PATIENCE_S
    return starved and long_enough, short and not starved and long_enough


def _smoothed(station: Station, moved: int, dt_s: float) -> float:
    """Rate of whole bottles, smoothed over some seconds, as a speed sensor shows it."""
    if station.up_s <= 0.0:
        return 0.0
    rate = station.actual_bottles_h + (moved * 3600.0 / dt_s - station.actual_bottles_h) * min(dt_s / 8.0, 1.0)
    return rate if rate > 1.0 else 0.0


def station_signals(rated_bottles_h: float) -> tuple[Signal[Any], ...]:
    """Signals of every packaging machine: PackML state, speeds, counts."""
    top = rated_bottles_h * 1.25
    return (
        *packml_signals(),
        S("mach_speed_bottles_h", "bottles/h", 0, top, "Set speed", lambda s: s.speed_bottles_h, period_s=0),
        S("cur_mach_speed_bottles_h", "bottles/h", 0, top, "Current speed",
               lambda s: s.actual_bottles_h, noise=2.0, resolution=1.0),
        S("prod_processed_count", "", 0, None, "Bottles processed since start",
               lambda s: s.prod_processed_count, DataType.INT64, period_s=0),
        S("prod_defective_count", "", 0, None, "Bottles rejected since start",
               lambda s: s.prod_defective_count, DataType.INT64, period_s=0),
        S("minor_stop_count", "", 0, None, "Own minor stops since start",
               lambda s: s.minor_stop_count, DataType.INT64, period_s=0),
    )  # fmt: skip
