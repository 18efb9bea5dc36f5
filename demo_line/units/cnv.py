"""CNV-1 to CNV-4: conveyors between the packaging machines; what they hold keeps short stops from spreading.

A bottle travels for some seconds before the next machine can take it. Those that queue slide on the chain, which costs
power; so does a chain that has run dry. The drive is judged by power, its current hides the load.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from math import exp, sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packaging.station import COARSE_S
from demo_line.packml import Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import AnyUnit, BottleInWork, Buffer, Parameters, Surroundings, UnitType

_PATIENCE_S = 20.0
"""Packs come one by one; a conveyor on which nothing moves for longer waits for a neighbour."""

_RUNNING = frozenset({State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.UNHOLDING})


class ConveyorParameters(Parameters):
    """Design values of a conveyor with its drive (1.1 kW motor on a gearbox)."""

    bottles: int = Field(default=80, gt=0, description="places for standing bottles")
    pack_bottles: int = Field(default=1, ge=1, description="bottles that come at once, 12 in a pack")
    travel_s: float = Field(default=15.0, gt=0, description="from one end to the other")
    wait_s: float = Field(default=0.9, ge=0, description="mean wait at the end for a machine that keeps up")
    chain_w: float = Field(default=500.0, ge=0, description="friction of chain and gearbox, lubricated")
    carried_w: float = Field(default=0.5, ge=0, description="friction by the weight of each bottle")
    sliding_w: float = Field(default=1.3, ge=0, description="friction of each bottle that slides on the chain")
    dry_share: float = Field(default=0.38, ge=0, description="more friction of a chain that has run dry")
    efficiency: float = Field(default=0.78, gt=0, le=1, description="motor and drive")
    electronics_w: float = Field(default=90.0, ge=0)
    standby_w: float = Field(default=12.0, ge=0)
    idle_stop_s: float = Field(default=180.0, gt=0, description="without any bottle moving, the chain stops")
    rated_current_a: float = Field(default=2.7, gt=0)
    magnetising_share: float = Field(default=0.6, ge=0, description="magnetising part of the rated current")
    voltage_v: float = Field(default=400.0, gt=0)
    gearbox_share: float = Field(default=0.45, ge=0, le=1, description="part of the friction that heats the gearbox")
    gearbox_k_per_w: float = Field(default=0.085, ge=0)
    gearbox_time_constant_s: float = Field(default=1800.0, gt=0)
    slip_pct: float = Field(default=0.6, ge=0)
    dry_slip_pct: float = Field(default=3.5, ge=0, description="more slip of a chain that has run dry")

    @property
    def magnetising_a2(self) -> float:
        """Square of the magnetising current."""
        return (self.magnetising_share * self.rated_current_a) ** 2

    @property
    def three_phase_v(self) -> float:
        """Power over active current."""
        return sqrt(3.0) * self.voltage_v

    @property
    def gearbox_k_per_friction_w(self) -> float:
        """Heating of the gearbox by the friction of the chain."""
        return self.gearbox_k_per_w * self.gearbox_share


@dataclass(slots=True)
class ConveyorState:
    """State of a conveyor.

    Attributes:
        packml: its state machine.
        bottles: on it now.
        queue: records of the last of them, first come first (fine solver only).
        at_end: of these, the ones that have reached its end.
        sliding: of these, the ones that stand there, averaged over the step.
        mean_bottles: on it, averaged over the step.
        capacity: places.
        in_count, out_count: bottles since the start.
        arrivals: bottles that are still travelling, as (time at the end, how many).
        still_s: time in which no bottle has moved.
    """

    packml: Machine
    bottles: int
    capacity: int
    at_end: int
    sliding: float
    power_w: float
    current_a: float
    gearbox_degc: float
    slip_pct: float
    mean_bottles: float = 0.0
    queue: deque[BottleInWork] = field(default_factory=deque)
    arrivals: deque[tuple[float, int]] = field(default_factory=deque)
    in_count: int = 0
    out_count: int = 0
    still_s: float = 0.0


def _initial(p: ConveyorParameters) -> ConveyorState:
    power_w = p.electronics_w + p.chain_w / p.efficiency
    return ConveyorState(Machine(), 0, p.bottles, 0, 0.0, power_w, 1.9, 43.0, p.slip_pct)


def _buffer(p: ConveyorParameters, s: ConveyorState, dt_s: float) -> Buffer:
    if s.packml.state not in _RUNNING:
        return Buffer(0, 0, 0.0)
    # A pack arrives as a whole, so places are kept for the rest of the one that the bundler is making.
    room = p.bottles - s.bottles - (p.pack_bottles - 1)
    return Buffer(s.at_end, room, 1.0 - p.travel_s / dt_s if dt_s > p.travel_s else 0.0)


def _step(
    before: str, behind: str, fault: str, p: ConveyorParameters, s: ConveyorState, around: Surroundings, _draws: Draws
) -> None:
    came, gone = around.passed[before], around.moved[behind]
    if gone > s.bottles + came:
        # What the machine before rejected in this step cannot reach the one behind; that one steps after this.
        gone = around.moved[behind] = around.passed[behind] = s.bottles + came
    s.still_s += around.dt_s
    if came or gone:
        s.still_s = 0.0
        s.bottles += came - gone
        s.in_count += came
        s.out_count += gone
    _travel(p, s, around, came, gone)
    _carry(s, before, behind, came, gone, around)
    severity = around.severity[fault] if fault else 0.0
    _follow(s, around, severity)
    _drive(p, s, around, severity)


def _travel(p: ConveyorParameters, s: ConveyorState, around: Surroundings, came: int, gone: int) -> None:
    """Bottles that have come reach the end after the time of travel; in a long step most of them do at once."""
    now_s, arrivals = around.elapsed_s, s.arrivals
    if around.dt_s > COARSE_S:
        arrivals.clear()
        s.at_end = s.bottles
        s.sliding = max(s.bottles - came * min(p.travel_s / around.dt_s, 1.0), 0.0)
        s.mean_bottles = s.bottles + gone * p.wait_s / around.dt_s
        return
    if came:
        arrivals.append((now_s + p.travel_s, came))
    s.at_end -= gone
    while arrivals and arrivals[0][0] <= now_s:
        s.at_end += arrivals.popleft()[1]
    s.sliding = s.at_end
    s.mean_bottles = s.bottles


def _follow(s: ConveyorState, around: Surroundings, severity: float) -> None:
    """State machine: a conveyor on which nothing has moved for long waits for its neighbours."""
    long_still, mains = s.still_s > _PATIENCE_S, around.supplies["mains_on"] > 0.5
    advance(
        s.packml,
        around.dt_s,
        run=around.plan.run,
        starved=(long_still and s.bottles == 0) or not mains,
        blocked=long_still and s.bottles > 0,
        fault=severity >= 1.0,
    )


def _carry(s: ConveyorState, before: str, behind: str, came: int, gone: int, around: Surroundings) -> None:
    """Hand the records of single bottles on in the order in which they came; without records there are only counts."""
    carried, queue = around.carried, s.queue
    out = carried.setdefault(behind, [])
    if out:
        out.clear()
    if around.dt_s > COARSE_S:
        queue.clear()
        return
    if came:
        queue.extend(carried.get(before, ()))
    if gone:
        unknown = s.bottles + gone - len(queue)
        out += [queue.popleft() for _ in range(gone - max(unknown, 0))]


def _drive(p: ConveyorParameters, s: ConveyorState, around: Surroundings, severity: float) -> None:
    """Power, current and heat of the drive.

    I^2 = Im^2 + Ir^2: the magnetising current hides the load. The gearbox is a first-order lag on its friction.
    """
    ambient, mains = around.supplies["ambient_degc"], around.supplies["mains_on"] > 0.5
    if mains and s.packml.state in _RUNNING and s.still_s <= p.idle_stop_s:
        chain_w = p.chain_w * (1.0 + p.dry_share * severity)
        friction_w = chain_w + p.carried_w * s.bottles + p.sliding_w * s.sliding
        s.power_w = p.electronics_w + friction_w / p.efficiency
        active_a = s.power_w / p.three_phase_v
        s.current_a = sqrt(p.magnetising_a2 + active_a * active_a)
        s.slip_pct = p.slip_pct + p.dry_slip_pct * severity
        target = ambient + p.gearbox_k_per_friction_w * friction_w
    else:
        s.power_w = p.standby_w if mains else 0.0
        s.current_a = s.slip_pct = 0.0
        target = ambient
    s.gearbox_degc = target + (s.gearbox_degc - target) * exp(-around.dt_s / p.gearbox_time_constant_s)


S = Signal[ConveyorState]


def _conveyor(number: int, before: str, behind: str, title: str, fault: str = "") -> AnyUnit:
    return UnitType(
        unit_id=f"CNV-{number}",
        title=title,
        parameters=ConveyorParameters,
        initial=_initial,
        step=partial(_step, before, behind, fault),
        buffer=_buffer,
        power_w=lambda s: s.power_w,
        machine=lambda s: s.packml,
        reads=("ambient_degc", "mains_on"),
        truth=(
            S("in_count", "", 0, None, "Bottles that came since start", lambda s: s.in_count, DataType.INT64),
            S("out_count", "", 0, None, "Bottles that left since start", lambda s: s.out_count, DataType.INT64),
            S("bottles", "", 0, None, "Bottles on it", lambda s: s.bottles, DataType.INT64),
        ),
        signals=(
            *packml_signals(),
            S("prod_processed_count", "", 0, None, "Bottles that left it since start",
              lambda s: s.out_count, DataType.INT64, period_s=0),
            S("accumulation_pct", "%", 0, 110, "Places that are taken",
              lambda s: 100.0 * s.mean_bottles / s.capacity, noise=0.5, resolution=0.1),
            S("power_w", "W", 0, 1500, "Electrical power of the drive", lambda s: s.power_w, noise=4.0, resolution=1.0),
            S("current_a", "A", 0, 5, "Motor current", lambda s: s.current_a, noise=0.01, resolution=0.01),
            S("gearbox_temperature_degc", "°C", 0, 120, "Temperature of the gearbox",
              lambda s: s.gearbox_degc, noise=0.1, resolution=0.1, period_s=10),
            S("slip_pct", "%", 0, 20, "Slip of the chain against its sprocket",
              lambda s: s.slip_pct, noise=0.05, resolution=0.01, period_s=10),
        ),
    )  # fmt: skip


UNITS = (
    _conveyor(1, "MONO-30", "QC-40", "Conveyor from the filler to the checkweigher"),
    _conveyor(2, "QC-40", "LAB-50", "Conveyor from the checkweigher to the labeller"),
    _conveyor(3, "LAB-50", "SHR-60", "Conveyor from the labeller to the bundler"),
    _conveyor(4, "SHR-60", "PAL-70", "Conveyor from the bundler to the palletiser", fault="dry_chain"),
)
