"""CIP-93: cleaning in place of blend tank, pasteuriser, buffer and filler, once the product is out.

Pre-rinse, caustic, rinse, acid, final rinse: 75 minutes, 1.5 m3 of water, 30 kW of heating. The solutions are made up
and heated in the supply tank while the rinse before them runs. Conductivity in the return follows what enters the
circuit with the time that its content takes to be replaced, so a rinse could end as soon as the conductivity says
water, and the final rinse is clean enough to be the next pre-rinse: two settings that are off as delivered. A step of
the line is divided where the program goes on to its next step, so its length does not matter.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from math import exp, inf, log
from typing import NamedTuple

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import EXECUTE, Machine, State, advance
from demo_line.plan import CLEANING, Phase, enters
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Event, Parameters, Surroundings, UnitType, approach

_WATER_KJ_L_K = 4.19
_PIECE_S = 30.0
"""Heating and mixing are worked out at least this often."""


class CipStep(IntEnum):
    """Steps of the program."""

    IDLE = 0
    PRE_RINSE = 1
    CAUSTIC = 2
    RINSE = 3
    ACID = 4
    FINAL_RINSE = 5


_IDLE = CipStep.IDLE
_RINSES = frozenset({CipStep.PRE_RINSE, CipStep.RINSE, CipStep.FINAL_RINSE})
_WASHES = frozenset({CipStep.CAUSTIC, CipStep.ACID})
_SHORTENED = frozenset({CipStep.RINSE, CipStep.FINAL_RINSE})


class Cip93Parameters(Parameters):
    """Design values of the program, the supply tank and the sensors."""

    pre_rinse_s: float = Field(default=540.0, gt=0)
    caustic_s: float = Field(default=1248.0, gt=0)
    rinse_s: float = Field(default=864.0, gt=0)
    acid_s: float = Field(default=972.0, gt=0)
    final_rinse_s: float = Field(default=864.0, gt=0)
    rinse_l_h: float = Field(default=2000.0, gt=0)
    wash_l_h: float = Field(default=2500.0, gt=0)
    tank_l: float = Field(default=120.0, gt=0, description="of solution")
    fill_l_h: float = Field(default=1000.0, gt=0)
    dump_l_h: float = Field(default=4000.0, gt=0)
    caustic_degc: float = Field(default=75.0, description="2 % sodium hydroxide")
    acid_degc: float = Field(default=65.0, description="1 % nitric acid")
    heater_w: float = Field(default=30000.0, ge=0)
    pump_w: float = Field(default=1500.0, ge=0)
    standby_w: float = Field(default=40.0, ge=0)
    metal_l: float = Field(default=40.0, ge=0, description="circuit and tank walls as litres of water")
    loss_w_k: float = Field(default=25.0, gt=0)
    circuit_l: float = Field(default=65.0, gt=0)
    caustic_ms_cm: float = Field(default=85.0, description="2 % sodium hydroxide, referred to 20 °C")
    acid_ms_cm: float = Field(default=50.0, description="1 % nitric acid, referred to 20 °C")
    soil_ms_cm: float = Field(default=2.5, description="drink left in the circuit")
    water_ms_cm: float = Field(default=0.6, description="drinking water")
    rinsed_ms_cm: float = Field(default=0.9, description="a rinse may end below it")
    coating_ms_cm: float = Field(default=1.2, description="what a coated sensor adds when its fault is complete")
    coating_span: float = Field(default=0.12, description="and what it takes from its span")
    reuse_tank_l: float = Field(default=300.0, ge=0)
    reusable_ms_cm: float = Field(default=3.0, description="a final rinse below it is kept")
    reuse_final_rinse: bool = Field(default=False, description="keep it for the next pre-rinse")
    end_on_conductivity: bool = Field(default=False, description="end rinses there instead of after a fixed time")


@dataclass(slots=True)
class Cip93State:
    """State of CIP-93; totals since the start.

    Attributes:
        packml: its state machine.
        reuse_final_rinse, end_on_conductivity: settings, which may be changed while it runs.
        phase: of the last step.
        step: step of the program; `in_step_s` seconds since it began.
        done: whether the program has come to its end in this cleaning.
        tank_l, tank_degc, dumping: content of the supply tank; whether spent solution runs out of it.
        reuse_l: content of the tank for used rinse.
        circuit_degc, conductivity_ms_cm, reading_ms_cm: in the return; true and as the sensor, so the controller, sees.
        flow_l_h, heater_w, power_w: means over the step of the line.
        step_l: water that each step of the last program has sent through the circuit, by its number.
        washed_s: seconds of hot solution in this cleaning.
        water_l, reused_l, drained_l, heat_ws, programs: totals.
    """

    packml: Machine
    reuse_final_rinse: bool
    end_on_conductivity: bool
    conductivity_ms_cm: float
    reading_ms_cm: float
    power_w: float
    phase: Phase = Phase.PRODUCTION
    step: CipStep = CipStep.IDLE
    in_step_s: float = 0.0
    done: bool = False
    tank_l: float = 0.0
    tank_degc: float = 20.0
    dumping: bool = False
    reuse_l: float = 0.0
    circuit_degc: float = 20.0
    flow_l_h: float = 0.0
    heater_w: float = 0.0
    step_l: list[float] = field(default_factory=lambda: [0.0] * len(CipStep))
    washed_s: float = 0.0
    water_l: float = 0.0
    reused_l: float = 0.0
    drained_l: float = 0.0
    heat_ws: float = 0.0
    programs: int = 0


def _initial(p: Cip93Parameters) -> Cip93State:
    return Cip93State(
        Machine(State.STOPPED),
        reuse_final_rinse=p.reuse_final_rinse,
        end_on_conductivity=p.end_on_conductivity,
        conductivity_ms_cm=p.water_ms_cm,
        reading_ms_cm=p.water_ms_cm,
        power_w=p.standby_w,
    )


class _Air(NamedTuple):
    """What the program meets outside during one step of the line."""

    hall_degc: float
    water_degc: float
    coating: float


def length_s(p: Cip93Parameters, step: CipStep) -> float:
    """How long a step of the program lasts at most."""
    return (inf, p.pre_rinse_s, p.caustic_s, p.rinse_s, p.acid_s, p.final_rinse_s)[step]


def _reading(p: Cip93Parameters, conductivity_ms_cm: float, coating: float) -> float:
    """A coat of lime keeps some electrolyte before the electrodes: less span, and a rest that no rinse takes away."""
    return conductivity_ms_cm * (1.0 - p.coating_span * coating) + p.coating_ms_cm * coating


def _rinsed_after_s(p: Cip93Parameters, s: Cip93State, coating: float) -> float:
    """Seconds until the sensor says that the rinse may end; infinite where it never does."""
    if not s.end_on_conductivity or s.step not in _SHORTENED:
        return inf
    limit = (p.rinsed_ms_cm - p.coating_ms_cm * coating) / (1.0 - p.coating_span * coating)
    if limit <= p.water_ms_cm:
        return inf
    time_constant_s = p.circuit_l / p.rinse_l_h * 3600.0
    above = s.conductivity_ms_cm - p.water_ms_cm
    return max(time_constant_s * log(above / (limit - p.water_ms_cm)), 0.0) if above > 0.0 else 0.0


def _step(p: Cip93Parameters, s: Cip93State, around: Surroundings, _draws: Draws) -> None:
    dt_s, supplies, phase = around.dt_s, around.supplies, around.plan.phase
    if enters(s, phase):
        if phase is CLEANING:
            _begin(s)
        else:
            _end(s)
    mains = supplies["mains_on"] > 0.5
    advance(s.packml, dt_s, run=phase is CLEANING and not s.done, starved=not mains)
    water_l, drained_l, heat_ws = s.water_l, s.drained_l, s.heat_ws
    active = mains and s.packml.state is EXECUTE
    if active or (mains and s.tank_l > 0.0):
        air = _Air(supplies["ambient_degc"], supplies["water_degc"], around.severity["conductivity_sensor_fouling"])
        programs = s.programs
        _run(p, s, air, dt_s, active=active)
        if s.programs > programs:
            volumes = {f"{step.name.lower()}_l": round(s.step_l[step], 1) for step in CipStep if step}
            around.events.append(Event(around.elapsed_s, "CIP-93", "cleaning", "program complete", volumes))
    else:
        s.circuit_degc = approach(s.circuit_degc, supplies["ambient_degc"], dt_s, 3600.0)
        s.flow_l_h = 0.0
    s.heater_w = (s.heat_ws - heat_ws) / dt_s
    s.power_w = s.heater_w + (p.pump_w if active else p.standby_w) if mains else 0.0
    around.demands["water_demand_l_h"] += (s.water_l - water_l) * 3600.0 / dt_s
    around.demands["drain_l_h"] += (s.drained_l - drained_l) * 3600.0 / dt_s
    _supply(p, s, supplies)


def _supply(p: Cip93Parameters, s: Cip93State, supplies: dict[str, float]) -> None:
    running = s.step is not _IDLE and s.flow_l_h > 0.0
    supplies["cip_active"] = 1.0 if running else 0.0
    supplies["cip_flow_l_h"] = s.flow_l_h
    supplies["cip_degc"] = s.circuit_degc
    supplies["cip_detergent"] = 1.0 if running and s.step in _WASHES and s.circuit_degc >= 55.0 else 0.0
    left_s = sum(length_s(p, step) for step in CipStep if step > s.step) if s.step else 0.0
    supplies["cip_left_s"] = left_s + length_s(p, s.step) - s.in_step_s if s.step else 0.0


def _begin(s: Cip93State) -> None:
    s.step, s.in_step_s, s.done, s.washed_s = CipStep.PRE_RINSE, 0.0, False, 0.0
    s.step_l = [0.0] * len(CipStep)


def _end(s: Cip93State) -> None:
    """The program is over or broken off; what is left in the supply tank runs out."""
    s.step, s.in_step_s, s.dumping = CipStep.IDLE, 0.0, s.tank_l > 0.0


def _run(p: Cip93Parameters, s: Cip93State, air: _Air, dt_s: float, *, active: bool) -> None:
    """Let the program go on for a step of the line, divided where something changes."""
    left_s, flow_s = dt_s, 0.0
    while left_s > 1e-9:
        piece_s = min(left_s, _PIECE_S, _tank_event_s(p, s, active=active))
        if active and s.step:
            until_s = min(length_s(p, s.step) - s.in_step_s, _rinsed_after_s(p, s, air.coating))
            piece_s = max(min(piece_s, until_s), 0.0)
            flow_s += piece_s * _circulate(p, s, air, piece_s)
            s.in_step_s += piece_s
        _tank(p, s, air, piece_s, active=active)
        left_s -= piece_s
        if active and s.step and (until_s - piece_s < 1e-6):
            _next(s)
    s.flow_l_h = flow_s / dt_s


def _next(s: Cip93State) -> None:
    if s.step is CipStep.FINAL_RINSE:
        s.done = True
        s.programs += 1
        _end(s)
        return
    s.step, s.in_step_s = CipStep(s.step + 1), 0.0
    s.dumping = s.dumping or (s.step in _RINSES and s.tank_l > 0.0)


def _circulate(p: Cip93Parameters, s: Cip93State, air: _Air, piece_s: float) -> float:
    """Water or solution through the circuit for a piece of a step; returns the flow in litres an hour."""
    rinsing = s.step in _RINSES
    flow_l_h = p.rinse_l_h if rinsing else p.wash_l_h
    volume_l = flow_l_h * piece_s / 3600.0
    entering = (
        p.caustic_ms_cm if s.step is CipStep.CAUSTIC else p.acid_ms_cm if s.step is CipStep.ACID else p.water_ms_cm
    )
    if s.step is CipStep.PRE_RINSE and s.in_step_s == 0.0:
        s.conductivity_ms_cm = p.soil_ms_cm
    kept = exp(-flow_l_h * piece_s / 3600.0 / p.circuit_l)
    s.conductivity_ms_cm = entering + kept * (s.conductivity_ms_cm - entering)
    s.reading_ms_cm = _reading(p, s.conductivity_ms_cm, air.coating)
    entering_degc = air.water_degc if rinsing else s.tank_degc
    s.circuit_degc = entering_degc + kept * (s.circuit_degc - entering_degc)
    if rinsing:
        s.step_l[s.step] += volume_l
        _rinse(p, s, volume_l)
    else:
        s.washed_s += piece_s
    return flow_l_h


def _rinse(p: Cip93Parameters, s: Cip93State, volume_l: float) -> None:
    """Where the rinse comes from and where it goes."""
    reused_l = min(volume_l, s.reuse_l) if s.step is CipStep.PRE_RINSE and s.reuse_final_rinse else 0.0
    s.reuse_l -= reused_l
    s.reused_l += reused_l
    s.water_l += volume_l - reused_l
    kept_l = 0.0
    if s.step is CipStep.FINAL_RINSE and s.reuse_final_rinse and s.conductivity_ms_cm <= p.reusable_ms_cm:
        kept_l = min(volume_l, p.reuse_tank_l - s.reuse_l)
    s.reuse_l += kept_l
    s.drained_l += volume_l - kept_l


def _preparing(s: Cip93State) -> CipStep:
    """Which solution the supply tank is for now; IDLE for none."""
    if s.step is CipStep.PRE_RINSE or s.step is CipStep.CAUSTIC:
        return CipStep.CAUSTIC
    if s.step is CipStep.RINSE or s.step is CipStep.ACID:
        return CipStep.ACID
    return CipStep.IDLE


def _tank_event_s(p: Cip93Parameters, s: Cip93State, *, active: bool) -> float:
    """Seconds until the supply tank is empty or full."""
    if s.dumping:
        return max(s.tank_l / p.dump_l_h * 3600.0, 1e-6)
    if active and _preparing(s) and s.tank_l < p.tank_l:
        return max((p.tank_l - s.tank_l) / p.fill_l_h * 3600.0, 1e-6)
    return inf


def _tank(p: Cip93Parameters, s: Cip93State, air: _Air, piece_s: float, *, active: bool) -> None:
    """Supply tank: run out, fill, heat. Heating is the lesser of full power and what holds the set point."""
    wanted = _preparing(s) if active else CipStep.IDLE
    if s.dumping:
        out_l = p.dump_l_h * piece_s / 3600.0
        out_l = out_l if out_l < s.tank_l - 1e-6 else s.tank_l
        s.tank_l -= out_l
        s.drained_l += out_l
        s.dumping = s.tank_l > 0.0
    elif wanted and s.tank_l < p.tank_l:
        in_l = min(p.fill_l_h * piece_s / 3600.0, p.tank_l - s.tank_l)
        held_l = s.tank_l + p.metal_l
        s.tank_degc = (s.tank_degc * held_l + air.water_degc * in_l) / (held_l + in_l)
        s.tank_l += in_l
        s.water_l += in_l
        if s.step in _SOLUTION_OF:
            s.step_l[_SOLUTION_OF[s.step]] += in_l
    capacity_j_k = (s.tank_l + p.metal_l) * 1000.0 * _WATER_KJ_L_K
    time_constant_s = capacity_j_k / p.loss_w_k
    unheated = approach(s.tank_degc, air.hall_degc, piece_s, time_constant_s)
    if not wanted or s.dumping or s.tank_l < 10.0:
        s.tank_degc = unheated
        return
    # Heating by P for the piece lifts the end temperature by P / UA (1 - exp(-t / tau)).
    set_degc = p.caustic_degc if wanted is CipStep.CAUSTIC else p.acid_degc
    lift_k_w = (1.0 - exp(-piece_s / time_constant_s)) / p.loss_w_k
    heat_w = min(max((set_degc - unheated) / lift_k_w, 0.0), p.heater_w) if lift_k_w > 0.0 else 0.0
    s.tank_degc = unheated + heat_w * lift_k_w
    s.heat_ws += heat_w * piece_s


_SOLUTION_OF = {
    CipStep.PRE_RINSE: CipStep.CAUSTIC,
    CipStep.CAUSTIC: CipStep.CAUSTIC,
    CipStep.RINSE: CipStep.ACID,
    CipStep.ACID: CipStep.ACID,
}

S = Signal[Cip93State]


def _step_volume(step: CipStep) -> Signal[Cip93State]:
    name = step.name.lower()
    return S(f"{name}_volume_l", "L", 0, None, f"Water of the last {name.replace('_', '-')}",
             lambda s: s.step_l[step], resolution=0.1, period_s=10)  # fmt: skip


UNIT = UnitType(
    unit_id="CIP-93",
    title="Cleaning in place",
    parameters=Cip93Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    announce=_supply,
    reads=("ambient_degc", "mains_on", "water_degc"),
    supplies=("cip_active", "cip_flow_l_h", "cip_degc", "cip_detergent", "cip_left_s"),
    demands=("water_demand_l_h", "drain_l_h"),
    signals=(
        *packml_signals(),
        S("program_step", "", 0, 5, "0 idle, 1 pre-rinse, 2 caustic, 3 rinse, 4 acid, 5 final rinse",
          lambda s: int(s.step), DataType.INT32, period_s=0),
        S("return_conductivity_ms_cm", "mS/cm", 0, 200, "Conductivity in the return, referred to 20 °C",
          lambda s: s.reading_ms_cm, noise=0.02, resolution=0.01),
        S("return_temperature_degc", "°C", 0, 120, "Temperature in the return",
          lambda s: s.circuit_degc, noise=0.05, resolution=0.1),
        S("flow_l_h", "L/h", 0, 5000, "Flow in the circuit", lambda s: s.flow_l_h, resolution=1.0),
        S("tank_temperature_degc", "°C", 0, 120, "Temperature of the supply tank",
          lambda s: s.tank_degc, noise=0.05, resolution=0.1),
        S("power_w", "W", 0, 40000, "Electrical power of heater and pump",
          lambda s: s.power_w, resolution=1.0),
        *(_step_volume(step) for step in CipStep if step),
        S("reused_l", "L", 0, None, "Final rinse used again since start",
          lambda s: s.reused_l, resolution=0.1, period_s=10),
        S("program_count", "", 0, None, "Programs completed since start",
          lambda s: s.programs, DataType.INT64, period_s=0),
    ),
    truth=(
        S("conductivity_ms_cm", "mS/cm", 0, None, "True conductivity in the return", lambda s: s.conductivity_ms_cm),
        S("water_in_l", "L", 0, None, "Fresh water taken since start", lambda s: s.water_l),
        S("drained_l", "L", 0, None, "Water and solutions to the drain since start", lambda s: s.drained_l),
        S("held_l", "L", 0, None, "Content of supply tank and reuse tank", lambda s: s.tank_l + s.reuse_l),
        S("heat_kwh", "kWh", 0, None, "Heat given to the solutions since start", lambda s: s.heat_ws / 3.6e6),
    ),
)  # fmt: skip
