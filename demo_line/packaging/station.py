"""What all packaging machines share: own stops, waiting for neighbours and utilities, set speed, counts.

A machine's file adds what is special about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging.stops import StopCause, Stopping, end_stop, up_time
from demo_line.packml import ACTING_S, EXECUTE, Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import BottleInWork, Parameters, Surroundings

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

_READY_TO_START = frozenset({State.STOPPED, State.COMPLETE, State.RESETTING, State.IDLE, State.STARTING})
"""States from which line control starts a machine."""

READS = ("compressed_air_bar", "mains_on", "line_pace_bottles_h")
"""What every packaging machine looks up."""

COARSE_S = 10.0
"""A step longer than this is one of the coarse solver: bottles are counted, not told apart."""

_GAP_SHARE = 0.3
"""Share of its patience for which a machine runs on in a long step with a gap; a gap mostly touches two such steps, and
in a step that has no time to spare nothing is added. With it both solvers take equal energy."""

_SPEED_SENSOR_S = 8.0
"""Time constant with which the speed sensor follows single bottles."""

S = Signal["Station"]


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

    @property
    def stops_per_h(self) -> float:
        """Stops of its own in an hour of running."""
        return sum(cause.per_h for cause in self.stops)


@dataclass(slots=True)
class Station(Stopping):
    """State that every packaging machine has, besides its stops.

    Attributes:
        packml: its state machine.
        speed_bottles_h: set speed, 0 while it is not at work.
        actual_bottles_h: what it really moves, averaged over the step (or some seconds).
        waits: an outside utility is missing.
        hold_reason: why it cannot work although nothing has stopped it, e.g. no material; empty = it can.
        working: share of this step in which it was in EXECUTE.
        waiting_s: how long it has waited for its neighbours.
        carry: part of a bottle that the next step finishes.
        power_w: mean electrical power in the step.
        air_m3_min: compressed air that it takes.
        prod_processed_count, prod_defective_count: bottles since the start.
        run_s: time since the start in which it worked.
    """

    packml: Machine = field(default_factory=Machine)
    speed_bottles_h: float = 0.0
    actual_bottles_h: float = 0.0
    waits: bool = False
    hold_reason: str = ""
    working: float = 1.0
    waiting_s: float = 0.0
    carry: float = 0.0
    power_w: float = 0.0
    air_m3_min: float = 0.0
    prod_processed_count: int = 0
    prod_defective_count: int = 0
    run_s: float = 0.0

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
    *,
    run: bool = True,
) -> int:
    """Bottles that the machine could move in this step if no neighbour limited it.

    Args:
        p: its parameters.
        s: its state; stops begin and end here.
        speed_bottles_h: set speed.
        around: the rest of the line.
        draws: random numbers of the machine.
        more: causes that faults add to those of the parameters, each with a factor on its frequency.
        run: False where the plan stops this machine although the line produces.
    """
    supplies, machine = around.supplies, s.packml
    run = run and around.plan.run
    # Within a long step a stopped machine starts and works on.
    starts = run and around.dt_s > COARSE_S and machine.released and machine.state in _READY_TO_START
    if not run or not (starts or machine.state in AT_WORK):
        if s.stop_left_s > 0.0:
            end_stop(s, around, around.elapsed_s - around.dt_s)
        s.up_s = s.speed_bottles_h = s.carry = 0.0
        s.waits = False
        return 0
    s.speed_bottles_h = speed_bottles_h
    s.waits = supplies["compressed_air_bar"] < p.minimum_air_bar or supplies["mains_on"] < 0.5
    s.up_s = up_time(p.stops, more, p.stops_per_h, s, around, draws)
    if starts:
        s.up_s = max(s.up_s - 2.0 * ACTING_S, 0.0)
    if s.hold_reason:
        s.held_s += s.up_s
        s.up_s = 0.0
    if s.waits or s.hold_reason:
        return 0
    return int(s.carry + speed_bottles_h * s.up_s / 3600.0)


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
    starved, blocked, own_stop = s.waits, False, bool(s.hold_reason)
    if carry > 1.0:
        idle_s = min((carry - 1.0) / made_s, s.up_s)
        s.carry, s.busy = 1.0, 1.0 - idle_s / s.up_s if s.up_s > 0.0 else s.busy
        s.run_s += s.up_s - idle_s
        starved, blocked = _waiting(p, s, around, idle_s)
    else:
        s.carry, s.busy, s.waiting_s = carry, 1.0, 0.0
        s.run_s += s.up_s
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
    dt_s, state = around.dt_s, s.packml.state
    rate = moved * 3600.0 / dt_s
    at_work = state in AT_WORK
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
        s.working = 1.0 if state is EXECUTE else 0.0
    if around.supplies["mains_on"] < 0.5:
        s.power_w = 0.0
    elif at_work or s.working > 0.0:
        s.power_w = p.ready_w + (p.execute_w - p.ready_w) * s.working
    else:
        s.power_w = p.standby_w
    s.air_m3_min = s.actual_bottles_h * p.air_l_bottle / 60_000.0 + (p.air_ready_m3_min if at_work else 0.0)
    around.demands["compressed_air_demand_m3_min"] += s.air_m3_min


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
    return lambda units: 1.0 if units[unit_id].packml.state is EXECUTE else 0.0
